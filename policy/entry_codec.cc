#include "policy/entry_codec.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "policy/policy.pb.h"

namespace sluice::policy {
namespace {

// In memory an enumeration begins at 0; on disk 0 is "unspecified" and every value one more.
template <typename Stored, typename Enum>
Stored ToStored(Enum value) {
  return static_cast<Stored>(static_cast<int>(value) + 1);
}

template <typename Enum>
bool FromStored(int stored, Enum last, Enum& value) {
  if (stored < 1 || stored > static_cast<int>(last) + 1) return false;
  value = static_cast<Enum>(stored - 1);
  return true;
}

void EncodeStamp(const Stamp& stamp, storage::Stamp& out) {
  out.set_at_us(absl::ToUnixMicros(stamp.at));
  out.set_by(stamp.by);
}

Stamp DecodeStamp(const storage::Stamp& stored) {
  return Stamp{absl::FromUnixMicros(stored.at_us()), stored.by()};
}

absl::Status Corrupt(absl::string_view key, absl::string_view why) {
  return absl::DataLossError(absl::StrCat(
      "the stored entry of '", absl::CHexEscape(key.substr(0, 300)), "' cannot be used: ", why));
}

// The name of the first enumeration whose value is unknown; empty when all are known.
absl::string_view DecodeEnums(const storage::Entry& stored, Entry& entry) {
  if (!FromStored(stored.direction(), Direction::kOutbound, entry.direction)) return "direction";
  if (!FromStored(stored.mode(), Mode::kOff, entry.mode)) return "mode";
  if (!FromStored(stored.level(), Level::kDaneOnly, entry.level)) return "level";
  if (!FromStored(stored.minimum_version(), TlsVersion::kTls13, entry.minimum_version)) {
    return "minimum_version";
  }
  if (!FromStored(stored.inbound_action(), InboundAction::kReject, entry.inbound_action)) {
    return "inbound_action";
  }
  return "";
}

void EncodePing(const PingRecord& ping, storage::Ping& out) {
  out.set_at_us(absl::ToUnixMicros(ping.at));
  out.set_summary(ping.summary);
  for (const std::string& warning : ping.warnings) out.add_warnings(warning);
}

PingRecord DecodePing(const storage::Ping& stored) {
  PingRecord ping;
  ping.at = absl::FromUnixMicros(stored.at_us());
  ping.summary = stored.summary();
  ping.warnings.assign(stored.warnings().begin(), stored.warnings().end());
  return ping;
}

void FillEntry(const Entry& entry, storage::Entry& stored) {
  stored.set_pattern(entry.pattern.text());
  stored.set_direction(ToStored<storage::Direction>(entry.direction));
  stored.set_mode(ToStored<storage::Mode>(entry.mode));
  stored.set_level(ToStored<storage::Level>(entry.level));
  stored.set_minimum_version(ToStored<storage::TlsVersion>(entry.minimum_version));
  stored.set_inbound_action(ToStored<storage::InboundAction>(entry.inbound_action));
  for (const std::string& name : entry.match_names) stored.add_match_names(name);
  for (const std::string& fingerprint : entry.fingerprints) {
    stored.add_fingerprints(absl::HexStringToBytes(fingerprint));
  }
  for (const std::string& address : entry.source_addresses) {
    stored.add_source_addresses(address);
  }
  stored.set_client_certificate(entry.client_certificate);
  stored.set_note(entry.note);
  EncodeStamp(entry.created, *stored.mutable_created());
  EncodeStamp(entry.changed, *stored.mutable_changed());
  stored.set_generation(entry.generation);
  if (entry.last_ping.has_value()) {
    EncodePing(*entry.last_ping, *stored.mutable_last_ping());
  }
}

absl::StatusOr<Entry> ReadEntry(absl::string_view key, const storage::Entry& stored) {
  Entry entry;
  absl::StatusOr<Pattern> pattern = Pattern::Parse(key);
  if (!pattern.ok()) return Corrupt(key, pattern.status().message());
  if (pattern->text() != key || stored.pattern() != key) {
    return Corrupt(key, "its pattern differs from its key");
  }
  entry.pattern = *std::move(pattern);
  if (const absl::string_view unknown = DecodeEnums(stored, entry); !unknown.empty()) {
    return Corrupt(key, absl::StrCat(unknown, " has a value that this version does not know"));
  }
  entry.match_names.assign(stored.match_names().begin(), stored.match_names().end());
  for (const std::string& fingerprint : stored.fingerprints()) {
    entry.fingerprints.push_back(absl::BytesToHexString(fingerprint));
  }
  entry.source_addresses.assign(stored.source_addresses().begin(), stored.source_addresses().end());
  entry.client_certificate = stored.client_certificate();
  entry.note = stored.note();
  entry.created = DecodeStamp(stored.created());
  entry.changed = DecodeStamp(stored.changed());
  entry.generation = stored.generation();
  if (stored.has_last_ping()) {
    entry.last_ping = DecodePing(stored.last_ping());
  }
  if (const std::vector<std::string> faults = Validate(entry); !faults.empty()) {
    return Corrupt(key, absl::StrJoin(faults, "; "));
  }
  return entry;
}

absl::StatusOr<EntryPtr> ChangedEntry(const storage::Entry& stored) {
  SLUICE_ASSIGN_OR_RETURN(Entry entry, ReadEntry(stored.pattern(), stored));
  return std::make_shared<const Entry>(std::move(entry));
}

}  // namespace

std::string EncodeEntry(const Entry& entry) {
  storage::Entry stored;
  FillEntry(entry, stored);
  return stored.SerializeAsString();
}

absl::StatusOr<Entry> DecodeEntry(absl::string_view key, absl::string_view value) {
  storage::Entry stored;
  if (!stored.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Corrupt(key, "it is no protobuf of sluice.policy.storage.Entry");
  }
  return ReadEntry(key, stored);
}

std::string EncodeChange(const ChangeRecord& change) {
  storage::Change stored;
  EncodeStamp(change.author, *stored.mutable_author());
  if (change.before != nullptr) FillEntry(*change.before, *stored.mutable_before());
  if (change.after != nullptr) FillEntry(*change.after, *stored.mutable_after());
  return stored.SerializeAsString();
}

absl::StatusOr<ChangeRecord> DecodeChange(absl::string_view value) {
  storage::Change stored;
  if (!stored.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      (!stored.has_before() && !stored.has_after())) {
    return absl::DataLossError("a change of the enforced-TLS list that is kept cannot be read");
  }
  ChangeRecord change;
  change.author = DecodeStamp(stored.author());
  if (stored.has_before()) {
    SLUICE_ASSIGN_OR_RETURN(change.before, ChangedEntry(stored.before()));
  }
  if (stored.has_after()) {
    SLUICE_ASSIGN_OR_RETURN(change.after, ChangedEntry(stored.after()));
  }
  return change;
}

std::string EncodePingFindings(const PingFindings& findings) {
  storage::PingFindings stored;
  EncodePing(findings.ping, *stored.mutable_ping());
  for (const PingFinding& finding : findings.findings) {
    storage::PingFinding* to = stored.add_findings();
    to->set_mx(finding.mx);
    to->set_address(finding.address);
    to->set_valid(finding.valid);
    to->set_reason(finding.reason);
    to->set_tls_version(finding.tls_version);
    to->set_cipher(finding.cipher);
    to->set_fingerprint(finding.fingerprint);
    if (finding.not_after.has_value()) to->set_not_after_us(absl::ToUnixMicros(*finding.not_after));
  }
  return stored.SerializeAsString();
}

absl::StatusOr<PingFindings> DecodePingFindings(absl::string_view value) {
  storage::PingFindings stored;
  if (!stored.ParseFromArray(value.data(), static_cast<int>(value.size())) || !stored.has_ping()) {
    return absl::DataLossError("a ping that is kept cannot be read");
  }
  PingFindings findings;
  findings.ping = DecodePing(stored.ping());
  for (const storage::PingFinding& from : stored.findings()) {
    PingFinding& finding = findings.findings.emplace_back();
    finding.mx = from.mx();
    finding.address = from.address();
    finding.valid = from.valid();
    finding.reason = from.reason();
    finding.tls_version = from.tls_version();
    finding.cipher = from.cipher();
    finding.fingerprint = from.fingerprint();
    if (from.not_after_us() != 0) finding.not_after = absl::FromUnixMicros(from.not_after_us());
  }
  return findings;
}

}  // namespace sluice::policy
