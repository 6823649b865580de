#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "policy/entry_field.h"
#include "policy/import_export.h"
#include "policy/import_rows.h"

namespace sluice::policy {
namespace {

// The domain of a line is a next hop to Postfix: "example.com", ".example.com" for those below it.
absl::StatusOr<Pattern> PatternOf(absl::string_view key) {
  if (absl::StartsWith(key, "[") || absl::StrContains(key, ':')) {
    return absl::InvalidArgumentError(
        absl::StrCat(key, ": a next hop in brackets or with a port is no domain; the list is of "
                          "recipients' domains"));
  }
  if (absl::StartsWith(key, ".")) return Pattern::Parse(absl::StrCat("*", key));
  return Pattern::Parse(key);
}

absl::Status SetLevel(absl::string_view level, Entry& entry) {
  entry.direction = Direction::kOutbound;
  // Exempt, whatever wider line there is. DANE holds for such domains too (--dane).
  if (level == "may" || level == "dane") {
    entry.mode = Mode::kOff;
    return absl::OkStatus();
  }
  if (level == "none") {
    return absl::InvalidArgumentError(
        "level none has no counterpart here; those that have: may, encrypt, dane, dane-only, "
        "fingerprint, verify and secure");
  }
  return SetField("level", level, entry);
}

// "match=hostname:nexthop:dot-nexthop:.example.net". Level verify takes the MX host's name of itself
// here, and secure the recipient's domain: what Postfix would not take must not be taken here.
absl::Status SetMatch(absl::string_view value, Entry& entry) {
  if (entry.level == Level::kFingerprint) {
    std::string fingerprints = absl::StrReplaceAll(value, {{"|", " "}});
    return SetField("fingerprints", fingerprints, entry);
  }
  bool hostname = false;
  bool nexthop = false;
  std::string names;
  const std::string domain = entry.pattern.domain();
  for (const absl::string_view name : absl::StrSplit(value, ':', absl::SkipEmpty())) {
    if (name == "hostname") {
      hostname = true;
    } else if (name == "nexthop") {
      nexthop = true;
    } else if (name == "dot-nexthop") {
      absl::StrAppend(&names, ".", domain, " ");
    } else {
      absl::StrAppend(&names, name, " ");
    }
  }
  if (entry.level == Level::kVerify && !hostname) entry.level = Level::kSecure;
  if (entry.level == Level::kSecure && hostname) entry.level = Level::kVerify;
  if (nexthop && entry.level == Level::kVerify) absl::StrAppend(&names, domain);
  return SetField("match_names", names, entry);
}

absl::Status SetProtocols(absl::string_view value, Entry& entry) {
  const std::string text = absl::StrReplaceAll(value, {{" ", ""}, {",", ":"}});
  const bool newest_alone = text == ">=TLSv1.3" || text == "TLSv1.3" || text == ">=0304" ||
                            absl::StrContains(text, "!TLSv1.2");
  if (newest_alone) entry.minimum_version = TlsVersion::kTls13;
  return absl::OkStatus();  // what is older than TLS 1.2 is never used here
}

absl::Status SetAttribute(absl::string_view attribute, Entry& entry) {
  const std::pair<absl::string_view, absl::string_view> pair =
      absl::StrSplit(attribute, absl::MaxSplits('=', 1));
  if (pair.first == "match") return SetMatch(pair.second, entry);
  if (pair.first == "protocols") return SetProtocols(pair.second, entry);
  if (pair.first == "ciphers" || pair.first == "exclude") return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      absl::CHexEscape(pair.first), ": is no attribute that has a counterpart here; those that have: "
                                    "match and protocols (ciphers and exclude are passed over: "
                                    "--tls_ciphers holds for all)"));
}

void AddLine(absl::string_view text, int line, ImportRows& rows) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \t"), absl::SkipEmpty());
  Entry entry;
  std::vector<std::string> faults;
  const auto check = [&faults](const absl::Status& status) {
    if (!status.ok()) faults.emplace_back(status.message());
  };
  if (words.size() < 2) {
    rows.AddFault(line, "must be a domain and a level: example.com encrypt");
    return;
  }
  absl::StatusOr<Pattern> pattern = PatternOf(words[0]);
  check(pattern.status());
  if (pattern.ok()) entry.pattern = *std::move(pattern);
  check(SetLevel(words[1], entry));
  bool has_match = false;
  for (size_t i = 2; i < words.size(); ++i) {
    has_match = has_match || absl::StartsWith(words[i], "match=");
    check(SetAttribute(words[i], entry));
  }
  // Postfix's default for secure: nexthop, dot-nexthop. The first of them holds here anyway.
  if (entry.level == Level::kSecure && !has_match && faults.empty()) {
    check(SetField("match_names", absl::StrCat(".", entry.pattern.domain()), entry));
  }
  rows.Add(line, std::move(entry), std::move(faults));
}

std::string MatchOf(const Entry& entry) {
  if (entry.level == Level::kFingerprint) {
    return absl::StrCat(" match=", absl::StrJoin(entry.fingerprints, "|"));
  }
  if (entry.level == Level::kEncrypt || entry.level == Level::kDaneOnly) return "";
  std::vector<std::string> names = {entry.level == Level::kVerify ? "hostname" : "nexthop"};
  names.insert(names.end(), entry.match_names.begin(), entry.match_names.end());
  return absl::StrCat(" match=", absl::StrJoin(names, ":"));
}

}  // namespace

Imported ImportPostfix(absl::string_view text) {
  ImportRows rows;
  if (rows.TooLarge(text)) return std::move(rows).Take();
  // A line that begins with blanks goes on the one in front of it (postmap(1)).
  std::string logical;
  int line = 0;
  int first_line = 0;
  const auto finish = [&] {
    if (!logical.empty()) AddLine(logical, first_line, rows);
    logical.clear();
  };
  for (absl::string_view physical : absl::StrSplit(text, '\n')) {
    ++line;
    if (rows.full()) break;
    const absl::string_view content = absl::StripAsciiWhitespace(physical);
    if (content.empty() || content.front() == '#') continue;
    if (absl::ascii_isspace(static_cast<unsigned char>(physical.front()))) {
      if (logical.empty()) {
        rows.AddFault(line, "begins with a blank, and there is no line that it goes on");
      } else {
        absl::StrAppend(&logical, " ", content);
      }
      continue;
    }
    finish();
    logical = std::string(content);
    first_line = line;
  }
  finish();
  return std::move(rows).Take();
}

std::string PostfixHeader() {
  return "# smtp_tls_policy_maps of Postfix (postconf(5)), written by Sluice\n";
}

void AppendPostfix(const Entry& entry, std::string& out) {
  const std::string& domain = entry.pattern.domain();
  if (!entry.note.empty()) absl::StrAppend(&out, "# ", entry.note, "\n");
  if (!entry.applies_outbound()) {
    absl::StrAppend(&out, "# ", entry.pattern.text(), " is for mail from there alone\n");
    return;
  }
  if (!entry.source_addresses.empty()) {
    absl::StrAppend(&out, "# ", entry.pattern.text(), " goes out from ",
                    absl::StrJoin(entry.source_addresses, " and "),
                    ": in Postfix that takes a transport of its own, with smtp_bind_address\n");
  }
  if (!entry.client_certificate.empty()) {
    absl::StrAppend(&out, "# ", entry.pattern.text(), " is shown the client certificate ",
                    entry.client_certificate,
                    ": in Postfix that takes a transport of its own, with smtp_tls_chain_files\n");
  }
  if (entry.pattern.kind() == Pattern::Kind::kAny) {
    absl::StrAppend(&out, "# every domain: set smtp_tls_security_level to ",
                    LevelName(entry.level), " instead\n");
    return;
  }
  std::string policy;
  if (entry.mode != Mode::kEnforce) {
    if (entry.mode == Mode::kMonitor) {
      absl::StrAppend(&out, "# ", entry.pattern.text(), " is only monitored\n");
    }
    policy = "may";
  } else {
    policy = absl::StrCat(LevelName(entry.level), MatchOf(entry));
    if (entry.minimum_version == TlsVersion::kTls13) absl::StrAppend(&policy, " protocols=>=TLSv1.3");
  }
  if (entry.pattern.kind() != Pattern::Kind::kBelow) {
    absl::StrAppend(&out, domain, "\t", policy, "\n");
  }
  if (entry.pattern.kind() != Pattern::Kind::kExact) {
    absl::StrAppend(&out, ".", domain, "\t", policy, "\n");
  }
}

}  // namespace sluice::policy
