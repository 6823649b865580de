// Lines on their way to a file descriptor: gathered by whoever has one, written by a thread of its
// own, many at a time. Waking a thread costs more than a line does, so the thread is woken for the
// first line and then lets lines gather for kGather before it writes them with one call.
//
// Add() never waits for the descriptor. What gathers is bounded: with kMostBytes waiting, because
// the reader has stopped or the disk stalls, further lines are dropped, and their number is written
// when there is room again. Thread-safe.
#ifndef SLUICE_ENGINE_BASE_LINE_WRITER_H_
#define SLUICE_ENGINE_BASE_LINE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace sluice::log {

class LineWriter {
 public:
  static constexpr size_t kMostBytes = 4 << 20;
  static constexpr absl::Duration kGather = absl::Milliseconds(20);

  // `notice` makes the line that tells of dropped ones.
  LineWriter(int fd, std::function<std::string(uint64_t dropped)> notice);
  ~LineWriter();  // after what has gathered is written
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // `line` ends in '\n'. `urgent`: it is written at once, with what has gathered before it.
  void Add(absl::string_view line, bool urgent);

  // Waits until everything added so far is written, or `most` has passed.
  void Flush(absl::Duration most);

 private:
  void Run();
  bool Idle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return gathered_.empty() && !writing_; }
  bool Hurried() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return urgent_ || stopping_ || gathered_.size() > kMostBytes / 4;
  }
  bool Wanted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !gathered_.empty() || stopping_;
  }

  const int fd_;
  const std::function<std::string(uint64_t)> notice_;
  absl::Mutex mutex_;
  std::string gathered_ ABSL_GUARDED_BY(mutex_);
  uint64_t dropped_ ABSL_GUARDED_BY(mutex_) = 0;
  bool urgent_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sluice::log

#endif  // SLUICE_ENGINE_BASE_LINE_WRITER_H_
