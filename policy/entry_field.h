// The fields of an entry that an administrator sets, by name and as text: one table that the
// command line, CSV, JSON and the audit trail share.
//
//   SetField("level", "verify", entry);
//   SetField("match_names", "mx.example.com .example.net", entry);   // lists: separated by spaces
//   GetField("level", entry)        "verify"
//   Diff(before, after)             "level: encrypt -> verify; note: \"\" -> \"asked for by J.\""
//
// Thread-safe.
#ifndef SLUICE_POLICY_ENTRY_FIELD_H_
#define SLUICE_POLICY_ENTRY_FIELD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/entry.h"

namespace sluice::policy {

// "pattern", "direction", "mode", "level", "match_names", "fingerprints", "minimum_version",
// "inbound_action", "source_addresses", "client_certificate", "note": the order of columns in
// files.
absl::Span<const absl::string_view> FieldNames();
// Those whose value is a list: "match_names", "fingerprints", "source_addresses".
bool IsListField(absl::string_view field);
// The items of one of those.
const std::vector<std::string>& GetList(absl::string_view field, const Entry& entry);

// Reads one field; empty text sets its default (a pattern has none). InvalidArgument begins with
// the field's name and says what is accepted. Lists take spaces or commas between their items;
// fingerprints take colons and upper case.
absl::Status SetField(absl::string_view field, absl::string_view text, Entry& entry);

// As SetField takes it; `field` is one of FieldNames().
std::string GetField(absl::string_view field, const Entry& entry);

// What differs in the fields of FieldNames(), as one line of text; empty when nothing does. A null
// entry is one that is not there: "added: pattern: …" (defaults left out), "removed: …".
std::string Diff(const Entry* before, const Entry* after);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_ENTRY_FIELD_H_
