#include "engine/tlsrpt/record.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/dns/records.h"
#include "engine/io/socket_address.h"
#include "engine/smtp/address.h"

namespace sluice::tlsrpt {
namespace {

// Of a record, as it is shown.
constexpr size_t kMostShown = 200;
constexpr size_t kMostUri = 1024;
constexpr size_t kMostName = 32;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

absl::string_view WithoutSpace(absl::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// What is left of a record of this version behind its "v=TLSRPTv1", from behind the ";" on.
std::optional<absl::string_view> FieldsOf(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "v=TLSRPTv1")) return std::nullopt;
  text = text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
  if (!absl::ConsumePrefix(&text, ";")) return std::nullopt;
  return text;
}

bool IsFieldName(absl::string_view text) {
  return !text.empty() && text.size() <= kMostName && IsAlphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

bool IsVisible(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

absl::Status Malformed(absl::string_view record, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the TLSRPT record \"", absl::CHexEscape(record.substr(0, kMostShown)), "\" ", why));
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
  std::optional<absl::string_view> fields;
  absl::string_view record;
  for (const std::string& text : texts) {
    const std::optional<absl::string_view> found = FieldsOf(text);
    if (!found.has_value()) continue;
    if (fields.has_value()) {
      return absl::InvalidArgumentError("there are several TLSRPT records, and only one may be");
    }
    fields = found;
    record = text;
  }
  if (!fields.has_value()) return absl::NotFoundError("there is no TLSRPT record");

  std::optional<absl::string_view> uris;
  std::vector<absl::string_view> parts = absl::StrSplit(*fields, ';');
  if (parts.size() > 1 && WithoutSpace(parts.back()).empty()) parts.pop_back();
  for (const absl::string_view part : parts) {
    const absl::string_view field = WithoutSpace(part);
    const size_t equals = field.find('=');
    const absl::string_view name = field.substr(0, equals);
    const absl::string_view value =
        equals == absl::string_view::npos ? absl::string_view() : field.substr(equals + 1);
    const bool is_rua = name == "rua";
    if (!IsFieldName(name) || value.empty() ||
        (!is_rua && (!IsVisible(value) || absl::StrContains(value, '=')))) {
      return Malformed(record, "has a part that is no name=value");
    }
    if (!is_rua) continue;
    if (uris.has_value()) return Malformed(record, "has two lists of places (rua)");
    uris = value;
  }
  if (!uris.has_value()) return Malformed(record, "does not say where reports go (rua)");

  std::vector<Endpoint> endpoints;
  for (const absl::string_view part : absl::StrSplit(*uris, ',')) {
    const absl::string_view uri = WithoutSpace(part);
    if (uri.empty() || !IsVisible(uri)) return Malformed(record, "has a place that is no URI");
    std::optional<Endpoint> endpoint = ReadUri(uri);
    if (endpoint.has_value() && endpoints.size() < kMostEndpoints) {
      endpoints.push_back(*std::move(endpoint));
    }
  }
  if (endpoints.empty()) {
    return Malformed(record, "names no place of the kinds mailto: and https: that can be reached");
  }
  return endpoints;
}

}  // namespace sluice::tlsrpt
