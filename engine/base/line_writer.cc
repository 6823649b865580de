#include "engine/base/line_writer.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace sluice::log {
namespace {

// What cannot be written (the reader has gone) has nowhere else to be told.
void WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

}  // namespace

LineWriter::LineWriter(int fd, std::function<std::string(uint64_t dropped)> notice)
    : fd_(fd), notice_(std::move(notice)), thread_([this] { Run(); }) {}

LineWriter::~LineWriter() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void LineWriter::Add(absl::string_view line, bool urgent) {
  const absl::MutexLock lock(&mutex_);  // its release wakes the thread where that waits for this
  if (gathered_.size() + line.size() > kMostBytes) {
    ++dropped_;
    return;
  }
  if (dropped_ > 0) gathered_ += notice_(std::exchange(dropped_, 0));
  gathered_.append(line.data(), line.size());
  urgent_ |= urgent;
}

void LineWriter::Flush(absl::Duration most) {
  const absl::MutexLock lock(&mutex_);
  urgent_ |= !gathered_.empty();
  mutex_.AwaitWithTimeout(absl::Condition(this, &LineWriter::Idle), most);
}

void LineWriter::Run() {
  pthread_setname_np(pthread_self(), "sluice-log");
  std::string writing;
  const absl::MutexLock lock(&mutex_);
  while (true) {
    mutex_.Await(absl::Condition(this, &LineWriter::Wanted));
    mutex_.AwaitWithTimeout(absl::Condition(this, &LineWriter::Hurried), kGather);
    if (gathered_.empty() && stopping_) return;
    writing.swap(gathered_);
    urgent_ = false;
    writing_ = true;
    mutex_.Unlock();
    WriteAll(fd_, writing);
    writing.clear();  // and keeps its room for the next
    mutex_.Lock();
    writing_ = false;
  }
}

}  // namespace sluice::log
