// When each message left the sender, so that the sink can tell how long it was under way. The
// message carries its number in a header field, and the identifier of the run, so that mail of an
// earlier run that is still in somebody's queue is not taken for this one's.
//
// Any thread.
#ifndef SLUICE_BENCH_LOAD_PASSAGE_H_
#define SLUICE_BENCH_LOAD_PASSAGE_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::bench {

class Passages {
 public:
  // Messages that may be under way at a time; an arrival later than that many departures is not
  // measured.
  static constexpr uint64_t kMost = uint64_t{1} << 22;

  Passages();

  // A number for the next message, and the header field that has it, with its CRLF.
  uint64_t Begin() { return next_.fetch_add(1, std::memory_order_relaxed); }
  std::string Field(uint64_t number) const;

  void Depart(uint64_t number, MonoTime at);
  // How long ago the message with these header fields departed. Unset for one of another run, and
  // for a copy of one that has arrived.
  std::optional<absl::Duration> Arrive(absl::string_view head, MonoTime at);

 private:
  struct Slot {
    std::atomic<uint64_t> number{UINT64_MAX};
    std::atomic<int64_t> departed_ns{0};
  };
  const std::string run_;
  std::atomic<uint64_t> next_{0};
  std::vector<Slot> slots_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_PASSAGE_H_
