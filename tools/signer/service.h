// The loop of the signer process: requests in, responses out, on as many threads as like to Run().
//
// There is no thread that only reads: whichever finds no request left waits for the socket, takes
// all that came, keeps one and lets the next thread at the others. Nor one that only writes: a
// response that is ready while another thread is sending leaves with that one's next. While there
// are requests left, those of a thread leave together.
#ifndef SLUICE_TOOLS_SIGNER_SERVICE_H_
#define SLUICE_TOOLS_SIGNER_SERVICE_H_

#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "tls/signer/protocol.h"
#include "tools/signer/private_keys.h"

namespace sluice::signer {

class Service {
 public:
  // `socket` and `keys` outlive the service.
  Service(int socket, PrivateKeys& keys) : socket_(socket), keys_(keys) {}

  // Until the other side closes, or says what is not of the grammar.
  void Run();
  // When Run has returned: whether it was the latter.
  bool malformed();

 private:
  std::optional<Request> Take();  // waits for one; unset at the end
  std::optional<Request> TakeWaiting();
  std::optional<Request> Pop();  // holds reading_; unset: there is none
  bool Receive();  // holds reading_; false at the end
  void Send(const std::string& frames);

  const int socket_;
  PrivateKeys& keys_;

  std::mutex reading_;
  FrameReader reader_;
  std::deque<Request> requests_;
  bool ended_ = false;
  bool malformed_ = false;

  std::mutex writing_;
  std::string outgoing_;
  bool sending_ = false;  // a thread is; it takes outgoing_ along
};

}  // namespace sluice::signer

#endif  // SLUICE_TOOLS_SIGNER_SERVICE_H_
