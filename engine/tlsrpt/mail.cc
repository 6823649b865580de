#include "engine/tlsrpt/mail.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/smtp/dsn_text.h"

namespace sluice::tlsrpt {
namespace {

constexpr size_t kBase64Line = 76;  // RFC 2045 §6.8

std::string Base64Lines(absl::string_view octets) {
  const std::string base64 = absl::Base64Escape(octets);
  std::string lines;
  for (size_t i = 0; i < base64.size(); i += kBase64Line) {
    absl::StrAppend(&lines, base64.substr(i, kBase64Line), "\r\n");
  }
  return lines;
}

std::string ForPeople(const Submitter& submitter, const Report& report) {
  return absl::StrCat("This is an aggregate TLS report (RFC 8460) from ", submitter.domain,
                      "\r\nfor ", report.domain, ",\r\nfrom ",
                      absl::FormatTime("%Y-%m-%d %H:%M", report.begin, absl::UTCTimeZone()), " to ",
                      absl::FormatTime("%Y-%m-%d %H:%M", report.end, absl::UTCTimeZone()),
                      " (UTC).\r\n\r\nSessions as the policy asks: ", report.tally.successes(),
                      "\r\nSessions that were not: ", report.tally.failures(),
                      "\r\nQuestions: ", submitter.contact, "\r\n");
}

}  // namespace

std::string ReportMail(const Submitter& submitter, const Report& report, absl::string_view from,
                       absl::string_view to, absl::string_view gzip, const DkimSigner& signer,
                       absl::Time now) {
  const std::string boundary = absl::StrCat("=_", report.unique_id);  // in no base64
  const std::string id = ReportId(submitter, report);
  // RFC 5322's line of 998 octets is far off; those of 78 are left behind where a domain is long.
  const HeaderFields headers = {
      {"Date", smtp::MailDate(now)},
      {"From", absl::StrCat("<", from, ">")},
      {"To", absl::StrCat("<", to, ">")},
      {"Subject", absl::StrCat("Report Domain: ", report.domain,
                               "\r\n Submitter: ", submitter.domain, "\r\n Report-ID: <", id, ">")},
      {"Message-ID", absl::StrCat("<", id, ">")},
      {"Auto-Submitted", "auto-generated"},
      {"TLS-Report-Domain", report.domain},
      {"TLS-Report-Submitter", submitter.domain},
      {"TLS-Required", "No"},
      {"MIME-Version", "1.0"},
      {"Content-Type",
       absl::StrCat("multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"", boundary, "\"")},
  };
  const std::string body = absl::StrCat(
      "This is a report in MIME format.\r\n\r\n--", boundary,
      "\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n",
      ForPeople(submitter, report), "\r\n--", boundary, "\r\nContent-Type: ", kGzipType,
      "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n\tfilename=\"",
      FileName(submitter, report), "\"\r\n\r\n", Base64Lines(gzip), "--", boundary, "--\r\n");
  std::string message = DkimSignature(signer, headers, body, now);
  for (const auto& [name, value] : headers) absl::StrAppend(&message, name, ": ", value, "\r\n");
  absl::StrAppend(&message, "\r\n", body);
  return message;
}

}  // namespace sluice::tlsrpt
