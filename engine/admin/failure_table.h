// Which clients have shown wrong tokens, so that those who try again and again get slow answers and
// do not fill the log.
//
//   FailureTable failures;
//   const FailureTable::Verdict verdict = failures.Add(address, clock.MonoNow());
//   if (verdict.worth_a_line) log::Warning(…);
//   if (verdict.too_many) … answer late …
//
// A client is an IPv4 address or the /64 that an IPv6 address lies in, which is what one host may
// choose its addresses from. Each has an allowance of kBurst failures that comes back by one in
// kRecovery; so has the log. Memory is bounded: when kMaxClients are being held to their
// allowances, further ones share one. A good token is never held up by any of this. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_FAILURE_TABLE_H_
#define SLUICE_ENGINE_ADMIN_FAILURE_TABLE_H_

#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/io/socket_address.h"

namespace sluice::admin {

// What counts as one client: 4 or 8 bytes.
std::string ClientKey(const io::SocketAddress& address);

class FailureTable {
 public:
  static constexpr double kBurst = 10;
  static constexpr absl::Duration kRecovery = absl::Seconds(6);
  static constexpr size_t kMaxClients = 4096;

  struct Verdict {
    bool too_many = false;
    bool worth_a_line = false;
  };
  // One more.
  Verdict Add(const io::SocketAddress& client, MonoTime now);

  size_t size() const;

 private:
  // What is left of an allowance at a time.
  struct Allowance {
    double left = kBurst;
    MonoTime at;

    void Recover(MonoTime now);
    bool Take(MonoTime now);
  };
  Allowance& AllowanceOf(const std::string& client, MonoTime now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Allowance> clients_ ABSL_GUARDED_BY(mutex_);
  Allowance of_all_others_ ABSL_GUARDED_BY(mutex_);
  Allowance of_the_log_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_FAILURE_TABLE_H_
