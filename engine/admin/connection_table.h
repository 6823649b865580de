// The open connections of one listener: how many each client has, by when each must have got on,
// and which rest until a time.
//
// The HTTP library closes a connection that says nothing for a while. One that says a little now
// and then (slow loris) it would keep for ever; so each has a deadline for the step it is at, and
// is shut down when that has passed. Tend() does so, and wakes those whose rest is over.
//
// A connection is Remove()d before its descriptor is closed, so that no other is ever shut down in
// its place. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_CONNECTION_TABLE_H_
#define SLUICE_ENGINE_ADMIN_CONNECTION_TABLE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/clock.h"
#include "engine/io/socket_address.h"

namespace sluice::admin {

struct OpenConnection {
  int fd = -1;
  io::SocketAddress address;          // on TCP
  std::string client;                 // ClientKey(address); empty: not on TCP
  std::shared_ptr<void> credentials;  // that its TLS session is on

  // The table's.
  MonoTime deadline = MonoTime::Never();
  absl::AnyInvocable<void() &&> wake;
  MonoTime wake_at;
};

class ConnectionTable {
 public:
  // 0: as many as there are.
  explicit ConnectionTable(size_t most_per_client) : most_per_client_(most_per_client) {}

  bool HasRoomFor(const std::string& client) const;

  // Stays at its address until it is removed.
  OpenConnection* Add(OpenConnection connection);
  void Remove(OpenConnection* connection);

  void SetDeadline(OpenConnection* connection, MonoTime deadline);
  // `wake` is called by Tend() or WakeAll(), once. The connection is not removed before.
  void Rest(OpenConnection* connection, MonoTime until, absl::AnyInvocable<void() &&> wake);

  void Tend(MonoTime now);
  // Those that rest, and from now on at once whoever would.
  void WakeAll();

 private:
  void Wake(MonoTime now);

  const size_t most_per_client_;
  mutable absl::Mutex mutex_;
  std::list<OpenConnection> connections_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, size_t> of_clients_ ABSL_GUARDED_BY(mutex_);
  bool nobody_rests_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_CONNECTION_TABLE_H_
