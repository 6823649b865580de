#include "engine/admin/failure_table.h"

#include <algorithm>

namespace sluice::admin {

std::string ClientKey(const io::SocketAddress& address) {
  return std::string(address.ip_bytes().substr(0, 8));
}

void FailureTable::Allowance::Recover(MonoTime now) {
  left = std::min(kBurst, left + absl::FDivDuration(now - at, kRecovery));
  at = now;
}

bool FailureTable::Allowance::Take(MonoTime now) {
  Recover(now);
  if (left < 1) return false;
  left -= 1;
  return true;
}

FailureTable::Allowance& FailureTable::AllowanceOf(const std::string& client, MonoTime now) {
  if (const auto found = clients_.find(client); found != clients_.end()) return found->second;
  if (clients_.size() >= kMaxClients) {
    // Whoever has his whole allowance again need not be known any more.
    absl::erase_if(clients_, [now](auto& entry) {
      entry.second.Recover(now);
      return entry.second.left >= kBurst;
    });
  }
  if (clients_.size() >= kMaxClients) return of_all_others_;
  return clients_.try_emplace(client, Allowance{kBurst, now}).first->second;
}

FailureTable::Verdict FailureTable::Add(const io::SocketAddress& client, MonoTime now) {
  const absl::MutexLock lock(&mutex_);
  const bool allowed = AllowanceOf(ClientKey(client), now).Take(now);
  return {.too_many = !allowed, .worth_a_line = allowed && of_the_log_.Take(now)};
}

size_t FailureTable::size() const {
  const absl::MutexLock lock(&mutex_);
  return clients_.size();
}

}  // namespace sluice::admin
