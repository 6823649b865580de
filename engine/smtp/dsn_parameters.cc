#include "engine/smtp/dsn_parameters.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/smtp/dsn_text.h"

namespace sluice::smtp {
namespace {

bool IsPrintable(char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); }
bool IsHigh(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// Upper case alone (RFC 3461 §4); -1: no digit.
int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// xtext (RFC 3461 §4): printable ASCII without blanks, "+" and "="; everything else as "+XX". What
// it stands for must be printable too (§4.4), so that it can be shown.
std::optional<std::string> DecodeXtext(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+') {
      const int high = i + 1 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(16 * high + low);
      i += 2;
    } else if (c == '=' || c == ' ') {
      return std::nullopt;
    }
    if (!IsPrintable(c)) return std::nullopt;
    out.push_back(c);
  }
  return out;
}

void AppendUtf8(uint32_t point, std::string& out) {
  const auto push = [&out](uint32_t octet) { out.push_back(static_cast<char>(octet)); };
  if (point < 0x80) return push(point);
  if (point < 0x800) {
    push(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    push(0xE0 | point >> 12);
    push(0x80 | (point >> 6 & 0x3F));
  } else {
    push(0xF0 | point >> 18);
    push(0x80 | (point >> 12 & 0x3F));
    push(0x80 | (point >> 6 & 0x3F));
  }
  push(0x80 | (point & 0x3F));
}

// RFC 6533 §3: utf-8-addr-xtext, where "\x{F6}" is U+00F6, and utf-8-addr-unitext, which may have
// UTF-8 as it is.
std::optional<std::string> DecodeUtf8Address(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (absl::ConsumePrefix(&text, "\\x{")) {
      const size_t end = text.find('}');
      uint32_t point = 0;
      if (end < 2 || end > 6 ||
          !std::all_of(text.begin(), text.begin() + end, [](char c) { return HexDigit(c) >= 0; })) {
        return std::nullopt;  // npos is more than 6 as well
      }
      if (!absl::SimpleHexAtoi(text.substr(0, end), &point)) return std::nullopt;
      if (point < 0x20 || point == 0x7F || point > 0x10FFFF) return std::nullopt;
      AppendUtf8(point, out);
      text.remove_prefix(end + 1);
      continue;
    }
    const char c = text.front();
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c)) && !IsHigh(c)) return std::nullopt;
    if (c == '+' || c == '=' || c == '\\') return std::nullopt;
    out.push_back(c);
    text.remove_prefix(1);
  }
  if (!IsUtf8(out)) return std::nullopt;
  return out;
}

// RFC 5321 §4.1.2.
bool IsAtom(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("!#$%&'*+-/=?^_`{|}~", c);
  });
}

}  // namespace

std::optional<Notify> Notify::Parse(absl::string_view value) {
  Notify notify{.success = false, .failure = false, .delay = false};
  if (value.empty()) return std::nullopt;
  if (absl::EqualsIgnoreCase(value, "NEVER")) return notify;
  for (const absl::string_view word : absl::StrSplit(value, ',')) {
    bool* const wish = absl::EqualsIgnoreCase(word, "SUCCESS")   ? &notify.success
                       : absl::EqualsIgnoreCase(word, "FAILURE") ? &notify.failure
                       : absl::EqualsIgnoreCase(word, "DELAY")   ? &notify.delay
                                                                 : nullptr;
    if (wish == nullptr || *wish) return std::nullopt;
    *wish = true;
  }
  return notify;
}

std::optional<std::string> DecodeEnvid(absl::string_view value) {
  if (value.empty() || value.size() > kMaxEnvidOctets) return std::nullopt;
  return DecodeXtext(value);
}

std::optional<std::string> DecodeOrcpt(absl::string_view value) {
  const size_t semicolon = value.find(';');
  if (semicolon == absl::string_view::npos || value.size() > kMaxOrcptOctets) return std::nullopt;
  const absl::string_view type = value.substr(0, semicolon);
  const absl::string_view encoded = value.substr(semicolon + 1);
  if (!IsAtom(type) || encoded.empty()) return std::nullopt;
  const std::optional<std::string> address =
      absl::EqualsIgnoreCase(type, "utf-8") ? DecodeUtf8Address(encoded) : DecodeXtext(encoded);
  if (!address.has_value()) return std::nullopt;
  return absl::StrCat(type, "; ", *address);
}

bool IsRet(absl::string_view value) {
  return absl::EqualsIgnoreCase(value, "FULL") || absl::EqualsIgnoreCase(value, "HDRS");
}

}  // namespace sluice::smtp
