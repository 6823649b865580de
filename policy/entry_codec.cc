#include "policy/entry_codec.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
  if (!FromStored(stored.level(), Level::kFingerprint, entry.level)) return "level";
  if (!FromStored(stored.minimum_version(), TlsVersion::kTls13, entry.minimum_version)) {
    return "minimum_version";
  }
  if (!FromStored(stored.inbound_action(), InboundAction::kReject, entry.inbound_action)) {
    return "inbound_action";
  }
  return "";
}

}  // namespace

std::string EncodeEntry(const Entry& entry) {
  storage::Entry stored;
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
  stored.set_note(entry.note);
  EncodeStamp(entry.created, *stored.mutable_created());
  EncodeStamp(entry.changed, *stored.mutable_changed());
  stored.set_generation(entry.generation);
  if (entry.last_ping.has_value()) {
    stored.mutable_last_ping()->set_at_us(absl::ToUnixMicros(entry.last_ping->at));
    stored.mutable_last_ping()->set_summary(entry.last_ping->summary);
  }
  return stored.SerializeAsString();
}

absl::StatusOr<Entry> DecodeEntry(absl::string_view key, absl::string_view value) {
  storage::Entry stored;
  if (!stored.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Corrupt(key, "it is no protobuf of sluice.policy.storage.Entry");
  }
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
  entry.note = stored.note();
  entry.created = DecodeStamp(stored.created());
  entry.changed = DecodeStamp(stored.changed());
  entry.generation = stored.generation();
  if (stored.has_last_ping()) {
    entry.last_ping =
        PingRecord{absl::FromUnixMicros(stored.last_ping().at_us()), stored.last_ping().summary()};
  }
  if (const std::vector<std::string> faults = Validate(entry); !faults.empty()) {
    return Corrupt(key, absl::StrJoin(faults, "; "));
  }
  return entry;
}

}  // namespace sluice::policy
