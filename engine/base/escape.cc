#include "engine/base/escape.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace sluice {
namespace {

constexpr uint32_t kReplacement = 0xfffd;

bool IsPlain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

// How many bytes at the front need no escape.
size_t PlainPrefix(absl::string_view bytes) {
  size_t plain = 0;
  while (plain < bytes.size() && IsPlain(bytes[plain])) ++plain;
  return plain;
}

// The first code point (RFC 3629), taken off `bytes`; kReplacement, and one byte, for what is none.
uint32_t TakeCodePoint(absl::string_view& bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  const size_t length = lead < 0x80                    ? 1
                        : lead >= 0xc2 && lead <= 0xdf ? 2
                        : lead >= 0xe0 && lead <= 0xef ? 3
                        : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                       : 0;
  uint32_t code = length < 2 ? lead : lead & (0xffu >> (length + 1));
  bool valid = length > 0 && length <= bytes.size();
  for (size_t i = 1; valid && i < length; ++i) {
    const auto next = static_cast<unsigned char>(bytes[i]);
    valid = (next & 0xc0) == 0x80;
    code = code << 6 | (next & 0x3f);
  }
  // Longer than it had to be, a half of a surrogate pair, or beyond Unicode.
  valid = valid && !(length == 3 && code < 0x800) && !(length == 4 && code < 0x10000) &&
          !(code >= 0xd800 && code <= 0xdfff) && code <= 0x10ffff;
  bytes.remove_prefix(valid ? length : 1);
  return valid ? code : kReplacement;
}

void AppendUnit(uint32_t unit, std::string& out) {
  absl::StrAppend(&out, "\\u", absl::Hex(unit, absl::kZeroPad4));
}

}  // namespace

void AppendCEscaped(absl::string_view bytes, std::string& out) {
  while (true) {
    const size_t plain = PlainPrefix(bytes);
    out.append(bytes.data(), plain);
    if (plain == bytes.size()) return;
    const char c = bytes[plain];
    bytes.remove_prefix(plain + 1);
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
      case '\\':
        out += {'\\', c};
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        out += {'\\', static_cast<char>('0' + (byte >> 6)),
                static_cast<char>('0' + (byte >> 3 & 7)), static_cast<char>('0' + (byte & 7))};
      }
    }
  }
}

void AppendJsonEscaped(absl::string_view bytes, std::string& out) {
  while (true) {
    const size_t plain = PlainPrefix(bytes);
    out.append(bytes.data(), plain);
    bytes.remove_prefix(plain);
    if (bytes.empty()) return;
    if (bytes[0] == '"' || bytes[0] == '\\') {
      out += {'\\', bytes[0]};
      bytes.remove_prefix(1);
      continue;
    }
    const uint32_t code = TakeCodePoint(bytes);
    if (code < 0x10000) {
      AppendUnit(code, out);
    } else {
      AppendUnit(0xd800 + ((code - 0x10000) >> 10), out);
      AppendUnit(0xdc00 + ((code - 0x10000) & 0x3ff), out);
    }
  }
}

}  // namespace sluice
