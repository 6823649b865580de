// The signer in a process of its own, which alone can read the private keys (tools/signer): a bug
// on the side that speaks with the network reads none.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<tls::Signer> signer,
//                           ProcessSigner::Start({.program = program}, io::RealMachine()));
//   signer->Load(files, deadline);
//
// Requests of all cores gather in a queue, and one thread writes whatever has gathered in one go;
// another reads the answers and hands them out. So a burst costs one system call and one wake-up.
//
// When the process ends, what was under way fails, which is logged; the process is started again,
// after a pause that doubles up to kLongestPause, and the keys are loaded anew. Requests that come
// meanwhile wait for it, until their own deadline. Nothing else ever signs in its stead.
//
// A key has its name from the certificate: the SHA-256 of its SubjectPublicKeyInfo. The process
// keeps each for as long as somebody here holds Credentials with it, and drops it at the next Load.
#ifndef SLUICE_TLS_SIGNER_PROCESS_SIGNER_H_
#define SLUICE_TLS_SIGNER_PROCESS_SIGNER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/io/machine.h"
#include "tls/credentials.h"
#include "tls/signer.h"
#include "tls/signer/child.h"
#include "tls/signer/protocol.h"

namespace sluice::signer {

struct ProcessSignerOptions {
  std::string program;  // path of sluice-signer
  int threads = 1;      // of the process, that sign
};

class ProcessSigner final : public tls::Signer {
 public:
  static constexpr absl::Duration kShortestPause = absl::Milliseconds(100);
  static constexpr absl::Duration kLongestPause = absl::Seconds(5);

  // `machine` outlives the signer. Unavailable: the process does not start, or not as it should.
  static absl::StatusOr<std::unique_ptr<tls::Signer>> Start(ProcessSignerOptions options,
                                                            io::Machine& machine);
  // Drops what is under way, unanswered.
  ~ProcessSigner() override;

  absl::StatusOr<std::shared_ptr<const tls::Credentials>> Load(
      absl::Span<const tls::CredentialFiles> files, MonoTime deadline) override;
  void Work(tls::PrivateKeyRequest request, MonoTime deadline,
            absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) override;

 private:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Response>) &&>;
  struct Pending {
    std::shared_ptr<const tls::Credentials> credentials;  // their keys stay while it is under way
    MonoTime deadline;
    Done done;
  };
  struct Waiting {
    uint64_t id;
    std::string frame;
    Pending pending;
  };
  // Credentials that were loaded, for as long as somebody holds them, with the keys of the process.
  struct Generation {
    std::weak_ptr<const tls::Credentials> credentials;
    std::vector<KeyFile> keys;
  };

  ProcessSigner(ProcessSignerOptions options, io::Machine& machine, std::shared_ptr<Child> child);

  void Enqueue(Request request, Pending pending);
  // What is loaded and still held, the newest first. Forgets the other generations.
  std::vector<KeyFile> HeldKeys() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The thread that writes.
  void SendAll();
  bool HasToSend() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The thread that reads, and starts the process again.
  void Supervise(std::shared_ptr<Child> child);
  void Answer(std::vector<Response> responses);
  // The process is gone: everything under way fails. How much that was.
  size_t FailUnderWay(absl::string_view how_it_ended);
  // Tries until it runs, with growing pauses. Null: the signer is to stop.
  std::shared_ptr<Child> Restart(absl::Duration& pause);
  // False: the signer is to stop.
  bool Pause(absl::Duration pause);

  const ProcessSignerOptions options_;
  io::Machine& machine_;

  absl::Mutex load_mutex_;  // one load at a time

  std::atomic<uint64_t> last_id_{0};
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<Child> child_ ABSL_GUARDED_BY(mutex_);  // null while it is down
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mutex_);     // not sent yet
  std::unordered_map<uint64_t, Pending> under_way_ ABSL_GUARDED_BY(mutex_);
  std::vector<Generation> generations_ ABSL_GUARDED_BY(mutex_);  // the newest last

  std::thread sender_;
  std::thread supervisor_;
};

}  // namespace sluice::signer

#endif  // SLUICE_TLS_SIGNER_PROCESS_SIGNER_H_
