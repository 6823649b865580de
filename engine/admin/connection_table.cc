#include "engine/admin/connection_table.h"

#include <sys/socket.h>

#include <utility>
#include <vector>

#include "engine/base/check.h"

namespace sluice::admin {

bool ConnectionTable::HasRoomFor(const std::string& client) const {
  if (most_per_client_ == 0) return true;
  const absl::MutexLock lock(&mutex_);
  const auto found = of_clients_.find(client);
  return found == of_clients_.end() || found->second < most_per_client_;
}

OpenConnection* ConnectionTable::Add(OpenConnection connection) {
  const absl::MutexLock lock(&mutex_);
  ++of_clients_[connection.client];
  return &connections_.emplace_back(std::move(connection));
}

void ConnectionTable::Remove(OpenConnection* connection) {
  const absl::MutexLock lock(&mutex_);
  SLUICE_CHECK(connection->wake == nullptr);
  const auto client = of_clients_.find(connection->client);
  SLUICE_CHECK(client != of_clients_.end());
  if (--client->second == 0) of_clients_.erase(client);
  connections_.remove_if([connection](const OpenConnection& each) { return &each == connection; });
}

void ConnectionTable::SetDeadline(OpenConnection* connection, MonoTime deadline) {
  const absl::MutexLock lock(&mutex_);
  connection->deadline = deadline;
}

void ConnectionTable::Rest(OpenConnection* connection, MonoTime until,
                           absl::AnyInvocable<void() &&> wake) {
  {
    const absl::MutexLock lock(&mutex_);
    if (!nobody_rests_) {
      connection->wake = std::move(wake);
      connection->wake_at = until;
      return;
    }
  }
  std::move(wake)();
}

void ConnectionTable::Tend(MonoTime now) {
  Wake(now);
  const absl::MutexLock lock(&mutex_);
  for (OpenConnection& connection : connections_) {
    if (now <= connection.deadline) continue;
    shutdown(connection.fd, SHUT_RDWR);
    connection.deadline = MonoTime::Never();
  }
}

void ConnectionTable::WakeAll() {
  {
    const absl::MutexLock lock(&mutex_);
    nobody_rests_ = true;
  }
  Wake(MonoTime::Never());
}

void ConnectionTable::Wake(MonoTime now) {
  // Called without the lock: the library takes its own, under which it calls us.
  std::vector<absl::AnyInvocable<void() &&>> due;
  {
    const absl::MutexLock lock(&mutex_);
    for (OpenConnection& connection : connections_) {
      if (connection.wake == nullptr || now < connection.wake_at) continue;
      due.push_back(std::exchange(connection.wake, nullptr));
    }
  }
  for (absl::AnyInvocable<void() &&>& wake : due) std::move(wake)();
}

}  // namespace sluice::admin
