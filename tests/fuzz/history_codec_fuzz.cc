// Entries of the history as they stand on disk (queue/history_codec.h): whatever a row holds, what
// is read of it is written the same again.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "queue/history_chain.h"
#include "queue/history_codec.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::queue;
  FuzzedDataProvider provider(data, size);
  const HistoryPosition position{provider.ConsumeIntegralInRange<int64_t>(0, INT64_MAX),
                                 provider.ConsumeIntegral<uint64_t>()};
  const std::string row = provider.ConsumeRemainingBytesAsString();
  const absl::StatusOr<HistoryEntry> entry = DecodeHistoryEntry(position, row);
  if (!entry.ok()) {
    SLUICE_CHECK(absl::IsDataLoss(entry.status()));
    return 0;
  }
  SLUICE_CHECK(entry->time == absl::FromUnixNanos(position.nanos));
  SLUICE_CHECK(entry->sequence == position.sequence && entry->attempt >= 0);
  // Sealed, as every row is written: one without a seal may happen to end as if it had one.
  const std::string written = EncodeHistoryEntry(*entry);
  const absl::StatusOr<HistoryEntry> again =
      DecodeHistoryEntry(position, SealRow(written, ChainStart()));
  SLUICE_CHECK(again.ok() && EncodeHistoryEntry(*again) == written);
  SLUICE_CHECK(again->outcome == entry->outcome && again->direction == entry->direction);
  SLUICE_CHECK(again->message_id == entry->message_id && again->recipients == entry->recipients);
  SLUICE_CHECK(again->next_attempt == entry->next_attempt && again->deadline == entry->deadline);
  SLUICE_CHECK(again->detail == entry->detail && again->certificate == entry->certificate);
  return 0;
}
