#include "engine/smtp/dsn.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/smtp/dsn_text.h"
#include "engine/smtp/dsn_words.h"
#include "engine/smtp/message_header.h"

namespace sluice::smtp {
namespace {

constexpr size_t kMostLineBytes = 998;  // RFC 5322 §2.1.1

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isascii(static_cast<unsigned char>(c)); });
}

// Whether `text` may stand in a message as it is: ASCII, no controls but tabs and line ends, no
// line too long, and none that a boundary of ours could be mistaken for.
bool Is7Bit(absl::string_view text) {
  size_t line_start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\r\n") {
      line_start = i + 2;
      ++i;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (!absl::ascii_isprint(c) && c != '\t') return false;
    if (i - line_start >= kMostLineBytes) return false;
    if (i == line_start && absl::StartsWith(text.substr(i), "--")) return false;
  }
  return true;
}

// One part of the report, encoded where it has to be.
std::string Part(absl::string_view boundary, absl::string_view description, absl::string_view type,
                 absl::string_view content) {
  const bool plain = Is7Bit(content);
  return absl::StrCat("--", boundary, "\r\nContent-Description: ", description,
                      "\r\nContent-Type: ", type,
                      "\r\nContent-Transfer-Encoding: ", plain ? "7bit" : "quoted-printable",
                      "\r\n\r\n", plain ? std::string(content) : QuotedPrintable(content), "\r\n");
}

// Of the last reply, where it is of this class; else "X.0.0".
std::string StatusOfReply(const DsnRecipient& recipient, int klass) {
  if (recipient.reply.has_value() && recipient.reply->status.has_value() &&
      recipient.reply->status->klass == klass) {
    return recipient.reply->status->ToString();
  }
  return absl::StrCat(klass, ".0.0");
}

// TLS failures as Postfix names them: X.7.4 security features not supported, X.7.5 cryptographic
// failure.
std::string StatusOfTls(tls::Reason reason, int klass) {
  const bool not_there = reason == tls::Reason::kNotOffered || reason == tls::Reason::kRefused;
  return absl::StrCat(klass, not_there ? ".7.4" : ".7.5");
}

// RFC 3463.
std::string StatusOf(const DsnRequest& request, const DsnRecipient& recipient) {
  switch (request.cause) {
    case DsnCause::kRejected:
      return StatusOfReply(recipient, 5);
    case DsnCause::kExpired:
      return "4.4.7";
    case DsnCause::kTlsPolicy:
      if (request.require_tls) return "5.7.10";  // RFC 8689 §4.2.1
      return StatusOfTls(*recipient.tls_reason, 5);
    case DsnCause::kReturned:
      return "5.0.0";
    case DsnCause::kDelayed:
      return recipient.tls_reason.has_value() ? StatusOfTls(*recipient.tls_reason, 4)
                                              : StatusOfReply(recipient, 4);
    case DsnCause::kRelayed:
      return StatusOfReply(recipient, 2);
  }
  SLUICE_CHECK(false);
}

absl::string_view ActionOf(DsnCause cause) {
  if (cause == DsnCause::kDelayed) return "delayed";
  return cause == DsnCause::kRelayed ? "relayed" : "failed";
}

std::string DiagnosticOf(const DsnRecipient& recipient) {
  if (recipient.tls_reason.has_value()) {
    return absl::StrCat("x-sluice-tls; ", tls::ReasonName(*recipient.tls_reason),
                        recipient.detail.empty() ? "" : ": ", OneLine(recipient.detail, false));
  }
  if (recipient.reply.has_value()) {
    return absl::StrCat(recipient.reply_is_local ? "x-sluice; " : "smtp; ",
                        ReplyInOneLine(*recipient.reply));
  }
  return recipient.detail.empty() ? ""
                                  : absl::StrCat("x-sluice; ", OneLine(recipient.detail, false));
}

// Nothing for an empty value.
std::string Field(absl::string_view name, absl::string_view value) {
  return value.empty() ? "" : absl::StrCat(name, ": ", value, "\r\n");
}

std::string RecipientFields(const DsnRequest& request, const DsnRecipient& recipient) {
  const bool ascii = IsAscii(recipient.address);
  const std::string mta = OneLine(recipient.remote_mta, false);
  return absl::StrCat(
      "\r\n", Field("Original-Recipient", OneLine(recipient.original, true)),
      "Final-Recipient: ", ascii ? "rfc822; " : "utf-8; ", OneLine(recipient.address, true),
      "\r\nAction: ", ActionOf(request.cause), "\r\nStatus: ", StatusOf(request, recipient), "\r\n",
      mta.empty() ? "" : absl::StrCat("Remote-MTA: dns; ", mta, "\r\n"),
      Field("Diagnostic-Code", DiagnosticOf(recipient)),
      Field("Last-Attempt-Date", MailDate(recipient.last_attempt)),
      request.cause == DsnCause::kDelayed ? Field("Will-Retry-Until", MailDate(request.retry_until))
                                          : "");
}

std::string StatusFields(const DsnRequest& request) {
  std::string fields =
      absl::StrCat(Field("Original-Envelope-Id", OneLine(request.envelope_id, false)),
                   "Reporting-MTA: dns; ", OneLine(request.hostname, false),
                   "\r\nX-Sluice-Message-ID: ", OneLine(request.message_id, false),
                   "\r\nArrival-Date: ", MailDate(request.arrived), "\r\n");
  for (const DsnRecipient& recipient : request.recipients) {
    absl::StrAppend(&fields, RecipientFields(request, recipient));
  }
  return fields;
}

void CheckContract(const DsnRequest& request) {
  SLUICE_CHECK(!request.sender.empty());
  SLUICE_CHECK(!request.recipients.empty());
  SLUICE_CHECK(!request.id.empty());
  for (const char c : request.id) {
    SLUICE_CHECK(absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-');
  }
  for (const DsnRecipient& recipient : request.recipients) {
    SLUICE_CHECK(request.cause != DsnCause::kTlsPolicy || recipient.tls_reason.has_value());
  }
}

}  // namespace

Dsn MakeDsn(const DsnRequest& request, const io::Body& original) {
  CheckContract(request);
  // "=_" stands in no quoted-printable text, and "--" starts no line of the others.
  const std::string boundary = absl::StrCat("=_", request.id);
  const std::string hostname = OneLine(request.hostname, false);
  const std::string explanation = DsnExplanation(request);
  const std::string status = StatusFields(request);
  const std::string headers = HeaderOf(original, kDsnHeaderBytes);
  const bool utf8_headers = !IsAscii(headers) && IsUtf8(headers);

  Dsn dsn;
  dsn.smtputf8 = !IsAscii(request.sender);
  dsn.text = absl::StrCat(
      "Date: ", MailDate(request.now), "\r\nFrom: Mail Delivery System <MAILER-DAEMON@", hostname,
      ">\r\nTo: <", OneLine(request.sender, true),
      ">\r\nSubject: ", WordsIn(request.language).Subject(request.cause), "\r\nMessage-ID: <",
      request.id, "@", hostname, ">\r\n",
      "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
      "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"",
      boundary, "\"\r\n\r\nThis is a delivery status notification in MIME format.\r\n\r\n",
      Part(boundary, "Explanation",
           IsAscii(explanation) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8",
           explanation),
      Part(boundary, "Delivery report",
           IsAscii(status) ? "message/delivery-status" : "message/global-delivery-status", status),
      Part(boundary, "Headers of the message",
           utf8_headers ? "message/global-headers" : "text/rfc822-headers", headers),
      "--", boundary, "--\r\n");
  return dsn;
}

}  // namespace sluice::smtp
