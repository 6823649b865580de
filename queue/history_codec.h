// Entries of the history as they stand in their rows (storage.HistoryEntry of spool.proto, under
// HistoryKey). Pure functions.
#ifndef SLUICE_QUEUE_HISTORY_CODEC_H_
#define SLUICE_QUEUE_HISTORY_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "queue/history.h"
#include "queue/key_codec.h"

namespace sluice::queue {

// Without time and sequence, which stand in the key, and without a seal (history_chain.h).
std::string EncodeHistoryEntry(const HistoryEntry& entry);

// DataLoss when the row is not what EncodeHistoryEntry writes, sealed or not; whether the chain holds
// is not looked at.
absl::StatusOr<HistoryEntry> DecodeHistoryEntry(const HistoryPosition& position,
                                                absl::string_view row);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_HISTORY_CODEC_H_
