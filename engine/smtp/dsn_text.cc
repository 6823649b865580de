#include "engine/smtp/dsn_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/smtp/dsn_words.h"
#include "tls/failure.h"

namespace sluice::smtp {
namespace {

constexpr size_t kTextWidth = 76;

// Of a value in the text for people or in a field; what is longer ends in "...".
constexpr size_t kMostValueBytes = 600;

// The bytes of the well-formed UTF-8 sequence at the front of `text`; 0 when there is none
// (RFC 3629 §4: no overlong forms, no surrogates, nothing above U+10FFFF).
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  const uint8_t least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
  const uint8_t most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
  if (byte(1) < least || byte(1) > most) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

// Breaks `text` at blanks into lines that start with `indent`. A longer word has a line to itself.
std::string Wrap(absl::string_view text, absl::string_view indent) {
  std::string out;
  std::string line(indent);
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (line.size() > indent.size()) {
      if (line.size() + 1 + word.size() > kTextWidth) {
        absl::StrAppend(&out, line, "\r\n");
        line = std::string(indent);
      } else {
        line.push_back(' ');
      }
    }
    absl::StrAppend(&line, word);
  }
  return absl::StrCat(out, line, "\r\n");
}

absl::string_view DomainOf(absl::string_view address) {
  const size_t at = address.rfind('@');
  return at == absl::string_view::npos ? address : address.substr(at + 1);
}

bool LacksRequireTls(const DsnRecipient& recipient) {
  return recipient.reply_is_local && recipient.reply->status == EnhancedStatus{5, 7, 30};
}

std::string WhatHappened(const DsnWords& words, const DsnRecipient& recipient) {
  const std::string server = OneLine(recipient.remote_mta, false);
  if (recipient.tls_reason.has_value()) {
    return words.TlsReason(*recipient.tls_reason, OneLine(DomainOf(recipient.address), true));
  }
  if (recipient.reply.has_value()) {
    if (LacksRequireTls(recipient)) return words.NoRequireTls(server);
    return recipient.reply_is_local
               ? words.NotHandedTo(server, OneLine(recipient.reply->text, false))
               : words.LastAnswer(server, ReplyInOneLine(*recipient.reply));
  }
  if (recipient.detail.empty()) return words.NoAnswer(server);
  return words.LastAttemptFailed(OneLine(recipient.detail, false));
}

std::string TlsDetail(const DsnRecipient& recipient) {
  return absl::StrCat("TLS ", tls::ReasonName(*recipient.tls_reason),
                      recipient.detail.empty() ? "" : ": ", OneLine(recipient.detail, false));
}

}  // namespace

std::string DsnExplanation(const DsnRequest& request) {
  const DsnWords& words = WordsIn(request.language);
  bool tls = false;
  std::string text = absl::StrCat(
      Wrap(words.Gateway(OneLine(request.hostname, false)), ""), "\r\n",
      Wrap(words.Introduction(request.cause, request.now - request.arrived), ""), "\r\n");
  for (const DsnRecipient& recipient : request.recipients) {
    tls |= recipient.tls_reason.has_value();
    absl::StrAppend(&text, "  <", OneLine(recipient.address, true), ">\r\n",
                    Wrap(WhatHappened(words, recipient), "    "));
    if (recipient.tls_reason.has_value()) {
      absl::StrAppend(&text, Wrap(words.ForAdministrator(TlsDetail(recipient)), "    "));
    }
    absl::StrAppend(&text, "\r\n");
  }
  absl::StrAppend(&text, Wrap(words.Advice(request.cause, tls, request.retry_until), ""), "\r\n",
                  Wrap(words.Closing(OneLine(request.message_id, false)), ""));
  return text;
}

std::string ReplyInOneLine(const Reply& reply) { return OneLine(reply.ToString(), false); }

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string MailDate(absl::Time time) {
  return absl::FormatTime(absl::RFC1123_full, time, absl::UTCTimeZone());
}

std::string OneLine(absl::string_view value, bool utf8) {
  std::string out;
  while (!value.empty() && out.size() < kMostValueBytes) {
    size_t length = Utf8Length(value);
    const bool good = length == 1 ? absl::ascii_isprint(static_cast<unsigned char>(value.front()))
                                  : utf8 && length > 1;
    if (good) {
      absl::StrAppend(&out, value.substr(0, length));
    } else {
      out.push_back('?');
      length = std::max<size_t>(length, 1);
    }
    value.remove_prefix(length);
  }
  if (!value.empty()) absl::StrAppend(&out, "...");
  return out;
}

std::string QuotedPrintable(absl::string_view text) {
  constexpr size_t kMostOnALine = 75;  // and the "=" of a soft line break
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  size_t column = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n") {
      out.append("\r\n");
      column = 0;
      ++i;
      continue;
    }
    const char c = text[i];
    const bool blank = c == ' ' || c == '\t';
    const bool last_of_line = i + 1 == text.size() || text.substr(i + 1, 2) == "\r\n";
    const bool plain = blank ? !last_of_line : c > ' ' && c <= '~' && c != '=';
    const size_t width = plain ? 1 : 3;
    if (column + width > kMostOnALine) {
      out.append("=\r\n");
      column = 0;
    }
    if (plain) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      out.push_back('=');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 0x0F]);
    }
    column += width;
  }
  return out;
}

}  // namespace sluice::smtp
