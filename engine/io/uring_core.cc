#include "engine/io/uring_core.h"

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/io/thread_slice.h"
#include "engine/io/uring_ring.h"

// Newer than liburing 2.3's copy of the kernel's header, or spelled here so that one place says
// what the core asks of the kernel (linux/io_uring.h).
#ifndef IORING_SETUP_SINGLE_ISSUER
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif

namespace sluice::io {
namespace {

std::vector<int> UsableCpuNumbers() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

absl::Status RingError(int error) {
  switch (error) {
    case EPERM:
      return absl::FailedPreconditionError(
          "io_uring is switched off for this process: set the sysctl kernel.io_uring_disabled to "
          "0, "
          "and in a container allow the io_uring system calls");
    case ENOSYS:
    case EINVAL:
      return absl::FailedPreconditionError(
          "this kernel's io_uring lacks SINGLE_ISSUER and DEFER_TASKRUN: Linux 6.1 or later is "
          "needed ('uname -r' shows the running one)");
    default:
      return ErrnoStatus(error, "set up io_uring");
  }
}

}  // namespace

absl::Status ErrnoStatus(int error, absl::string_view attempted) {
  const std::string message = absl::StrCat(attempted, ": ", std::strerror(error));
  switch (error) {
    case ECANCELED:
      return absl::CancelledError(message);
    case ETIMEDOUT:
      return absl::DeadlineExceededError(message);
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return absl::ResourceExhaustedError(message);
    case EAFNOSUPPORT:
    case EINVAL:
    case EADDRNOTAVAIL:
      return absl::InvalidArgumentError(message);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case EADDRINUSE:
      return absl::AlreadyExistsError(message);
    default:
      return absl::UnavailableError(message);
  }
}

// ---- ReceivePool

absl::Status ReceivePool::Register(io_uring& ring, int buffers, int buffer_bytes) {
  ring_ = &ring;
  count_ = static_cast<uint32_t>(buffers);
  buffer_bytes_ = static_cast<uint32_t>(buffer_bytes);
  mapped_bytes_ = count_ * sizeof(io_uring_buf);
  void* const mapped =
      mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
  if (mapped == MAP_FAILED) return ErrnoStatus(errno, "map the ring of receive buffers");
  buffers_ = static_cast<io_uring_buf_ring*>(mapped);
  io_uring_buf_ring_init(buffers_);

  io_uring_buf_reg registration{};
  registration.ring_addr = reinterpret_cast<uint64_t>(buffers_);
  registration.ring_entries = count_;
  registration.bgid = kGroup;
  if (const int error = -io_uring_register_buf_ring(&ring, &registration, 0); error != 0) {
    return ErrnoStatus(error, "register the ring of receive buffers");
  }
  memory_ = std::make_unique_for_overwrite<char[]>(size_t{count_} * buffer_bytes_);
  on_loan_ = count_;
  for (uint32_t i = 0; i < count_; ++i) GiveBack(i);
  return absl::OkStatus();
}

ReceivePool::~ReceivePool() {
  if (buffers_ != nullptr) munmap(buffers_, mapped_bytes_);
}

Input ReceivePool::Take(uint32_t completion_flags, int32_t bytes) {
  const uint32_t buffer = completion_flags >> IORING_CQE_BUFFER_SHIFT;
  SLUICE_CHECK((completion_flags & IORING_CQE_F_BUFFER) != 0 && buffer < count_);
  ++on_loan_;
  return Input(this, buffer,
               {&memory_[size_t{buffer} * buffer_bytes_], static_cast<size_t>(bytes)});
}

void ReceivePool::GiveBack(uint32_t buffer) {
  io_uring_buf_ring_add(buffers_, &memory_[size_t{buffer} * buffer_bytes_], buffer_bytes_,
                        static_cast<uint16_t>(buffer), io_uring_buf_ring_mask(count_), 0);
  io_uring_buf_ring_advance(buffers_, 1);
  --on_loan_;
  // All: the first may find that nothing has arrived for it, and the buffer stays for the next.
  freed_.NotifyAll();
}

// ---- UringCore

UringCore::UringCore(int index, const EngineOptions& options, const Clock& clock)
    : Core(index, clock, Random::FromSystem()),
      options_(options),
      receive_pool_(*this),
      doorbell_(*this) {}

UringCore::~UringCore() {
  Stop();
  if (ring_open_) io_uring_queue_exit(&ring_);
}

absl::Status UringCore::Start() {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<absl::Status> opened;
  thread_ = std::thread([&, this] {
    pthread_setname_np(pthread_self(), absl::StrCat("sluice-core-", index()).c_str());
    SetCurrent(this);
    AskForShortSlices();
    if (options_.pin) Pin();
    const absl::Status status = OpenRing();  // on this thread: it is the single issuer
    {
      const std::lock_guard lock(mutex);
      opened = status;
      changed.notify_one();  // under the lock: `changed` is gone once the starter has seen it
    }
    if (status.ok()) Loop();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return opened.has_value(); });
  return *opened;
}

void UringCore::Stop() {
  if (!thread_.joinable()) return;
  if (ring_open_) Run([this] { stopping_ = true; });
  thread_.join();
}

void UringCore::Pin() const {
  const std::vector<int> cpus = UsableCpuNumbers();
  const int cpu = cpus[static_cast<size_t>(index()) % cpus.size()];
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  if (const int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set); error != 0) {
    log::Warning("core_not_pinned",
                 {{"core", index()}, {"cpu", cpu}, {"error", std::strerror(error)}});
  }
}

absl::Status UringCore::OpenRing() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SUBMIT_ALL |
                 IORING_SETUP_CLAMP | IORING_SETUP_CQSIZE;
  params.cq_entries = static_cast<uint32_t>(options_.ring_entries) * 8;
  const int error =
      -io_uring_queue_init_params(static_cast<uint32_t>(options_.ring_entries), &ring_, &params);
  if (error != 0) return RingError(error);
  ring_open_ = true;
  // Saves the kernel a look-up of the descriptor at each call; it may have none left to lend.
  io_uring_register_ring_fd(&ring_);
  SLUICE_RETURN_IF_ERROR(
      receive_pool_.Register(ring_, options_.receive_buffers, options_.receive_buffer_bytes));
  SLUICE_RETURN_IF_ERROR(doorbell_.Open());
  doorbell_.Arm();
  return absl::OkStatus();
}

void UringCore::Loop() {
  while (!stopping_ || live_tasks() > 0) {
    UpdateNow();
    RunReady();
    Submit(/*may_sleep=*/!has_ready() && !(stopping_ && live_tasks() == 0));
    DrainCompletions();
  }
}

void UringCore::Submit(bool may_sleep) {
  if (!may_sleep || !mailbox().PrepareToSleep()) {
    // With DEFER_TASKRUN completions are made only when they are asked for.
    io_uring_submit_and_get_events(&ring_);
    return;
  }
  const MonoTime wake_up = timers().NextWakeUp();
  io_uring_cqe* first = nullptr;
  if (wake_up == MonoTime::Never()) {
    io_uring_submit_and_wait(&ring_, 1);
  } else {
    const int64_t wait_ns = std::max<int64_t>(0, wake_up.nanos() - clock().MonoNow().nanos());
    __kernel_timespec timeout{.tv_sec = wait_ns / 1'000'000'000,
                              .tv_nsec = wait_ns % 1'000'000'000};
    io_uring_submit_and_wait_timeout(&ring_, &first, 1, &timeout, nullptr);
  }
  mailbox().Awake();
}

void UringCore::DrainCompletions() {
  // Completing only marks coroutines as ready (RunReady resumes them), so nothing recurses here.
  UpdateNow();
  io_uring_cqe* cqe = nullptr;
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    ++seen;
    if (auto* operation = static_cast<Operation*>(io_uring_cqe_get_data(cqe))) {
      operation->Complete(cqe->res, cqe->flags);
    }
  }
  io_uring_cq_advance(&ring_, seen);
}

io_uring_sqe& UringCore::NewEntry() {
  io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
  if (sqe == nullptr) {
    io_uring_submit(&ring_);
    sqe = io_uring_get_sqe(&ring_);
    SLUICE_CHECK(sqe != nullptr);
  }
  return *sqe;
}

void UringCore::Cancel(Operation& operation) {
  io_uring_sqe& sqe = NewEntry();
  io_uring_prep_cancel(&sqe, &operation, 0);
  io_uring_sqe_set_data(&sqe, nullptr);
}

void UringCore::Wake() {
  auto* const here = static_cast<UringCore*>(Core::Current());
  if (here == nullptr || here == this) {
    doorbell_.Ring();
    return;
  }
  io_uring_sqe& sqe = here->NewEntry();
  io_uring_prep_msg_ring(&sqe, ring_.ring_fd, 0, 0, 0);
  sqe.flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data(&sqe, nullptr);
}

UringCore::Doorbell::~Doorbell() {
  if (fd_ >= 0) close(fd_);
}

absl::Status UringCore::Doorbell::Open() {
  fd_ = eventfd(0, EFD_CLOEXEC);
  return fd_ >= 0 ? absl::OkStatus() : ErrnoStatus(errno, "open an event descriptor");
}

void UringCore::Doorbell::Arm() {
  io_uring_sqe& sqe = core_.NewEntry();
  io_uring_prep_read(&sqe, fd_, &value_, sizeof(value_), 0);
  io_uring_sqe_set_data(&sqe, static_cast<Operation*>(this));
}

void UringCore::Doorbell::Ring() const {
  const uint64_t one = 1;
  SLUICE_CHECK(write(fd_, &one, sizeof(one)) == sizeof(one));
}

void UringCore::Doorbell::Complete(int32_t /*result*/, uint32_t /*flags*/) { Arm(); }

// ---- Engine

int UsableCpus() { return static_cast<int>(UsableCpuNumbers().size()); }

namespace {

class UringEngine final : public Engine {
 public:
  ~UringEngine() override { Stop(); }

  absl::Status Start(const EngineOptions& options, const Clock& clock) {
    for (int i = 0; i < options.cores; ++i) {
      auto core = std::make_unique<UringCore>(i, options, clock);
      SLUICE_RETURN_IF_ERROR(core->Start());
      cores_.push_back(std::move(core));
    }
    return absl::OkStatus();
  }

  int size() const override { return static_cast<int>(cores_.size()); }
  Core& core(int index) const override { return *cores_[static_cast<size_t>(index)]; }
  void Stop() override {
    for (const auto& core : cores_) core->Stop();
  }

 private:
  std::vector<std::unique_ptr<UringCore>> cores_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> StartUringEngine(const EngineOptions& options,
                                                         const Clock& clock) {
  if (options.cores < 1 || options.cores > UsableCpus()) {
    return absl::InvalidArgumentError(absl::StrCat("--cores=", options.cores, " is outside 1 to ",
                                                   UsableCpus(),
                                                   ", the CPUs this process may use"));
  }
  auto engine = std::make_unique<UringEngine>();
  SLUICE_RETURN_IF_ERROR(engine->Start(options, clock));
  return engine;
}

}  // namespace sluice::io
