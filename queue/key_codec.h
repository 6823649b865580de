// The keys of the spool, table by table. RocksDB orders keys as unsigned bytes, and so do these:
// the order of bytes is the order of what they mean.
//
//   envelope  item                              value: storage.Envelope (spool.proto)
//   body      id chunk                          value: the chunk's bytes, 1 to 64 KiB
//   due       time item                         value: note
//   expiry    time item                         value: varint64, the body's size
//   parked    destination NUL id                value: empty
//   history   time sequence                     value: storage.HistoryEntry, sealed
//                                                      (history_chain.h)
//   policy    "e" name                          value: the caller's; policy_rows.h says of what
//             "c" generation 8OCTET             value: the caller's
//             "p" name NUL time                 value: the caller's
//             "g"                               value: generation
//   mta_sts   domain                            value: the caller's (engine/sts/kept_policy.h)
//   tls_reports  day SP domain                 value: the caller's (engine/tlsrpt/tally_codec.h)
//   default   "format"                          value: the format's number in decimal, now "1"
//             "time"                            value: time time, the queue's own and the wall's at
//                                                      one moment (engine/base/steady_clock.h)
//             "history"                         value: the chain behind what was trimmed of it
//
//   item        = id destination
//   id          = 8OCTET nanoseconds since 1970 · 4OCTET tail       big-endian
//   destination = 1*255OCTET                                        the rest of the key
//   chunk       = 4OCTET                                            big-endian, from 0 without gaps
//   time        = 8OCTET nanoseconds since 1970                     big-endian, at most 2^63-1
//   sequence    = 8OCTET                                            big-endian
//   generation  = 8OCTET                                            big-endian
//   note        = [flags *32OCTET]              flags: 1 on hold, 2 TLS is what failed, 4 parked;
//                                               the rest: a word for where or why the last attempt
//                                               failed
//
// All parts but the last have a fixed length, or (the destination in `parked`) end with an octet that
// is not in them. So no part can run into the next, and the keys of one message stand together under
// its id, but for `parked`, where those of one destination do.
//
//   due     one row for each envelope: the time in it is the envelope's next_due. A row of another
//           time, or without an envelope, is left over from a batch of which it was not known
//           whether it was written; it is erased when it is come upon.
//           What is on hold or parked has its row behind its deadline (item_rows.h).
//           The note is for summaries of the queue, which read no envelopes.
//   parked  one row for each envelope that is parked, so that all of one destination are found at
//           the cost of what it has.
//   expiry  one row for each envelope, under its deadline: written once, at acceptance. It holds
//           the size so that the queue can be counted without reading envelopes.
//
// Pure functions.
#ifndef SLUICE_QUEUE_KEY_CODEC_H_
#define SLUICE_QUEUE_KEY_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/steady_clock.h"
#include "queue/message_id.h"

namespace sluice::queue {

inline constexpr size_t kIdBytes = 12;
inline constexpr absl::string_view kFormatKey = "format";
inline constexpr int kFormat = 1;
inline constexpr absl::string_view kTimeKey = "time";
inline constexpr absl::string_view kHistoryChainKey = "history";
inline constexpr absl::string_view kPolicyGenerationKey = "g";
inline constexpr absl::string_view kPolicyRowPrefix = "e";
inline constexpr absl::string_view kPolicyChangePrefix = "c";
inline constexpr absl::string_view kPolicyPingPrefix = "p";

// Times outside of what can stand in a key become the nearest that can.
int64_t KeyNanos(absl::Time time);

std::string IdKey(const MessageId& id);
std::optional<MessageId> ParseIdKey(absl::string_view key);
// Above all keys of `id`, not above any of another message.
std::string EndOfId(const MessageId& id);

// Of envelope.
std::string ItemKey(const MessageId& id, absl::string_view destination);
struct Item {
  MessageId id;
  absl::string_view destination;  // points into the key
};
std::optional<Item> ParseItemKey(absl::string_view key);

std::string BodyKey(const MessageId& id, uint32_t chunk);

// Of parked. All keys of a destination begin with its prefix.
std::string ParkedPrefix(absl::string_view destination);
std::string ParkedKey(absl::string_view destination, const MessageId& id);
std::optional<Item> ParseParkedKey(absl::string_view key);

// Of due and expiry. A time alone is the lower bound of all its items.
std::string TimeKey(absl::Time time, absl::string_view item = "");
struct TimedItem {
  absl::Time time;
  absl::string_view item;  // points into the key
};
std::optional<TimedItem> ParseTimeKey(absl::string_view key);

// The value of a row of due. Empty: not tried yet.
struct DueNote {
  bool held = false;
  bool tls = false;
  bool parked = false;
  std::string word;  // cut at kMostDueWordBytes
};
inline constexpr size_t kMostDueWordBytes = 32;
std::string DueRow(const DueNote& note);
DueNote ParseDueRow(absl::string_view row);

struct HistoryPosition {
  int64_t nanos = 0;
  uint64_t sequence = 0;
};
std::string HistoryKey(const HistoryPosition& position);
std::optional<HistoryPosition> ParseHistoryKey(absl::string_view key);

// The value of kTimeKey.
std::string TimeRow(const SteadyClock::Reading& reading);
std::optional<SteadyClock::Reading> ParseTimeRow(absl::string_view row);

std::string BigEndian64(uint64_t value);
std::optional<uint64_t> ParseBigEndian64(absl::string_view bytes);

// The least key above every key that starts with `prefix`; its last octet is below 255.
std::string EndOfPrefix(absl::string_view prefix);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_KEY_CODEC_H_
