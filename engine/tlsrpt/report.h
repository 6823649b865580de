// The report itself: the JSON of RFC 8460 §4.4, compressed, and the names that it goes by.
//
//   Report report = {.domain = "example.com", .begin = …, .end = …, .id = …, .tally = …};
//   std::string gzip = Gzip(ReportJson(submitter, report));
//
// Pure functions; thread-safe.
#ifndef SLUICE_ENGINE_TLSRPT_REPORT_H_
#define SLUICE_ENGINE_TLSRPT_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/tlsrpt/tally.h"

namespace sluice::tlsrpt {

inline constexpr char kGzipType[] = "application/tlsrpt+gzip";  // §6.5

// Who reports.
struct Submitter {
  std::string organization;
  std::string contact;  // an address
  std::string domain;   // of `contact`: what §5.3 calls the submitter
};

struct Report {
  std::string domain;  // the policy domain that it is about, and sent to
  absl::Time begin;
  absl::Time end;         // exclusive
  std::string unique_id;  // letters and digits
  DomainTally tally;
};

// "<unique-id>@<submitter's domain>": the same report sent again has the same one.
std::string ReportId(const Submitter& submitter, const Report& report);

// In UTF-8; what a stranger said in another encoding is replaced.
std::string ReportJson(const Submitter& submitter, const Report& report);

// RFC 1952; the same text gives the same octets.
std::string Gzip(absl::string_view text);

// §5.1: "sender.example!example.com!1775001600!1775087999!1a2b.json.gz".
std::string FileName(const Submitter& submitter, const Report& report);

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_REPORT_H_
