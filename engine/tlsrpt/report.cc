#include "engine/tlsrpt/report.h"

#include <zlib.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "nlohmann/json.hpp"

namespace sluice::tlsrpt {
namespace {

using nlohmann::ordered_json;

// zlib's own terms: a window of 2^15, and 16 for gzip's header in the place of zlib's.
constexpr int kGzipWindowBits = 15 + 16;
constexpr int kMemoryLevel = 8;

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// The last second that is covered.
absl::Time LastSecond(const Report& report) { return report.end - absl::Seconds(1); }

std::string Text(absl::string_view text) { return std::string(text.data(), text.size()); }

ordered_json PolicyJson(const Report& report, const Policy& policy) {
  ordered_json json = {{"policy-type", Text(PolicyTypeName(policy.type))}};
  if (!policy.strings.empty()) json["policy-string"] = policy.strings;
  json["policy-domain"] = policy.domain.empty() ? report.domain : policy.domain;
  if (!policy.mx_hosts.empty()) json["mx-host"] = policy.mx_hosts;
  return json;
}

// What is not known is left out: all but the type and the count is optional, or of no meaning where
// there was no connection.
ordered_json DetailJson(const FailureCount& detail) {
  const Failure& failure = detail.failure;
  ordered_json json = {{"result-type", Text(ResultTypeName(failure.type))}};
  const std::pair<const char*, const std::string&> texts[] = {
      {"sending-mta-ip", failure.sending_ip},
      {"receiving-mx-hostname", failure.mx_host},
      {"receiving-mx-helo", failure.mx_helo},
      {"receiving-ip", failure.receiving_ip},
      {"failure-reason-code", failure.reason_code}};
  for (const auto& [name, text] : texts) {
    if (!text.empty()) json[name] = text;
  }
  json["failed-session-count"] = detail.sessions;
  return json;
}

}  // namespace

std::string ReportId(const Submitter& submitter, const Report& report) {
  return absl::StrCat(report.unique_id, "@", submitter.domain);
}

std::string ReportJson(const Submitter& submitter, const Report& report) {
  ordered_json policies = ordered_json::array();
  for (const PolicyTally& tally : report.tally.policies) {
    ordered_json policy = {
        {"policy", PolicyJson(report, tally.policy)},
        {"summary",
         {{"total-successful-session-count", tally.successes},
          {"total-failure-session-count", tally.failures}}},
    };
    if (!tally.details.empty()) {
      ordered_json details = ordered_json::array();
      for (const FailureCount& detail : tally.details) details.push_back(DetailJson(detail));
      policy["failure-details"] = std::move(details);
    }
    policies.push_back(std::move(policy));
  }
  const ordered_json json = {
      {"organization-name", submitter.organization},
      {"date-range",
       {{"start-datetime", TimeText(report.begin)},
        {"end-datetime", TimeText(LastSecond(report))}}},
      {"contact-info", submitter.contact},
      {"report-id", ReportId(submitter, report)},
      {"policies", std::move(policies)},
  };
  return json.dump(/*indent=*/2, ' ', /*ensure_ascii=*/false,
                   ordered_json::error_handler_t::replace);
}

std::string Gzip(absl::string_view text) {
  z_stream stream = {};
  SLUICE_CHECK(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindowBits, kMemoryLevel,
                            Z_DEFAULT_STRATEGY) == Z_OK);
  std::string gzip(deflateBound(&stream, text.size()), '\0');
  // zlib does not write what it reads; its interface is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(gzip.data());
  stream.avail_out = static_cast<uInt>(gzip.size());
  SLUICE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  gzip.resize(stream.total_out);
  SLUICE_CHECK(deflateEnd(&stream) == Z_OK);
  return gzip;
}

std::string FileName(const Submitter& submitter, const Report& report) {
  return absl::StrCat(submitter.domain, "!", report.domain, "!", absl::ToUnixSeconds(report.begin),
                      "!", absl::ToUnixSeconds(LastSecond(report)), "!", report.unique_id,
                      ".json.gz");
}

}  // namespace sluice::tlsrpt
