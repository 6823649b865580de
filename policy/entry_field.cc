#include "policy/entry_field.h"

#include <array>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "policy/domain_name.h"
#include "policy/source_address.h"

namespace sluice::policy {
namespace {

constexpr std::array<absl::string_view, 11> kNames = {"pattern",
                                                      "direction",
                                                      "mode",
                                                      "level",
                                                      "match_names",
                                                      "fingerprints",
                                                      "minimum_version",
                                                      "inbound_action",
                                                      "source_addresses",
                                                      "client_certificate",
                                                      "note"};

using List = std::vector<std::string> Entry::*;

struct Field {
  absl::string_view name;
  List list;  // null: it is none
  absl::Status (*set)(absl::string_view text, Entry& entry);
  std::string (*get)(const Entry& entry);
};

// For enumerations: the text is a name of the enumeration, or empty for the default.
template <auto member, auto parse>
absl::Status SetEnum(absl::string_view text, Entry& entry) {
  if (text.empty()) {
    entry.*member = Entry().*member;
    return absl::OkStatus();
  }
  SLUICE_ASSIGN_OR_RETURN(entry.*member, parse(text));
  return absl::OkStatus();
}

template <auto member, auto name>
std::string GetEnum(const Entry& entry) {
  return std::string(name(entry.*member));
}

std::vector<absl::string_view> SplitList(absl::string_view text) {
  return absl::StrSplit(text, absl::ByAnyChar(" \t,"), absl::SkipEmpty());
}

absl::Status SetPattern(absl::string_view text, Entry& entry) {
  SLUICE_ASSIGN_OR_RETURN(entry.pattern, Pattern::Parse(text));
  return absl::OkStatus();
}

absl::Status SetMatchNames(absl::string_view text, Entry& entry) {
  std::vector<std::string> names;
  for (absl::string_view item : SplitList(text)) {
    const bool below = absl::ConsumePrefix(&item, ".");
    SLUICE_ASSIGN_OR_RETURN(const std::string domain, NormalizeDomain(item));
    names.push_back(absl::StrCat(below ? "." : "", domain));
  }
  entry.match_names = std::move(names);
  return absl::OkStatus();
}

absl::Status SetFingerprints(absl::string_view text, Entry& entry) {
  std::vector<std::string> fingerprints;
  for (const absl::string_view item : SplitList(text)) {
    fingerprints.push_back(absl::AsciiStrToLower(absl::StrReplaceAll(item, {{":", ""}})));
  }
  entry.fingerprints = std::move(fingerprints);
  return absl::OkStatus();
}

absl::Status SetSourceAddresses(absl::string_view text, Entry& entry) {
  SLUICE_ASSIGN_OR_RETURN(entry.source_addresses, ParseSourceAddresses(text));
  return absl::OkStatus();
}

absl::Status SetClientCertificate(absl::string_view text, Entry& entry) {
  if (!text.empty()) SLUICE_RETURN_IF_ERROR(CheckCertificateName(text));
  entry.client_certificate = std::string(text);
  return absl::OkStatus();
}

absl::Status SetNote(absl::string_view text, Entry& entry) {
  entry.note = std::string(text);
  return absl::OkStatus();
}

template <List list>
std::string GetItems(const Entry& entry) {
  return absl::StrJoin(entry.*list, " ");
}

constexpr std::array<Field, kNames.size()> kFields = {{
    {"pattern", nullptr, SetPattern, [](const Entry& entry) { return entry.pattern.text(); }},
    {"direction", nullptr, SetEnum<&Entry::direction, ParseDirection>,
     GetEnum<&Entry::direction, DirectionName>},
    {"mode", nullptr, SetEnum<&Entry::mode, ParseMode>, GetEnum<&Entry::mode, ModeName>},
    {"level", nullptr, SetEnum<&Entry::level, ParseLevel>, GetEnum<&Entry::level, LevelName>},
    {"match_names", &Entry::match_names, SetMatchNames, GetItems<&Entry::match_names>},
    {"fingerprints", &Entry::fingerprints, SetFingerprints, GetItems<&Entry::fingerprints>},
    {"minimum_version", nullptr, SetEnum<&Entry::minimum_version, ParseTlsVersion>,
     GetEnum<&Entry::minimum_version, TlsVersionName>},
    {"inbound_action", nullptr, SetEnum<&Entry::inbound_action, ParseInboundAction>,
     GetEnum<&Entry::inbound_action, InboundActionName>},
    {"source_addresses", &Entry::source_addresses, SetSourceAddresses,
     GetItems<&Entry::source_addresses>},
    {"client_certificate", nullptr, SetClientCertificate,
     [](const Entry& entry) { return entry.client_certificate; }},
    {"note", nullptr, SetNote, [](const Entry& entry) { return entry.note; }},
}};

const Field* FindField(absl::string_view name) {
  for (const Field& field : kFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

// Free text and empty values in quotes, so that one line holds several of them.
std::string Quoted(absl::string_view field, const std::string& value) {
  return value.empty() || field == "note" ? absl::StrCat("\"", absl::Utf8SafeCEscape(value), "\"")
                                          : value;
}

}  // namespace

absl::Span<const absl::string_view> FieldNames() { return kNames; }

bool IsListField(absl::string_view field) {
  const Field* const found = FindField(field);
  return found != nullptr && found->list != nullptr;
}

const std::vector<std::string>& GetList(absl::string_view field, const Entry& entry) {
  const Field* const found = FindField(field);
  SLUICE_CHECK(found != nullptr && found->list != nullptr);
  return entry.*found->list;
}

absl::Status SetField(absl::string_view field, absl::string_view text, Entry& entry) {
  const Field* const found = FindField(field);
  if (found == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("'", absl::CHexEscape(field.substr(0, 64)),
                                                   "' is no field of an entry; the fields are ",
                                                   absl::StrJoin(kNames, ", ")));
  }
  if (absl::Status status = found->set(text, entry); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(field, ": ", status.message()));
  }
  return absl::OkStatus();
}

std::string GetField(absl::string_view field, const Entry& entry) {
  const Field* const found = FindField(field);
  SLUICE_CHECK(found != nullptr);
  return found->get(entry);
}

std::string Diff(const Entry* before, const Entry* after) {
  if (before == nullptr && after == nullptr) return "";
  const bool both = before != nullptr && after != nullptr;
  Entry defaults;
  const Entry& left = both ? *before : defaults;
  const Entry& right = both ? *after : after != nullptr ? *after : *before;
  std::vector<std::string> differences;
  for (const Field& field : kFields) {
    const std::string old_value = field.get(left);
    const std::string new_value = field.get(right);
    if (both && old_value != new_value) {
      differences.push_back(absl::StrCat(field.name, ": ", Quoted(field.name, old_value), " -> ",
                                         Quoted(field.name, new_value)));
    } else if (!both && (field.name == "pattern" || old_value != new_value)) {
      differences.push_back(absl::StrCat(field.name, ": ", Quoted(field.name, new_value)));
    }
  }
  return absl::StrCat(both               ? ""
                      : after != nullptr ? "added: "
                                         : "removed: ",
                      absl::StrJoin(differences, "; "));
}

}  // namespace sluice::policy
