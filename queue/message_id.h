// The name of a message, from its acceptance to the last line of its history.
//
//   MessageIdSource ids(core.random());                 // one for each core
//   MessageId id = ids.Next(clock.WallNow());
//   id.ToString()                                       // "6A0F4Z8C1M3Q9TBD2KE"
//
// 95 bits: the nanosecond of acceptance (63 bits, until 2262), then 32 random ones. So ids sort by
// time, in memory, as keys on disk, and as text, and a message is near its neighbours in time in
// every table.
//
// Text: 19 digits of Crockford's base 32 (0-9, A-Z without I, L, O, U), five bits each, the most
// significant first. Reading takes lower case as well, and I and L for 1, O for 0, since ids are
// read out over the telephone.
//
// A MessageId is a value. A MessageIdSource belongs to one thread.
#ifndef SLUICE_QUEUE_MESSAGE_ID_H_
#define SLUICE_QUEUE_MESSAGE_ID_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/random.h"

namespace sluice::queue {

class MessageId {
 public:
  static constexpr size_t kTextSize = 19;

  constexpr MessageId() = default;  // the smallest; no message has it
  // `nanos` >= 0, since 1970 (checked).
  static MessageId Of(int64_t nanos, uint32_t tail);

  // InvalidArgument says what an id looks like.
  static absl::StatusOr<MessageId> Parse(absl::string_view text);
  std::string ToString() const;

  int64_t nanos() const { return nanos_; }
  uint32_t tail() const { return tail_; }
  absl::Time time() const { return absl::FromUnixNanos(nanos_); }

  constexpr auto operator<=>(const MessageId&) const = default;

  template <typename H>
  friend H AbslHashValue(H h, const MessageId& id) {
    return H::combine(std::move(h), id.nanos_, id.tail_);
  }

 private:
  int64_t nanos_ = 0;
  uint32_t tail_ = 0;
};

// Ids that grow strictly, though the clock may stand still or be set back. Two sources give the
// same id only if they draw the same 32 random bits in the same nanosecond.
class MessageIdSource {
 public:
  explicit MessageIdSource(Random& random) : random_(random) {}  // outlives the source

  MessageId Next(absl::Time now);

 private:
  Random& random_;
  int64_t last_nanos_ = 0;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_MESSAGE_ID_H_
