// The signer process as its parent has it: started with one end of a socket pair, spoken to in
// frames (protocol.h), ended.
//
// Send and Receive may run on two threads, one each; Shutdown on any.
#ifndef SLUICE_TLS_SIGNER_CHILD_H_
#define SLUICE_TLS_SIGNER_CHILD_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tls/signer/protocol.h"

namespace sluice::signer {

class Child {
 public:
  // `program` is a path. The error names it; a program that starts and ends at once is found out by
  // the first Receive.
  static absl::StatusOr<std::unique_ptr<Child>> Start(const std::string& program, int threads);
  // Ends it, as End().
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Whole frames. Blocks while the process is behind. False when the connection has ended.
  bool Send(std::string_view frames);
  // Waits for at least one, and appends all that are there. False at the end of the connection, for
  // what is not of the grammar, and when `SetPatience` says that it is over.
  bool Receive(std::vector<Response>& responses);
  // How long Receive waits; zero: as long as it takes.
  void SetPatience(absl::Duration patience);

  // Send and Receive return false from now on.
  void Shutdown();
  // Kills it if it still runs (it holds nothing that would be lost), and says how it ended, for the
  // log. Once, by the thread of Receive. Send and Receive return false from now on.
  std::string End();

  pid_t pid() const { return pid_; }

 private:
  Child(int socket, pid_t pid) : socket_(socket), pid_(pid) {}
  bool GiveUp(const char* complaint);  // false

  const int socket_;
  const pid_t pid_;
  bool ended_ = false;
  FrameReader reader_;
  std::string complaint_;  // why Receive gave up on one that may well still run
};

}  // namespace sluice::signer

#endif  // SLUICE_TLS_SIGNER_CHILD_H_
