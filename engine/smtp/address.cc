#include "engine/smtp/address.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "engine/io/socket_address.h"

namespace sluice::smtp {
namespace {

absl::Status Bad(absl::string_view what) { return absl::InvalidArgumentError(what); }

bool IsHigh(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 §3.2.3, with UTF-8 (RFC 6532 §3.2).
bool IsAtomText(char c) {
  if (absl::ascii_isalnum(static_cast<unsigned char>(c)) || IsHigh(c)) return true;
  return absl::StrContains("!#$%&'*+-/=?^_`{|}~", c);
}

// The octets of one well-formed UTF-8 sequence (RFC 3629 §4) at the front; 0: there is none.
size_t Utf8Octets(absl::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, beyond U+10FFFF.
  if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
      (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) {
    return 0;
  }
  return length;
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t n = Utf8Octets(text);
    if (n == 0) return false;
    text.remove_prefix(n);
  }
  return true;
}

// Dot-string: atoms joined by single dots.
size_t DotStringLength(absl::string_view text) {
  size_t i = 0;
  while (true) {
    const size_t start = i;
    while (i < text.size() && IsAtomText(text[i])) ++i;
    if (i == start) return 0;
    if (i >= text.size() || text[i] != '.') return i;
    ++i;
  }
}

// Quoted-string, quotes included; 0: none, or not closed.
size_t QuotedStringLength(absl::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') return i + 1;
    if (c == '\\') {
      ++i;
      if (i >= text.size() || !absl::ascii_isprint(static_cast<unsigned char>(text[i]))) return 0;
    } else if (!absl::ascii_isprint(static_cast<unsigned char>(c)) && !IsHigh(c)) {
      return 0;
    }
  }
  return 0;
}

// An address literal, brackets included (§4.1.3); 0: none.
size_t LiteralLength(absl::string_view text) {
  const size_t close = text.find(']');
  if (close == absl::string_view::npos) return 0;
  absl::string_view inside = text.substr(1, close - 1);
  const bool ipv6 = absl::StartsWithIgnoreCase(inside, "IPv6:");
  if (ipv6) inside.remove_prefix(5);
  // The parser of socket addresses takes brackets and ports of its own, which have no place here.
  if (inside.empty() || !std::all_of(inside.begin(), inside.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c)) || c == '.' || c == ':';
      })) {
    return 0;
  }
  const absl::StatusOr<io::SocketAddress> address = io::SocketAddress::FromIp(inside, 0);
  return address.ok() && address->is_ipv6() == ipv6 ? close + 1 : 0;
}

// Labels of letters, digits, hyphens and (seen in the wild) underscores, or UTF-8; joined by dots.
size_t DomainLength(absl::string_view text) {
  if (!text.empty() && text[0] == '[') return LiteralLength(text);
  size_t i = 0;
  while (true) {
    const size_t start = i;
    while (i < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[i])) ||
                               IsHigh(text[i]) || text[i] == '-' || text[i] == '_')) {
      ++i;
    }
    if (i == start || i - start > 63 || text[start] == '-' || text[i - 1] == '-') return 0;
    if (i >= text.size() || text[i] != '.') return i;
    ++i;
  }
}

// "@a,@b:" in front of the mailbox.
bool SkipSourceRoute(absl::string_view& text) {
  while (absl::ConsumePrefix(&text, "@")) {
    const size_t n = DomainLength(text);
    if (n == 0) return false;
    text.remove_prefix(n);
    if (absl::ConsumePrefix(&text, ":")) return true;
    if (!absl::ConsumePrefix(&text, ",")) return false;
  }
  return false;
}

}  // namespace

absl::StatusOr<Address> ParsePath(absl::string_view& rest) {
  absl::string_view text = rest;
  if (!absl::ConsumePrefix(&text, "<")) return Bad("an address stands in angle brackets");
  Address address;
  if (absl::ConsumePrefix(&text, ">")) {
    rest = text;
    return address;
  }
  if (!text.empty() && text[0] == '@' && !SkipSourceRoute(text)) return Bad("bad source route");
  const absl::string_view mailbox = text;
  if (text.empty()) return Bad("the address is not complete");
  const size_t local = text[0] == '"' ? QuotedStringLength(text) : DotStringLength(text);
  if (local == 0) return Bad("bad local part (before the '@')");
  if (local > kMaxLocalPartOctets) return Bad("the local part is longer than 64 octets");
  text.remove_prefix(local);
  if (absl::ConsumePrefix(&text, "@")) {
    const size_t domain = DomainLength(text);
    if (domain == 0) return Bad("bad domain (behind the '@')");
    if (domain > kMaxDomainOctets) return Bad("the domain is longer than 255 octets");
    address.domain = std::string(text.data(), domain);
    text.remove_prefix(domain);
  } else if (!absl::EqualsIgnoreCase(mailbox.substr(0, local), "postmaster")) {
    return Bad("the address has no domain");
  }
  address.text = std::string(mailbox.data(), mailbox.size() - text.size());
  if (address.text.size() > kMaxMailboxOctets) return Bad("the address is longer than 254 octets");
  if (!absl::ConsumePrefix(&text, ">")) return Bad("bad character in the address");
  const absl::string_view path =
      rest.substr(0, rest.size() - text.size());  // with the source route
  address.utf8 = std::any_of(path.begin(), path.end(), IsHigh);
  if (address.utf8 && !IsUtf8(path)) return Bad("the address is not well-formed UTF-8");
  rest = text;
  return address;
}

}  // namespace sluice::smtp
