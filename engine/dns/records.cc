#include "engine/dns/records.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "engine/base/check.h"

namespace sluice::dns {
namespace {

constexpr size_t kMaxNameOctets = 253;  // as text, without the trailing dot
constexpr size_t kMaxLabelOctets = 63;
constexpr int kNoError = 0;
constexpr int kNameError = 3;

bool IsNameCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

// "SERVFAIL" (RFC 1035, RFC 2136), or the number.
std::string RcodeName(int rcode) {
  static constexpr absl::string_view kNames[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                                 "NXDOMAIN", "NOTIMP",  "REFUSED"};
  if (rcode >= 0 && static_cast<size_t>(rcode) < std::size(kNames)) {
    return std::string(kNames[rcode]);
  }
  return absl::StrCat("rcode ", rcode);
}

std::string About(absl::string_view name, RecordType type) {
  return absl::StrCat(RecordTypeName(type), " records of ", name);
}

// A name in wire format that fills `bytes` to the end, as text; empty for the root. False for what
// is no such name, or is none that a host can have.
bool ReadHostName(absl::string_view bytes, std::string& name) {
  name.clear();
  for (;;) {
    if (bytes.empty()) return false;
    const size_t size = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (size == 0) return bytes.empty() && name.size() <= kMaxNameOctets;
    if (size > kMaxLabelOctets || size > bytes.size() || name.size() > kMaxNameOctets) return false;
    const absl::string_view label = bytes.substr(0, size);
    if (!std::all_of(label.begin(), label.end(), IsNameCharacter)) return false;
    absl::StrAppend(&name, name.empty() ? "" : ".", absl::AsciiStrToLower(label));
    bytes.remove_prefix(size);
  }
}

// What a name stands for, where that is a name at all.
std::string CanonicalOf(absl::string_view name, const Response& response) {
  return QueryName(response.canonical).value_or(std::string(name));
}

// The character-strings of a TXT record, joined (RFC 1035 §3.3.14). False where they do not fill it.
bool ReadText(absl::string_view bytes, std::string& text) {
  while (!bytes.empty()) {
    const size_t size = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    if (size > bytes.size()) return false;
    absl::StrAppend(&text, bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return true;
}

// Fisher and Yates.
template <typename T>
void Shuffle(std::vector<T>& items, Random& random) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.Below(i)]);
}

// Adds the addresses of one family; returns why there are none, if so.
absl::Status ReadFamily(absl::string_view host, RecordType type,
                        const absl::StatusOr<Response>& response, size_t address_octets,
                        std::vector<io::SocketAddress>& addresses) {
  if (!response.ok()) return response.status();
  if (absl::Status status = CheckResponse(host, type, *response); !status.ok()) return status;
  for (const std::string& record : response->records) {
    if (record.size() == address_octets) {
      addresses.push_back(io::SocketAddress::FromBytes(record, 0));
    }
  }
  if (!addresses.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(host, " has no address"));
}

}  // namespace

absl::string_view RecordTypeName(RecordType type) {
  switch (type) {
    case RecordType::kA:
      return "A";
    case RecordType::kCname:
      return "CNAME";
    case RecordType::kMx:
      return "MX";
    case RecordType::kTxt:
      return "TXT";
    case RecordType::kAaaa:
      return "AAAA";
    case RecordType::kTlsa:
      return "TLSA";
  }
  SLUICE_CHECK(false);
}

absl::StatusOr<std::string> QueryName(absl::string_view name) {
  const absl::string_view asked = absl::StripSuffix(name, ".");
  size_t label = 0;
  bool valid = !asked.empty() && asked.size() <= kMaxNameOctets;
  for (const char c : asked) {
    valid = valid && (c == '.' ? label > 0 : IsNameCharacter(c) && label < kMaxLabelOctets);
    label = c == '.' ? 0 : label + 1;
  }
  if (!valid || label == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", absl::CHexEscape(name.substr(0, 300)), "' is no domain name"));
  }
  return absl::AsciiStrToLower(asked);
}

absl::Status CheckResponse(absl::string_view name, RecordType type, const Response& response) {
  if (!response.bogus.empty()) {
    return absl::UnavailableError(absl::StrCat("DNSSEC validation of the ", About(name, type),
                                               " failed: ", absl::CHexEscape(response.bogus)));
  }
  if (!response.name_exists || response.rcode == kNameError) {
    return absl::NotFoundError(absl::StrCat("the domain ", name, " does not exist"));
  }
  if (response.rcode != kNoError) {
    return absl::UnavailableError(
        absl::StrCat("no ", About(name, type), ": ", RcodeName(response.rcode)));
  }
  return absl::OkStatus();
}

absl::StatusOr<MxAnswer> ReadMx(absl::string_view domain, const Response& response,
                                Random& random) {
  if (absl::Status status = CheckResponse(domain, RecordType::kMx, response); !status.ok()) {
    return status;
  }
  MxAnswer answer;
  answer.security = response.secure ? Security::kSecure : Security::kInsecure;
  answer.canonical = CanonicalOf(domain, response);
  if (response.records.empty()) {
    answer.implicit = true;
    answer.hosts.push_back({0, std::string(domain)});
    return answer;
  }
  bool has_root = false;
  for (const std::string& record : response.records) {
    MxHost host;
    if (record.size() < 3 || !ReadHostName(absl::string_view(record).substr(2), host.name))
      continue;
    host.preference = static_cast<uint16_t>(static_cast<unsigned char>(record[0]) << 8 |
                                            static_cast<unsigned char>(record[1]));
    if (host.name.empty()) {
      has_root = true;
    } else {
      answer.hosts.push_back(std::move(host));
    }
  }
  answer.null_mx = has_root && response.records.size() == 1;
  if (answer.hosts.empty() && !answer.null_mx) {
    return absl::UnavailableError(
        absl::StrCat("none of the ", About(domain, RecordType::kMx), " names a host"));
  }
  Shuffle(answer.hosts, random);
  std::stable_sort(answer.hosts.begin(), answer.hosts.end(),
                   [](const MxHost& a, const MxHost& b) { return a.preference < b.preference; });
  if (answer.hosts.size() > kMaxMxHosts) answer.hosts.resize(kMaxMxHosts);
  return answer;
}

absl::StatusOr<AddressAnswer> ReadAddresses(absl::string_view host,
                                            const absl::StatusOr<Response>& a,
                                            const absl::StatusOr<Response>& aaaa, Random& random) {
  std::vector<io::SocketAddress> v4;
  std::vector<io::SocketAddress> v6;
  const absl::Status v4_status = ReadFamily(host, RecordType::kA, a, 4, v4);
  const absl::Status v6_status = ReadFamily(host, RecordType::kAaaa, aaaa, 16, v6);
  if (v4.empty() && v6.empty()) {
    // That there is none is only sure when both say so.
    return absl::IsNotFound(v4_status) ? v6_status : v4_status;
  }
  AddressAnswer answer;
  const bool secure = (v4.empty() || a->secure) && (v6.empty() || aaaa->secure);
  answer.security = secure ? Security::kSecure : Security::kInsecure;
  answer.canonical = CanonicalOf(host, v4.empty() ? *aaaa : *a);
  Shuffle(v4, random);
  Shuffle(v6, random);
  for (size_t i = 0; i < std::max(v4.size(), v6.size()); ++i) {
    if (i < v6.size()) answer.addresses.push_back(v6[i]);
    if (i < v4.size()) answer.addresses.push_back(v4[i]);
  }
  if (answer.addresses.size() > kMaxAddresses) answer.addresses.resize(kMaxAddresses);
  return answer;
}

absl::StatusOr<TlsaAnswer> ReadTlsa(absl::string_view name, const Response& response) {
  if (absl::Status status = CheckResponse(name, RecordType::kTlsa, response); !status.ok()) {
    return status;
  }
  TlsaAnswer answer;
  answer.security = response.secure ? Security::kSecure : Security::kInsecure;
  for (const std::string& record : response.records) {
    if (record.size() < 3 || answer.records.size() == kMaxTlsaRecords) continue;
    answer.records.push_back({static_cast<uint8_t>(record[0]), static_cast<uint8_t>(record[1]),
                              static_cast<uint8_t>(record[2]), record.substr(3)});
  }
  if (answer.records.empty()) {
    return absl::NotFoundError(absl::StrCat("there are no ", About(name, RecordType::kTlsa)));
  }
  return answer;
}

std::string TlsaName(absl::string_view host, uint16_t port) {
  return absl::StrCat("_", port, "._tcp.", host);
}

absl::StatusOr<Security> ReadAlias(absl::string_view host, const Response& response) {
  if (absl::Status status = CheckResponse(host, RecordType::kCname, response); !status.ok()) {
    return status;
  }
  if (response.records.empty()) {
    return absl::NotFoundError(absl::StrCat("there are no ", About(host, RecordType::kCname)));
  }
  return response.secure ? Security::kSecure : Security::kInsecure;
}

absl::StatusOr<TxtAnswer> ReadTxt(absl::string_view name, const Response& response) {
  if (absl::Status status = CheckResponse(name, RecordType::kTxt, response); !status.ok()) {
    return status;
  }
  TxtAnswer answer;
  answer.security = response.secure ? Security::kSecure : Security::kInsecure;
  for (const std::string& record : response.records) {
    std::string text;
    if (!ReadText(record, text)) continue;
    answer.texts.push_back(std::move(text));
    if (answer.texts.size() == kMaxTexts) break;
  }
  if (!answer.texts.empty()) return answer;
  return absl::NotFoundError(absl::StrCat("there are no ", About(name, RecordType::kTxt)));
}

}  // namespace sluice::dns
