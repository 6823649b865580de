#include "engine/admin/tls_reports_api.h"

#include <string>
#include <utility>

#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

ordered_json ToJson(const relay::TlsReportState& report) {
  return {{"domain", report.domain},         {"day", report.day},
          {"begin", TimeText(report.begin)}, {"successes", report.successes},
          {"failures", report.failures},     {"next_try", TimeText(report.next_try)},
          {"attempts", report.attempts},     {"last_error", report.last_error}};
}

}  // namespace

void TlsReportsApi::AddTo(Router& router) {
  router.Add({.method = "GET", .path = "/v1/tlsrpt", .handle = [this](const Request& request) {
                return List(request);
              }});
  router.Add({.method = "GET",
              .path = "/v1/tlsrpt/{domain}",
              .handle = [this](const Request& request) { return Show(request); }});
  router.Add({.method = "POST",
              .path = "/v1/tlsrpt:send",
              .handle = [this](const Request& request) { return Send(request); },
              .time_limit = absl::Minutes(2),
              .slow = true});
}

absl::StatusOr<Response> TlsReportsApi::List(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const size_t limit = parameters.Count("limit", kDefaultPage, kMaxPage);
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const relay::TlsReportList list,
                          control_.ListTlsReports(limit, request.deadline));
  ordered_json reports = ordered_json::array();
  for (const relay::TlsReportState& report : list.reports) reports.push_back(ToJson(report));
  return JsonReply({{"total", list.total}, {"reports", std::move(reports)}});
}

absl::StatusOr<Response> TlsReportsApi::Show(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const std::string day = parameters.Text("day");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const std::string report,
                          control_.ShowTlsReport(request.variable, day, request.deadline));
  return JsonReply(ordered_json::parse(report));
}

absl::StatusOr<Response> TlsReportsApi::Send(const Request& request) {
  SLUICE_ASSIGN_OR_RETURN(Parameters parameters, Parameters::OfBody(request));
  const std::string domain = parameters.Text("domain");
  const std::string day = parameters.Text("day");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  SLUICE_ASSIGN_OR_RETURN(const relay::TlsReportSent sent,
                          control_.SendTlsReport(domain, day, request.deadline));
  return JsonReply(
      {{"to", sent.to}, {"report_id", sent.report_id}, {"message_id", sent.message_id}});
}

}  // namespace sluice::admin
