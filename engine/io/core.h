// A core: one thread, one event loop, and everything that lives on it.
//
// This is the seam between the program and the world. Sessions, lanes and services are written
// against Core, Connection and Listener; UringCore (io_uring) is the real one, and a simulated one
// can stand in its place, with a virtual clock and one seed. Nothing above engine/io reaches for a
// socket, a clock or randomness by itself.
//
// A tick: take what has completed, resume the coroutines whose wait is over, deliver letters from
// other threads, fire timers, submit what was asked for, sleep until the next of them.
#ifndef SLUICE_ENGINE_IO_CORE_H_
#define SLUICE_ENGINE_IO_CORE_H_

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "engine/io/connection.h"
#include "engine/io/mailbox.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"
#include "engine/io/timer_wheel.h"

namespace sluice::io {

// A coroutine that is ready to go on, linked into the core's list. Embedded in awaiters.
struct Ready {
  std::coroutine_handle<> waiter;
  Ready* next = nullptr;
};

// Oldest first.
class ReadyList {
 public:
  bool empty() const { return head_ == nullptr; }
  void Push(Ready& ready);
  // Not of an empty one.
  Ready& Pop();

 private:
  Ready* head_ = nullptr;
  Ready* tail_ = nullptr;
};

struct ConnectOptions {
  SocketAddress remote;
  std::optional<SocketAddress> source;  // bound before connect; port 0 lets the kernel choose
};

class Core {
 public:
  virtual ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // The core this thread runs, or null on a thread that is none.
  static Core* Current();

  int index() const { return index_; }
  const Clock& clock() const { return clock_; }
  // As of the start of this tick: cheap, and the same for all that happens in it.
  MonoTime Now() const { return now_; }
  absl::Time WallNow() const { return clock_.WallNow(); }
  Random& random() { return random_; }
  TimerWheel& timers() { return timers_; }

  // Starts `task` in this tick; it owns itself until it ends.
  void Spawn(Task<void> task);
  // Spawned tasks that have not ended.
  size_t live_tasks() const { return live_tasks_; }

  // Resumes `ready.waiter` soon, in order of calls: no callback resumes a coroutine from inside
  // another. `ready` stays where it is until then.
  void MakeReady(Ready& ready) { ready_.Push(ready); }

  // co_await core.SleepUntil(time).
  class SleepAwaiter;
  SleepAwaiter SleepUntil(MonoTime at);

  // co_await core.Turn(): in front of work that takes long (a handshake's signature and agreement,
  // 100 us). All that is ready goes first, and of those that wait for a turn only as many go in a
  // tick as kTurnTime has room for: so the commands of open sessions do not wait for all the
  // handshakes of those that come, however many come at once.
  class TurnAwaiter;
  TurnAwaiter Turn();

  // Errors: DeadlineExceeded, Unavailable (refused, unreachable, reset), ResourceExhausted (no
  // descriptor left), InvalidArgument (source and remote of different families).
  virtual Task<absl::StatusOr<std::unique_ptr<Connection>>> Connect(ConnectOptions options,
                                                                    MonoTime deadline) = 0;
  // Several cores may listen on one address: the kernel shares the connections out among them.
  // Port 0 picks a free one; Listener::address() says which.
  virtual absl::StatusOr<std::unique_ptr<Listener>> Listen(const SocketAddress& address) = 0;

  // Any thread: `letter.Deliver()` is called on this core. Letters of one sender keep their order.
  void Post(Letter& letter);
  // Any thread: `function` is called on this core. Allocates; for what is rare.
  void Run(absl::AnyInvocable<void() &&> function);

 protected:
  Core(int index, const Clock& clock, Random random);

  // Any thread: makes a sleeping core look at its mailbox.
  virtual void Wake() = 0;
  void UpdateNow() { now_ = clock_.MonoNow(); }
  static void SetCurrent(Core* core);
  // Delivers letters, fires timers, and resumes the coroutines that are ready by then, and those
  // whose turn it is; those made ready meanwhile are left to the next call, so that none of them
  // can starve the network.
  void RunReady();
  bool has_ready() const { return !ready_.empty() || !turns_.empty(); }
  Mailbox& mailbox() { return mailbox_; }

 private:
  struct Detached;
  static Detached RunDetached(Core& core, Task<void> task);

  const int index_;
  const Clock& clock_;
  Random random_;
  MonoTime now_;
  TimerWheel timers_;
  Mailbox mailbox_;
  ReadyList ready_;
  ReadyList turns_;
  size_t live_tasks_ = 0;
};

class Core::SleepAwaiter {
 public:
  SleepAwaiter(Core& core, MonoTime at) : core_(core), at_(at) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  Core& core_;
  const MonoTime at_;
  Ready ready_;
  Timer timer_;
};

class Core::TurnAwaiter {
 public:
  explicit TurnAwaiter(Core& core) : core_(core) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    ready_.waiter = waiter;
    core_.turns_.Push(ready_);
  }
  void await_resume() const noexcept {}

 private:
  Core& core_;
  Ready ready_;
};

inline Core::TurnAwaiter Core::Turn() { return TurnAwaiter(*this); }
inline Core::SleepAwaiter Core::SleepUntil(MonoTime at) { return SleepAwaiter(*this, at); }

// Coroutines of one core wait for one another here.
//
//   while (backlog.empty()) co_await arrived.Wait(Deadline);     arrived.NotifyOne();
class Event {
 public:
  explicit Event(Core& core) : core_(core) {}
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  class Awaiter;
  // True when notified, false when `deadline` came first.
  Awaiter Wait(MonoTime deadline);
  void NotifyOne();
  void NotifyAll();

 private:
  Core& core_;
  Awaiter* first_ = nullptr;  // oldest waiter first
  Awaiter* last_ = nullptr;
};

class Event::Awaiter {
 public:
  Awaiter(Event& event, MonoTime deadline) : event_(event), deadline_(deadline) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  bool await_resume() const noexcept { return notified_; }

 private:
  friend class Event;
  void Unlink();

  Event& event_;
  const MonoTime deadline_;
  Ready ready_;
  Timer timer_;
  Awaiter* next_ = nullptr;
  Awaiter* prev_ = nullptr;
  bool notified_ = false;
};

inline Event::Awaiter Event::Wait(MonoTime deadline) { return Awaiter(*this, deadline); }

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_CORE_H_
