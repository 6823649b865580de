#include "tools/signer/service.h"

#include <sys/socket.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace sluice::signer {
namespace {

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
  while (const std::optional<Request> request = Take()) Send(Encode(keys_.Perform(*request)));
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
  Request request = std::move(requests_.front());
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

void Service::Send(const std::string& frame) {
  std::unique_lock lock(writing_);
  outgoing_ += frame;
  if (sending_) return;
  sending_ = true;
  while (!outgoing_.empty()) {
    const std::string frames = std::exchange(outgoing_, {});
    lock.unlock();
    SendWhole(socket_, frames);
    lock.lock();
  }
  sending_ = false;
}

}  // namespace sluice::signer
