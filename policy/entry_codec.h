// Entries, what was changed in them, and what pings found, as bytes for the store (policy.proto).
//
//   entry   key   = pattern text           canonical, as Pattern::text(): "*.example.com"
//           value = storage.Entry
//   change  value = storage.Change
//   ping    value = storage.PingFindings
//
// A field that this version does not know is ignored; a value of a known field that it does not
// know (a level of a later version) is DataLoss: an entry must never be read as a weaker one.
// Thread-safe.
#ifndef SLUICE_POLICY_ENTRY_CODEC_H_
#define SLUICE_POLICY_ENTRY_CODEC_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policy/entry.h"

namespace sluice::policy {

std::string EncodeEntry(const Entry& entry);

// DataLoss, naming the key and what is wrong, for bytes that are no valid entry of that key.
absl::StatusOr<Entry> DecodeEntry(absl::string_view key, absl::string_view value);

// One entry that was added (no `before`), changed, or removed (no `after`).
struct ChangeRecord {
  Stamp author;
  EntryPtr before;
  EntryPtr after;
};
std::string EncodeChange(const ChangeRecord& change);
absl::StatusOr<ChangeRecord> DecodeChange(absl::string_view value);

// One host of a ping.
struct PingFinding {
  std::string mx;
  std::string address;
  bool valid = false;
  std::string reason;  // why it is not
  std::string tls_version;
  std::string cipher;
  std::string fingerprint;  // of the certificate, hex
  std::optional<absl::Time> not_after;
};
struct PingFindings {
  PingRecord ping;
  std::vector<PingFinding> findings;
};
std::string EncodePingFindings(const PingFindings& findings);
absl::StatusOr<PingFindings> DecodePingFindings(absl::string_view value);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_ENTRY_CODEC_H_
