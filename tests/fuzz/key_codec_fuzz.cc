// Keys of the spool (queue/key_codec.h) and ids of messages (queue/message_id.h): what is read is
// what is written, and the order of bytes is the order of what they mean.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "queue/key_codec.h"
#include "tests/fuzz/input.h"

namespace sluice::queue {
namespace {

void CheckParsers(const std::string& key) {
  if (const std::optional<MessageId> id = ParseIdKey(key)) SLUICE_CHECK(IdKey(*id) == key);
  if (const std::optional<Item> item = ParseItemKey(key)) {
    SLUICE_CHECK(!item->destination.empty());
    SLUICE_CHECK(ItemKey(item->id, item->destination) == key);
  }
  if (const std::optional<TimedItem> timed = ParseTimeKey(key)) {
    SLUICE_CHECK(ParseItemKey(timed->item).has_value());
    SLUICE_CHECK(TimeKey(timed->time, timed->item) == key);
  }
  if (const std::optional<Item> parked = ParseParkedKey(key)) {
    SLUICE_CHECK(ParkedKey(parked->destination, parked->id) == key);
    SLUICE_CHECK(ParseItemKey(ItemKey(parked->id, parked->destination)).has_value());
  }
  if (const std::optional<HistoryPosition> position = ParseHistoryKey(key)) {
    SLUICE_CHECK(HistoryKey(*position) == key);
  }
  if (const std::optional<uint64_t> number = ParseBigEndian64(key)) {
    SLUICE_CHECK(BigEndian64(*number) == key);
  }
  if (!key.empty() && static_cast<unsigned char>(key.back()) < 255) {
    const std::string end = EndOfPrefix(key);
    SLUICE_CHECK(key < end && key + "\xff\xff" < end);
  }
}

void CheckIdText(const std::string& text) {
  const absl::StatusOr<MessageId> id = MessageId::Parse(text);
  if (!id.ok()) return;
  const std::string written = id->ToString();
  SLUICE_CHECK(written.size() == MessageId::kTextSize && text.size() == written.size());
  const absl::StatusOr<MessageId> again = MessageId::Parse(written);
  SLUICE_CHECK(again.ok() && *again == *id && again->ToString() == written);
}

MessageId AnyId(FuzzedDataProvider& provider) {
  const int64_t nanos = provider.ConsumeIntegralInRange<int64_t>(0, INT64_MAX);
  return MessageId::Of(nanos, provider.ConsumeIntegral<uint32_t>());
}

void CheckOrder(FuzzedDataProvider& provider) {
  const MessageId a = AnyId(provider);
  const MessageId b = AnyId(provider);
  SLUICE_CHECK((a < b) == (IdKey(a) < IdKey(b)) && (a < b) == (a.ToString() < b.ToString()));
  const std::string item = ItemKey(a, provider.ConsumeRandomLengthString(20) + "x");
  SLUICE_CHECK(IdKey(a) < item && item < EndOfId(a));
  SLUICE_CHECK(b <= a || EndOfId(a) <= IdKey(b));
  SLUICE_CHECK(IdKey(a) < BodyKey(a, 0) && BodyKey(a, 0) < BodyKey(a, 1) &&
               BodyKey(a, UINT32_MAX) < EndOfId(a));

  const int64_t early = provider.ConsumeIntegral<int64_t>();
  const int64_t late = provider.ConsumeIntegral<int64_t>();
  const std::string early_key = TimeKey(absl::FromUnixNanos(early), item);
  SLUICE_CHECK((std::max<int64_t>(early, 0) < std::max<int64_t>(late, 0)) ==
               (TimeKey(absl::FromUnixNanos(early)) < TimeKey(absl::FromUnixNanos(late))));
  SLUICE_CHECK(TimeKey(absl::FromUnixNanos(early)) < early_key);
  const std::optional<TimedItem> parsed = ParseTimeKey(early_key);
  SLUICE_CHECK(parsed.has_value() && parsed->item == item);
  SLUICE_CHECK(KeyNanos(parsed->time) == std::max<int64_t>(early, 0));
}

}  // namespace
}  // namespace sluice::queue

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::queue;
  const std::string bytes(sluice::InputText(data, size));
  CheckParsers(bytes);
  CheckIdText(bytes);
  FuzzedDataProvider provider(data, size);
  CheckOrder(provider);
  return 0;
}
