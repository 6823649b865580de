// What domains publish for TLS reports (tlsrpt/record.h) and the row that keeps what is counted
// (tlsrpt/tally_codec.h): what is read is in bounds and can be said in a report and in a mail, and
// what is refused is refused in printable text.
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/dns/records.h"
#include "engine/tlsrpt/record.h"
#include "engine/tlsrpt/report.h"
#include "engine/tlsrpt/tally_codec.h"
#include "tests/fuzz/input.h"

namespace sluice::tlsrpt {
namespace {

bool IsVisible(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

void CheckEndpoint(const Endpoint& endpoint) {
  SLUICE_CHECK(IsVisible(endpoint.uri));
  if (const auto* const mail = std::get_if<MailEndpoint>(&endpoint.where)) {
    SLUICE_CHECK(IsVisible(mail->address) && absl::StrContains(mail->address, '@'));
    SLUICE_CHECK(!absl::StrContains(mail->address, '<') && !absl::StrContains(mail->address, '>'));
    return;
  }
  const auto& web = std::get<WebEndpoint>(endpoint.where);
  SLUICE_CHECK(dns::QueryName(web.host).value() == web.host);
  SLUICE_CHECK(web.port > 0 && IsVisible(web.target) && absl::StartsWith(web.target, "/"));
}

void CheckRecord(absl::string_view text) {
  const std::vector<std::string> texts = absl::StrSplit(text, '\n');
  const absl::StatusOr<std::vector<Endpoint>> endpoints = ReadEndpoints(texts);
  if (!endpoints.ok()) {
    SLUICE_CHECK(absl::IsNotFound(endpoints.status()) ||
                 absl::IsInvalidArgument(endpoints.status()));
    SLUICE_CHECK(IsPrintableAscii(endpoints.status().message()));
    return;
  }
  SLUICE_CHECK(!endpoints->empty() && endpoints->size() <= kMostEndpoints);
  for (const Endpoint& endpoint : *endpoints) {
    CheckEndpoint(endpoint);
    const auto again = ReadEndpoints({absl::StrCat("v=TLSRPTv1; rua=", endpoint.uri, ";")});
    SLUICE_CHECK(again.ok() && again->size() == 1 && again->front().uri == endpoint.uri);
  }
}

void CheckRow(absl::string_view row) {
  if (const absl::StatusOr<TallyKey> key = DecodeKey(row); key.ok()) {
    SLUICE_CHECK(EncodeKey(*key) == row);
  }
  const absl::StatusOr<DomainTally> tally = DecodeTally(row);
  if (!tally.ok()) {
    SLUICE_CHECK(absl::IsDataLoss(tally.status()));
    return;
  }
  SLUICE_CHECK(DecodeTally(EncodeTally(*tally))->policies == tally->policies);
  Report report;
  report.domain = "example.com";
  report.tally = *tally;
  SLUICE_CHECK(!ReportJson({"o", "a@b.example", "b.example"}, report).empty());
}

}  // namespace
}  // namespace sluice::tlsrpt

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = sluice::InputText(data, size);
  sluice::tlsrpt::CheckRecord(text);
  sluice::tlsrpt::CheckRow(text);
  return 0;
}
