#include "tools/signer/service.h"

#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

namespace sluice::signer {
namespace {

using Clock = std::chrono::steady_clock;

// While more is to be done answers gather, for so long at most: each that is sent by itself wakes the
// daemon, and where that shares a CPU with its signer, in the middle of the next signature.
constexpr std::chrono::microseconds kMostGathering(2000);

// Where it fails the other side is gone, and the next read finds that out.
void SendWhole(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

}  // namespace

void Service::Run() {
  std::string answers;
  Clock::time_point first_came;
  while (true) {
    std::optional<Request> request = TakeWaiting();
    if (!request.has_value()) {
      Send(std::exchange(answers, {}));
      request = Take();
    }
    if (!request.has_value()) return;
    if (answers.empty()) first_came = Clock::now();
    answers += Encode(keys_.Perform(*request));
    if (Clock::now() - first_came >= kMostGathering) Send(std::exchange(answers, {}));
  }
}

bool Service::malformed() {
  const std::lock_guard lock(reading_);
  return malformed_;
}

std::optional<Request> Service::Take() {
  const std::lock_guard lock(reading_);
  while (requests_.empty()) {
    if (ended_) return std::nullopt;
    ended_ = !Receive();
  }
  return Pop();
}

std::optional<Request> Service::TakeWaiting() {
  const std::unique_lock lock(reading_, std::try_to_lock);
  return lock.owns_lock() ? Pop() : std::nullopt;
}

std::optional<Request> Service::Pop() {
  if (requests_.empty()) return std::nullopt;
  std::optional<Request> request = std::move(requests_.front());
  requests_.pop_front();
  return request;
}

bool Service::Receive() {
  char bytes[64 * 1024];
  const ssize_t received = recv(socket_, bytes, sizeof(bytes), 0);
  if (received < 0 && errno == EINTR) return true;
  if (received <= 0) return false;
  reader_.Append({bytes, static_cast<size_t>(received)});
  while (const std::optional<std::string_view> body = reader_.Next()) {
    std::optional<Request> request = DecodeRequest(*body);
    if (!request.has_value()) {
      malformed_ = true;
      return false;
    }
    requests_.push_back(*std::move(request));
  }
  malformed_ = reader_.broken();
  return !malformed_;
}

void Service::Send(const std::string& frames) {
  if (frames.empty()) return;
  std::unique_lock lock(writing_);
  outgoing_ += frames;
  if (sending_) return;
  sending_ = true;
  while (!outgoing_.empty()) {
    const std::string sent = std::exchange(outgoing_, {});
    lock.unlock();
    SendWhole(socket_, sent);
    lock.lock();
  }
  sending_ = false;
}

}  // namespace sluice::signer
