#include "queue/key_codec.h"

#include <algorithm>

#include "engine/base/check.h"
#include "queue/envelope.h"

namespace sluice::queue {
namespace {

constexpr int kHeldFlag = 1;
constexpr int kTlsFlag = 2;
constexpr int kParkedFlag = 4;

template <typename T>
void Append(T value, std::string& key) {
  for (size_t shift = sizeof(T) * 8; shift > 0;) {
    shift -= 8;
    key.push_back(static_cast<char>(value >> shift & 0xff));
  }
}

// The first sizeof(T) bytes, which are there.
template <typename T>
T Take(absl::string_view& key) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value << 8 | static_cast<unsigned char>(key[i]));
  }
  key.remove_prefix(sizeof(T));
  return value;
}

std::optional<int64_t> TakeNanos(absl::string_view& key) {
  const uint64_t value = Take<uint64_t>(key);
  if (value > INT64_MAX) return std::nullopt;
  return static_cast<int64_t>(value);
}

}  // namespace

int64_t KeyNanos(absl::Time time) { return std::max<int64_t>(0, absl::ToUnixNanos(time)); }

std::string IdKey(const MessageId& id) {
  std::string key;
  key.reserve(kIdBytes);
  Append(static_cast<uint64_t>(id.nanos()), key);
  Append(id.tail(), key);
  return key;
}

std::optional<MessageId> ParseIdKey(absl::string_view key) {
  if (key.size() != kIdBytes) return std::nullopt;
  const std::optional<int64_t> nanos = TakeNanos(key);
  if (!nanos.has_value()) return std::nullopt;
  return MessageId::Of(*nanos, Take<uint32_t>(key));
}

std::string EndOfId(const MessageId& id) {
  if (id.tail() < UINT32_MAX) return IdKey(MessageId::Of(id.nanos(), id.tail() + 1));
  return BigEndian64(static_cast<uint64_t>(id.nanos()) + 1);
}

std::string ItemKey(const MessageId& id, absl::string_view destination) {
  std::string key = IdKey(id);
  key.append(destination.data(), destination.size());
  return key;
}

std::optional<Item> ParseItemKey(absl::string_view key) {
  if (key.size() <= kIdBytes || key.size() > kIdBytes + kMostDestinationBytes) return std::nullopt;
  const std::optional<MessageId> id = ParseIdKey(key.substr(0, kIdBytes));
  if (!id.has_value()) return std::nullopt;
  return Item{.id = *id, .destination = key.substr(kIdBytes)};
}

std::string BodyKey(const MessageId& id, uint32_t chunk) {
  std::string key = IdKey(id);
  Append(chunk, key);
  return key;
}

std::string ParkedPrefix(absl::string_view destination) {
  std::string prefix(destination);
  prefix.push_back('\0');
  return prefix;
}

std::string ParkedKey(absl::string_view destination, const MessageId& id) {
  return ParkedPrefix(destination) + IdKey(id);
}

std::optional<Item> ParseParkedKey(absl::string_view key) {
  if (key.size() < kIdBytes + 2 || key.size() > kMostDestinationBytes + 1 + kIdBytes ||
      key[key.size() - kIdBytes - 1] != '\0') {
    return std::nullopt;
  }
  const std::optional<MessageId> id = ParseIdKey(key.substr(key.size() - kIdBytes));
  if (!id.has_value()) return std::nullopt;
  return Item{.id = *id, .destination = key.substr(0, key.size() - kIdBytes - 1)};
}

std::string TimeKey(absl::Time time, absl::string_view item) {
  std::string key;
  key.reserve(8 + item.size());
  Append(static_cast<uint64_t>(KeyNanos(time)), key);
  key.append(item.data(), item.size());
  return key;
}

std::optional<TimedItem> ParseTimeKey(absl::string_view key) {
  if (key.size() < 8) return std::nullopt;
  const std::optional<int64_t> nanos = TakeNanos(key);
  if (!nanos.has_value() || !ParseItemKey(key).has_value()) return std::nullopt;
  return TimedItem{.time = absl::FromUnixNanos(*nanos), .item = key};
}

std::string HistoryKey(const HistoryPosition& position) {
  SLUICE_CHECK(position.nanos >= 0);
  std::string key;
  key.reserve(16);
  Append(static_cast<uint64_t>(position.nanos), key);
  Append(position.sequence, key);
  return key;
}

std::optional<HistoryPosition> ParseHistoryKey(absl::string_view key) {
  if (key.size() != 16) return std::nullopt;
  const std::optional<int64_t> nanos = TakeNanos(key);
  if (!nanos.has_value()) return std::nullopt;
  return HistoryPosition{.nanos = *nanos, .sequence = Take<uint64_t>(key)};
}

std::string DueRow(const DueNote& note) {
  if (!note.held && !note.tls && !note.parked && note.word.empty()) return "";
  std::string row(1, static_cast<char>((note.held ? kHeldFlag : 0) | (note.tls ? kTlsFlag : 0) |
                                       (note.parked ? kParkedFlag : 0)));
  row.append(note.word, 0, kMostDueWordBytes);
  return row;
}

DueNote ParseDueRow(absl::string_view row) {
  if (row.empty()) return {};
  return {.held = (row[0] & kHeldFlag) != 0,
          .tls = (row[0] & kTlsFlag) != 0,
          .parked = (row[0] & kParkedFlag) != 0,
          .word = std::string(row.substr(1, kMostDueWordBytes))};
}

std::string TimeRow(const SteadyClock::Reading& reading) {
  std::string row;
  Append(static_cast<uint64_t>(KeyNanos(reading.steady)), row);
  Append(static_cast<uint64_t>(KeyNanos(reading.wall)), row);
  return row;
}

std::optional<SteadyClock::Reading> ParseTimeRow(absl::string_view row) {
  if (row.size() != 16) return std::nullopt;
  const std::optional<int64_t> steady = TakeNanos(row);
  const std::optional<int64_t> wall = TakeNanos(row);
  if (!steady.has_value() || !wall.has_value()) return std::nullopt;
  return SteadyClock::Reading{.steady = absl::FromUnixNanos(*steady),
                              .wall = absl::FromUnixNanos(*wall)};
}

std::string BigEndian64(uint64_t value) {
  std::string bytes;
  Append(value, bytes);
  return bytes;
}

std::optional<uint64_t> ParseBigEndian64(absl::string_view bytes) {
  if (bytes.size() != 8) return std::nullopt;
  return Take<uint64_t>(bytes);
}

std::string EndOfPrefix(absl::string_view prefix) {
  std::string end(prefix);
  SLUICE_CHECK(!end.empty() && static_cast<unsigned char>(end.back()) < 255);
  ++end.back();
  return end;
}

}  // namespace sluice::queue
