// TLS reports, as the gateway has them in all: which core has which domain's.
#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/status_macros.h"
#include "engine/relay/gateway.h"
#include "engine/relay/reply.h"
#include "engine/relay/tls_reports.h"
#include "engine/tlsrpt/tally_codec.h"
#include "policy/domain_name.h"

namespace sluice::relay {
namespace {

// Unset: whichever is the last.
absl::StatusOr<std::optional<absl::CivilDay>> DayOf(absl::string_view text) {
  if (text.empty()) return std::optional<absl::CivilDay>();
  SLUICE_ASSIGN_OR_RETURN(const absl::CivilDay day, tlsrpt::ParseDay(text));
  return std::optional<absl::CivilDay>(day);
}

absl::Status NotInTime() {
  return absl::DeadlineExceededError("the gateway did not answer in time; what was begun goes on");
}

}  // namespace

absl::Status Gateway::LoadTlsReports() {
  if (options_.settings.tls_reports == nullptr) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const queue::SideRows rows, spool_->ReadTlsReports());
  for (const auto& [key, row] : rows) {
    const absl::StatusOr<tlsrpt::TallyKey> whose = tlsrpt::DecodeKey(key);
    // One that cannot be read is anybody's to drop.
    OwnerOf(whose.ok() ? whose->domain : key).tls_reports()->Remember(key, row);
  }
  return absl::OkStatus();
}

absl::Status Gateway::CheckTlsReports() const {
  if (options_.settings.tls_reports == nullptr) {
    return absl::FailedPreconditionError(
        "TLS reports are switched off: start sluiced with --tlsrpt_organization and "
        "--tlsrpt_contact");
  }
  if (draining_) return absl::UnavailableError("the gateway is shutting down");
  return absl::OkStatus();
}

absl::StatusOr<TlsReportList> Gateway::ListTlsReports(size_t most, MonoTime deadline) {
  SLUICE_RETURN_IF_ERROR(CheckTlsReports());
  // Shared, as in OnEveryCore.
  struct Gathering {
    absl::Mutex mutex;
    TlsReportList list;
  };
  auto gathering = std::make_shared<Gathering>();
  SLUICE_RETURN_IF_ERROR(OnEveryCore(
      [gathering, most](Shard& shard) {
        TlsReportList part = shard.tls_reports()->List(most);
        const absl::MutexLock lock(&gathering->mutex);
        gathering->list.total += part.total;
        std::move(part.reports.begin(), part.reports.end(),
                  std::back_inserter(gathering->list.reports));
        return absl::OkStatus();
      },
      deadline));
  const absl::MutexLock lock(&gathering->mutex);
  KeepWorst(most, gathering->list);
  return gathering->list;
}

absl::StatusOr<std::string> Gateway::ShowTlsReport(absl::string_view domain, absl::string_view day,
                                                   MonoTime deadline) {
  SLUICE_RETURN_IF_ERROR(CheckTlsReports());
  SLUICE_ASSIGN_OR_RETURN(const std::string name, policy::NormalizeDomain(domain));
  SLUICE_ASSIGN_OR_RETURN(const std::optional<absl::CivilDay> which, DayOf(day));
  Reply<absl::StatusOr<std::string>> reply;
  Shard& shard = OwnerOf(name);
  shard.core().Run([&shard, name, which, send = reply.Sender()]() mutable {
    std::move(send)(shard.tls_reports()->Show(name, which));
  });
  return reply.Wait(machine_, deadline).value_or(NotInTime());
}

absl::StatusOr<TlsReportSent> Gateway::SendTlsReport(absl::string_view domain,
                                                     absl::string_view day, MonoTime deadline) {
  SLUICE_RETURN_IF_ERROR(CheckTlsReports());
  SLUICE_ASSIGN_OR_RETURN(const std::string name, policy::NormalizeDomain(domain));
  SLUICE_ASSIGN_OR_RETURN(const std::optional<absl::CivilDay> which, DayOf(day));
  Reply<absl::StatusOr<TlsReportSent>> reply;
  Shard& shard = OwnerOf(name);
  shard.core().Run([&shard, name, which, send = reply.Sender()]() mutable {
    shard.tls_reports()->SendNow(std::move(name), which, std::move(send));
  });
  return reply.Wait(machine_, deadline).value_or(NotInTime());
}

}  // namespace sluice::relay
