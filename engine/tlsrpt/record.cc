#include "engine/tlsrpt/record.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "engine/dns/records.h"
#include "engine/dns/text_record.h"
#include "engine/io/socket_address.h"
#include "engine/smtp/address.h"

namespace sluice::tlsrpt {
namespace {

constexpr dns::TextRecordKind kKind{.version = "v=TLSRPTv1", .title = "TLSRPT"};
constexpr size_t kMostUri = 1024;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

bool IsVisible(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

// RFC 3986 §2.1; nullopt where a "%" has no two hex digits behind it.
std::optional<std::string> Decoded(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const absl::string_view digits = text.substr(i + 1, 2);
    const bool hex = digits.size() == 2 && std::all_of(digits.begin(), digits.end(), [](char c) {
                       return absl::ascii_isxdigit(static_cast<unsigned char>(c));
                     });
    if (!hex) return std::nullopt;
    decoded.append(absl::HexStringToBytes(digits));
    i += 2;
  }
  return decoded;
}

// RFC 6068, of one address; what it would have in the header is not looked at.
std::optional<MailEndpoint> ReadMailto(absl::string_view rest) {
  const std::optional<std::string> address = Decoded(rest.substr(0, rest.find('?')));
  // Neither spaces nor brackets: it is going to stand in a header and in RCPT TO.
  if (!address.has_value() || !IsVisible(*address) ||
      address->find_first_of("<>") != std::string::npos) {
    return std::nullopt;
  }
  const std::string bracketed = absl::StrCat("<", *address, ">");
  absl::string_view path = bracketed;
  const absl::StatusOr<smtp::Address> parsed = smtp::ParsePath(path);
  if (!parsed.ok() || !path.empty() || parsed->text != *address) return std::nullopt;
  if (parsed->domain.empty() || !dns::QueryName(parsed->domain).ok()) {  // or an address literal
    return std::nullopt;
  }
  return MailEndpoint{*address};
}

std::optional<WebEndpoint> ReadHttps(absl::string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  absl::string_view authority = rest.substr(0, end);
  const absl::string_view target = rest.substr(end);
  WebEndpoint endpoint;
  if (const size_t colon = authority.rfind(':'); colon != absl::string_view::npos) {
    const absl::string_view digits = authority.substr(colon + 1);
    uint32_t port = 0;
    if (digits.find_first_not_of("0123456789") != absl::string_view::npos ||
        !absl::SimpleAtoi(digits, &port) || port == 0 || port > 65535) {
      return std::nullopt;
    }
    endpoint.port = static_cast<uint16_t>(port);
    authority = authority.substr(0, colon);
  }
  // A certificate names a host; user names, addresses and what is no host name have no place here.
  const bool named = std::all_of(authority.begin(), authority.end(),
                                 [](char c) { return IsAlphanumeric(c) || c == '-' || c == '.'; });
  absl::StatusOr<std::string> host = dns::QueryName(authority);
  if (!named || authority.empty() || !host.ok() || io::SocketAddress::FromIp(*host, 0).ok()) {
    return std::nullopt;
  }
  endpoint.host = *std::move(host);
  endpoint.target = absl::StartsWith(target, "/") ? std::string(target) : absl::StrCat("/", target);
  return endpoint;
}

std::optional<Endpoint> ReadUri(absl::string_view uri) {
  if (uri.size() > kMostUri) return std::nullopt;
  const size_t colon = uri.find(':');
  if (colon == absl::string_view::npos) return std::nullopt;
  const absl::string_view scheme = uri.substr(0, colon);  // in either case (RFC 3986 §3.1)
  absl::string_view rest = uri.substr(colon + 1);
  if (absl::EqualsIgnoreCase(scheme, "mailto")) {
    std::optional<MailEndpoint> mail = ReadMailto(rest);
    if (!mail.has_value()) return std::nullopt;
    return Endpoint{std::string(uri), *std::move(mail)};
  }
  if (!absl::EqualsIgnoreCase(scheme, "https") || !absl::ConsumePrefix(&rest, "//")) {
    return std::nullopt;
  }
  std::optional<WebEndpoint> web = ReadHttps(rest);
  if (!web.has_value()) return std::nullopt;
  return Endpoint{std::string(uri), *std::move(web)};
}

}  // namespace

absl::StatusOr<std::vector<Endpoint>> ReadEndpoints(const std::vector<std::string>& texts) {
  SLUICE_ASSIGN_OR_RETURN(const dns::TextRecord record, dns::FindTextRecord(texts, kKind));
  const auto malformed = [&record](absl::string_view why) {
    return dns::MalformedTextRecord(kKind, record.text, why);
  };
  std::optional<absl::string_view> uris;
  for (const dns::TextField& field : record.fields) {
    if (field.name != "rua") {
      if (!dns::IsFieldValue(field.value)) return malformed("has a part that is no name=value");
      continue;
    }
    if (uris.has_value()) return malformed("has two lists of places (rua)");
    uris = field.value;
  }
  if (!uris.has_value()) return malformed("does not say where reports go (rua)");

  std::vector<Endpoint> endpoints;
  for (const absl::string_view part : absl::StrSplit(*uris, ',')) {
    const absl::string_view uri = dns::WithoutSpace(part);
    if (uri.empty() || !IsVisible(uri)) return malformed("has a place that is no URI");
    std::optional<Endpoint> endpoint = ReadUri(uri);
    if (endpoint.has_value() && endpoints.size() < kMostEndpoints) {
      endpoints.push_back(*std::move(endpoint));
    }
  }
  if (endpoints.empty()) {
    return malformed("names no place of the kinds mailto: and https: that can be reached");
  }
  return endpoints;
}

}  // namespace sluice::tlsrpt
