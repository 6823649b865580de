#include "engine/smtp/dsn_text.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"

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

std::string WhatHappened(const DsnRequest& request, const DsnRecipient& recipient) {
  if (request.cause == DsnCause::kTlsPolicy) {
    return TlsReasonInWords(*recipient.tls_reason, OneLine(DomainOf(recipient.address), true));
  }
  const std::string server =
      recipient.remote_mta.empty()
          ? "the receiving mail server"
          : absl::StrCat("the server ", OneLine(recipient.remote_mta, false));
  if (recipient.reply.has_value() && recipient.reply_is_local) {
    return absl::StrCat("It could not be handed to ", server, ": ",
                        OneLine(recipient.reply->text, false));
  }
  if (recipient.reply.has_value()) {
    return absl::StrCat("The last answer of ", server, ": ", ReplyInOneLine(*recipient.reply));
  }
  if (recipient.detail.empty()) return absl::StrCat("No answer came from ", server, ".");
  return absl::StrCat("The last attempt failed: ", OneLine(recipient.detail, false));
}

std::string Introduction(const DsnRequest& request) {
  const std::string waited = DurationInWords(request.now - request.arrived);
  switch (request.cause) {
    case DsnCause::kRejected:
      return "Your message could not be delivered to:";
    case DsnCause::kExpired:
      return absl::StrCat("Your message could not be delivered within ", waited,
                          " and has now been deleted. It did not reach:");
    case DsnCause::kTlsPolicy:
      return absl::StrCat(
          "Your message could not be sent securely within ", waited,
          ". It was never sent without protection, and has now been deleted because of TLS "
          "policy. It did not reach:");
    case DsnCause::kReturned:
      return absl::StrCat("Your message was waiting to be delivered for ", waited,
                          ". Whoever runs this gateway has now given it back to you. It did not "
                          "reach:");
  }
  SLUICE_CHECK(false);
}

absl::string_view Advice(DsnCause cause) {
  switch (cause) {
    case DsnCause::kRejected:
      return "It will not be tried again. Please check the address; if it is right, ask the "
             "recipient, by another way, to show this report to whoever runs their mail server.";
    case DsnCause::kExpired:
      return "Please send it again later. If that fails as well, ask the recipient, by another "
             "way, "
             "to show this report to whoever runs their mail server.";
    case DsnCause::kTlsPolicy:
      return "Mail to this recipient has to be encrypted on its way (TLS), and this gateway does "
             "not make exceptions. Nothing is wrong with your message. The fault has to be mended "
             "where the recipient's mail is received: please ask the recipient, by another way, "
             "to show this report to whoever runs their mail server, and then send the message "
             "again.";
    case DsnCause::kReturned:
      return "It will not be tried again. Please ask whoever runs this gateway before you send it "
             "once more.";
  }
  SLUICE_CHECK(false);
}

}  // namespace

absl::string_view DsnSubject(DsnCause cause) {
  switch (cause) {
    case DsnCause::kRejected:
      return "Mail not delivered: refused by the recipient's server";
    case DsnCause::kExpired:
      return "Mail not delivered: out of time";
    case DsnCause::kTlsPolicy:
      return "Mail not delivered: it could not be sent securely";
    case DsnCause::kReturned:
      return "Mail not delivered: given back by the administrator";
  }
  SLUICE_CHECK(false);
}

std::string DsnExplanation(const DsnRequest& request) {
  std::string text = absl::StrCat(
      Wrap(absl::StrCat("This is the mail gateway ", OneLine(request.hostname, false), "."), ""),
      "\r\n", Wrap(Introduction(request), ""), "\r\n");
  for (const DsnRecipient& recipient : request.recipients) {
    absl::StrAppend(&text, "  <", OneLine(recipient.address, true), ">\r\n",
                    Wrap(WhatHappened(request, recipient), "    "));
    if (request.cause == DsnCause::kTlsPolicy) {
      absl::StrAppend(&text, Wrap(absl::StrCat("(For the administrator: TLS ",
                                               tls::ReasonName(*recipient.tls_reason),
                                               recipient.detail.empty() ? "" : ": ",
                                               OneLine(recipient.detail, false), ")"),
                                  "    "));
    }
    absl::StrAppend(&text, "\r\n");
  }
  absl::StrAppend(
      &text, Wrap(Advice(request.cause), ""), "\r\n",
      Wrap(absl::StrCat("The headers of your message are attached. Its number at this gateway is ",
                        OneLine(request.message_id, false), "."),
           ""));
  return text;
}

std::string TlsReasonInWords(tls::Reason reason, absl::string_view domain) {
  const std::string server = absl::StrCat("The mail server for ", domain);
  switch (reason) {
    case tls::Reason::kNotOffered:
      return absl::StrCat(server, " does not offer encryption (STARTTLS).");
    case tls::Reason::kRefused:
      return absl::StrCat(server, " offers encryption, but refused to turn it on when asked.");
    case tls::Reason::kPlaintextInjected:
      return absl::StrCat("Unencrypted data arrived where encryption with the mail server for ",
                          domain,
                          " was to begin. Either that server is faulty, or someone is tampering "
                          "with the connection.");
    case tls::Reason::kHandshakeTimeout:
      return absl::StrCat(server, " did not finish setting up encryption in time.");
    case tls::Reason::kAlert:
      return absl::StrCat(server, " gave up while encryption was being set up.");
    case tls::Reason::kVersion:
      return absl::StrCat(server,
                          " only has versions of encryption that are too old to be considered "
                          "safe.");
    case tls::Reason::kCipher:
      return absl::StrCat(server, " has no encryption method that is considered safe enough.");
    case tls::Reason::kUntrusted:
      return absl::StrCat(server,
                          " could not prove that it is the right one: its certificate was not "
                          "issued by an authority that this gateway trusts.");
    case tls::Reason::kNameMismatch:
      return absl::StrCat(server,
                          " could not prove that it is the right one: its certificate was issued "
                          "for another name.");
    case tls::Reason::kExpiredCertificate:
      return absl::StrCat(server,
                          " could not prove that it is the right one: its certificate has expired "
                          "or is not valid yet.");
    case tls::Reason::kFingerprintMismatch:
      return absl::StrCat(server,
                          " could not prove that it is the right one: its certificate is not the "
                          "one that was agreed on.");
    case tls::Reason::kClosed:
      return absl::StrCat(server, " closed the connection while encryption was being set up.");
    case tls::Reason::kProtocol:
      return absl::StrCat(server,
                          " answered with something that is not valid encryption (TLS) when it was "
                          "being set up.");
  }
  SLUICE_CHECK(false);
}

std::string DurationInWords(absl::Duration duration) {
  struct Unit {
    absl::Duration length;
    absl::string_view one;
    absl::string_view many;
  };
  const Unit units[] = {{absl::Hours(24), "1 day", " days"},
                        {absl::Hours(1), "1 hour", " hours"},
                        {absl::Minutes(1), "1 minute", " minutes"}};
  for (const Unit& unit : units) {
    // "47 hours" says more than "1 day".
    const int64_t count = duration / unit.length;
    if (count >= 2) return absl::StrCat(count, unit.many);
    if (count == 1 && duration % unit.length == absl::ZeroDuration()) return std::string(unit.one);
  }
  return duration >= absl::Minutes(1) ? "1 minute" : "less than a minute";
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
