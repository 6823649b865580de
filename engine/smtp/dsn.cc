#include "engine/smtp/dsn.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/smtp/dsn_text.h"

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

// The headers of `original`: up to the empty line, whole lines, at most kDsnHeaderBytes.
std::string HeadersOf(const io::Body& original) {
  std::string head;
  for (const io::Chunk& chunk : original.chunks()) {
    const absl::string_view bytes = chunk.view().substr(0, kDsnHeaderBytes - head.size());
    absl::StrAppend(&head, bytes);
    if (head.size() == kDsnHeaderBytes) break;
  }
  if (absl::StartsWith(head, "\r\n")) return "";
  const size_t end = head.find("\r\n\r\n");
  const size_t last_line = end != std::string::npos ? end : head.rfind("\r\n");
  return last_line == std::string::npos ? "" : head.substr(0, last_line + 2);
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

// RFC 3463. TLS failures as Postfix names them: X.7.4 security features not supported, X.7.5
// cryptographic failure.
std::string StatusOf(DsnCause cause, const DsnRecipient& recipient) {
  switch (cause) {
    case DsnCause::kRejected:
      if (recipient.reply.has_value() && recipient.reply->status.has_value() &&
          recipient.reply->status->klass == 5) {
        return recipient.reply->status->ToString();
      }
      return "5.0.0";
    case DsnCause::kExpired:
      return "4.4.7";
    case DsnCause::kTlsPolicy:
      return *recipient.tls_reason == tls::Reason::kNotOffered ||
                     *recipient.tls_reason == tls::Reason::kRefused
                 ? "5.7.4"
                 : "5.7.5";
    case DsnCause::kReturned:
      return "5.0.0";
  }
  SLUICE_CHECK(false);
}

std::string RecipientFields(DsnCause cause, const DsnRecipient& recipient) {
  const bool ascii = IsAscii(recipient.address);
  std::string fields = absl::StrCat(
      "\r\nFinal-Recipient: ", ascii ? "rfc822; " : "utf-8; ", OneLine(recipient.address, true),
      "\r\nAction: failed\r\nStatus: ", StatusOf(cause, recipient), "\r\n");
  if (!recipient.remote_mta.empty()) {
    absl::StrAppend(&fields, "Remote-MTA: dns; ", OneLine(recipient.remote_mta, false), "\r\n");
  }
  if (cause == DsnCause::kTlsPolicy) {
    absl::StrAppend(&fields, "Diagnostic-Code: x-sluice-tls; ",
                    tls::ReasonName(*recipient.tls_reason), recipient.detail.empty() ? "" : ": ",
                    OneLine(recipient.detail, false), "\r\n");
  } else if (recipient.reply.has_value()) {
    absl::StrAppend(&fields,
                    "Diagnostic-Code: ", recipient.reply_is_local ? "x-sluice; " : "smtp; ",
                    ReplyInOneLine(*recipient.reply), "\r\n");
  } else if (!recipient.detail.empty()) {
    absl::StrAppend(&fields, "Diagnostic-Code: x-sluice; ", OneLine(recipient.detail, false),
                    "\r\n");
  }
  absl::StrAppend(&fields, "Last-Attempt-Date: ", MailDate(recipient.last_attempt), "\r\n");
  return fields;
}

std::string StatusFields(const DsnRequest& request) {
  std::string fields = absl::StrCat("Reporting-MTA: dns; ", OneLine(request.hostname, false),
                                    "\r\nX-Sluice-Message-ID: ", OneLine(request.message_id, false),
                                    "\r\nArrival-Date: ", MailDate(request.arrived), "\r\n");
  for (const DsnRecipient& recipient : request.recipients) {
    absl::StrAppend(&fields, RecipientFields(request.cause, recipient));
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
  const std::string headers = HeadersOf(original);
  const bool utf8_headers = !IsAscii(headers) && IsUtf8(headers);

  Dsn dsn;
  dsn.smtputf8 = !IsAscii(request.sender);
  dsn.text = absl::StrCat(
      "Date: ", MailDate(request.now), "\r\nFrom: Mail Delivery System <MAILER-DAEMON@", hostname,
      ">\r\nTo: <", OneLine(request.sender, true), ">\r\nSubject: ", DsnSubject(request.cause),
      "\r\nMessage-ID: <", request.id, "@", hostname, ">\r\n",
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
