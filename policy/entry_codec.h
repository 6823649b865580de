// Entries as bytes for the store.
//
//   key   = pattern text                   canonical, as Pattern::text(): "*.example.com"
//   value = sluice.policy.storage.Entry    protobuf, policy/policy.proto
//
// A field that this version does not know is ignored; a value of a known field that it does not
// know (a level of a later version) is DataLoss: an entry must never be read as a weaker one.
// Thread-safe.
#ifndef SLUICE_POLICY_ENTRY_CODEC_H_
#define SLUICE_POLICY_ENTRY_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policy/entry.h"

namespace sluice::policy {

std::string EncodeEntry(const Entry& entry);

// DataLoss, naming the key and what is wrong, for bytes that are no valid entry of that key.
absl::StatusOr<Entry> DecodeEntry(absl::string_view key, absl::string_view value);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_ENTRY_CODEC_H_
