#include "policy/entry.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "policy/domain_name.h"
#include "policy/source_address.h"

namespace sluice::policy {
namespace {

template <typename Enum, size_t n>
using Names = std::array<std::pair<Enum, absl::string_view>, n>;

constexpr Names<Direction, 3> kDirections = {{{Direction::kBoth, "both"},
                                              {Direction::kInbound, "inbound"},
                                              {Direction::kOutbound, "outbound"}}};
constexpr Names<Mode, 3> kModes = {
    {{Mode::kEnforce, "enforce"}, {Mode::kMonitor, "monitor"}, {Mode::kOff, "off"}}};
constexpr Names<Level, 5> kLevels = {{{Level::kEncrypt, "encrypt"},
                                      {Level::kVerify, "verify"},
                                      {Level::kSecure, "secure"},
                                      {Level::kFingerprint, "fingerprint"},
                                      {Level::kDaneOnly, "dane-only"}}};
constexpr Names<TlsVersion, 2> kVersions = {
    {{TlsVersion::kTls12, "1.2"}, {TlsVersion::kTls13, "1.3"}}};
constexpr Names<InboundAction, 2> kActions = {
    {{InboundAction::kDefer, "defer"}, {InboundAction::kReject, "reject"}}};

template <typename Enum, size_t n>
absl::string_view NameIn(const Names<Enum, n>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  SLUICE_CHECK(false);
}

template <typename Enum, size_t n>
absl::StatusOr<Enum> ParseIn(const Names<Enum, n>& names, absl::string_view typed) {
  for (const auto& [value, name] : names) {
    if (name == typed) return value;
  }
  const auto append_name = [](std::string* out, const auto& pair) {
    absl::StrAppend(out, pair.second);
  };
  return absl::InvalidArgumentError(absl::StrCat("'", absl::CHexEscape(typed.substr(0, 64)),
                                                 "' is not one of ",
                                                 absl::StrJoin(names, ", ", append_name)));
}

// One line of UTF-8, for a list that people read on terminals and in browsers.
bool IsPlainText(absl::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    if (first < 0x20 || first == 0x7f) return false;
    const size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (size == 1) {
      ++i;
      continue;
    }
    if (first < 0xc2 || first > 0xf4 || text.size() - i < size) return false;
    uint32_t code_point = first & (0x7fu >> size);
    for (size_t k = 1; k < size; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if ((next & 0xc0) != 0x80) return false;
      code_point = code_point << 6 | (next & 0x3fu);
    }
    const bool overlong = (size == 3 && code_point < 0x800) || (size == 4 && code_point < 0x10000);
    const bool surrogate = code_point >= 0xd800 && code_point < 0xe000;
    const bool control = code_point < 0xa0;  // C1
    if (overlong || surrogate || control || code_point > 0x10ffff) return false;
    i += size;
  }
  return true;
}

void CheckText(absl::string_view what, absl::string_view text, size_t most_octets,
               std::vector<std::string>& faults) {
  if (text.size() > most_octets) {
    faults.push_back(absl::StrCat(what, ": has ", text.size(), " octets, at most ", most_octets,
                                  " are allowed"));
  }
  if (!IsPlainText(text)) {
    faults.push_back(absl::StrCat(what, ": must be one line of UTF-8 without control characters"));
  }
}

void CheckMatchNames(const Entry& entry, std::vector<std::string>& faults) {
  if (entry.match_names.empty()) return;
  if (entry.level != Level::kVerify && entry.level != Level::kSecure) {
    faults.push_back(
        absl::StrCat("match_names: only levels verify and secure look at names; the level is ",
                     LevelName(entry.level)));
  }
  if (entry.match_names.size() > kMaxMatchNames) {
    faults.push_back(absl::StrCat("match_names: ", entry.match_names.size(), " names, at most ",
                                  kMaxMatchNames, " are allowed"));
  }
  for (absl::string_view name : entry.match_names) {
    absl::string_view domain = absl::StripPrefix(name, ".");
    const absl::StatusOr<std::string> normalized = NormalizeDomain(domain);
    if (!normalized.ok()) {
      faults.push_back(absl::StrCat("match_names: ", normalized.status().message()));
    } else if (*normalized != domain) {
      faults.push_back(
          absl::StrCat("match_names: '", name, "' must be written '", *normalized, "'"));
    }
  }
}

void CheckFingerprints(const Entry& entry, std::vector<std::string>& faults) {
  if (entry.level == Level::kFingerprint && entry.fingerprints.empty()) {
    faults.push_back("fingerprints: level fingerprint needs at least one");
  }
  if (entry.level != Level::kFingerprint && !entry.fingerprints.empty()) {
    faults.push_back(
        absl::StrCat("fingerprints: only level fingerprint looks at them; the level is ",
                     LevelName(entry.level)));
  }
  if (entry.fingerprints.size() > kMaxFingerprints) {
    faults.push_back(absl::StrCat("fingerprints: ", entry.fingerprints.size(), ", at most ",
                                  kMaxFingerprints, " are allowed"));
  }
  const auto is_hex = [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
  };
  for (const std::string& fingerprint : entry.fingerprints) {
    if (fingerprint.size() != 64 || !std::all_of(fingerprint.begin(), fingerprint.end(), is_hex)) {
      faults.push_back(absl::StrCat("fingerprints: '", absl::CHexEscape(fingerprint.substr(0, 128)),
                                    "' is not a SHA-256 in 64 hex digits"));
    }
  }
}

void CheckSourceAddresses(const Entry& entry, std::vector<std::string>& faults) {
  if (entry.source_addresses.empty()) return;
  if (!entry.applies_outbound()) {
    faults.push_back(
        "source_addresses: are for connections to servers, and the direction is inbound");
  }
  const std::string text = absl::StrJoin(entry.source_addresses, " ");
  const absl::StatusOr<std::vector<std::string>> canonical = ParseSourceAddresses(text);
  if (!canonical.ok()) {
    faults.push_back(absl::StrCat("source_addresses: ", canonical.status().message()));
  } else if (*canonical != entry.source_addresses) {
    faults.push_back(absl::StrCat("source_addresses: '", text, "' must be written '",
                                  absl::StrJoin(*canonical, " "), "'"));
  }
}

void CheckClientCertificate(const Entry& entry, std::vector<std::string>& faults) {
  if (entry.client_certificate.empty()) return;
  if (!entry.applies_outbound()) {
    faults.push_back("client_certificate: is shown to servers, and the direction is inbound");
  }
  if (const absl::Status name = CheckCertificateName(entry.client_certificate); !name.ok()) {
    faults.push_back(absl::StrCat("client_certificate: ", name.message()));
  }
}

}  // namespace

absl::Status CheckCertificateName(absl::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
               c == '-';
      });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", absl::CHexEscape(name.substr(0, 128)),
                   "' is no name of a certificate: 1 to 64 letters, digits, '.', '_' and '-'"));
}

std::vector<std::string> Validate(const Entry& entry) {
  std::vector<std::string> faults;
  CheckMatchNames(entry, faults);
  CheckFingerprints(entry, faults);
  CheckSourceAddresses(entry, faults);
  CheckClientCertificate(entry, faults);
  if (!entry.applies_outbound() && entry.level != Level::kEncrypt) {
    faults.push_back(absl::StrCat(
        "level: ", LevelName(entry.level),
        " checks the servers of outbound mail, and the direction is inbound: use encrypt"));
  }
  if (!entry.applies_inbound() && entry.inbound_action != InboundAction::kDefer) {
    faults.push_back(
        "inbound_action: reject is for inbound mail, and the direction is outbound: use defer");
  }
  CheckText("note", entry.note, kMaxNoteOctets, faults);
  CheckText("created by", entry.created.by, kMaxAuthorOctets, faults);
  CheckText("changed by", entry.changed.by, kMaxAuthorOctets, faults);
  if (entry.last_ping.has_value()) {
    CheckText("last ping", entry.last_ping->summary, kMaxPingSummaryOctets, faults);
  }
  return faults;
}

absl::string_view DirectionName(Direction direction) { return NameIn(kDirections, direction); }
absl::string_view ModeName(Mode mode) { return NameIn(kModes, mode); }
absl::string_view LevelName(Level level) { return NameIn(kLevels, level); }
absl::string_view TlsVersionName(TlsVersion version) { return NameIn(kVersions, version); }
absl::string_view InboundActionName(InboundAction action) { return NameIn(kActions, action); }

absl::StatusOr<Direction> ParseDirection(absl::string_view name) {
  return ParseIn(kDirections, name);
}
absl::StatusOr<Mode> ParseMode(absl::string_view name) { return ParseIn(kModes, name); }
absl::StatusOr<Level> ParseLevel(absl::string_view name) { return ParseIn(kLevels, name); }
absl::StatusOr<TlsVersion> ParseTlsVersion(absl::string_view name) {
  return ParseIn(kVersions, name);
}
absl::StatusOr<InboundAction> ParseInboundAction(absl::string_view name) {
  return ParseIn(kActions, name);
}

absl::StatusOr<std::string> PingedDomain(const Entry& entry) {
  if (entry.pattern.kind() == Pattern::Kind::kAny) {
    return absl::InvalidArgumentError("* names no domain that could be pinged; ping one by name");
  }
  if (!entry.applies_outbound()) {
    return absl::InvalidArgumentError(absl::StrCat(
        entry.pattern.text(), " is for mail from there alone: there is nothing to ping"));
  }
  return entry.pattern.domain();
}

}  // namespace sluice::policy
