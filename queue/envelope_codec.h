// Envelopes as they stand in their rows (storage.Envelope of spool.proto, under ItemKey). Pure
// functions.
#ifndef SLUICE_QUEUE_ENVELOPE_CODEC_H_
#define SLUICE_QUEUE_ENVELOPE_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "queue/envelope.h"

namespace sluice::queue {

std::string EncodeEnvelope(const Envelope& envelope);

// DataLoss when key or row is not what EncodeEnvelope writes.
absl::StatusOr<Envelope> DecodeEnvelope(absl::string_view item_key, absl::string_view row);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_ENVELOPE_CODEC_H_
