#include "engine/relay/starttls_memory.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tls/failure.h"

namespace sluice::relay {
namespace {

// Several servers may share a name, on ports of their own.
std::string NameOf(const AddressTried& server) {
  return absl::StrCat(server.host, ":", server.address.port());
}

}  // namespace

bool StartTlsMemory::Learn(const std::string& server, absl::Time now) {
  if (const auto found = young_.find(server); found != young_.end()) {
    found->second = now;
    return false;
  }
  if (young_.size() == kMostServers) old_ = std::exchange(young_, {});
  young_.emplace(server, now);
  return !old_.contains(server);
}

std::optional<std::string> StartTlsMemory::Learn(const AttemptReport& report, absl::Time now) {
  if (!report.sent.has_value() || !report.server.has_value() ||
      !report.server->facts.tls.has_value()) {
    return std::nullopt;
  }
  std::string server = NameOf(*report.server);
  return Learn(server, now) ? std::make_optional(std::move(server)) : std::nullopt;
}

std::optional<absl::Time> StartTlsMemory::LastSeen(const std::string& server) const {
  for (const auto* half : {&young_, &old_}) {
    if (const auto found = half->find(server); found != half->end()) return found->second;
  }
  return std::nullopt;
}

std::optional<AttemptReport> StartTlsMemory::Suspect(const AttemptReport& report) const {
  if (!report.server.has_value() || !report.failure.has_value() ||
      report.failure->tls_reason != tls::Reason::kNotOffered) {
    return std::nullopt;
  }
  const std::optional<absl::Time> seen = LastSeen(NameOf(*report.server));
  if (!seen.has_value()) return std::nullopt;
  AttemptReport suspicious = report;
  suspicious.failure->detail =
      absl::StrCat("suspected stripping: STARTTLS was there on ",
                   absl::FormatTime("%Y-%m-%d %H:%M", *seen, absl::UTCTimeZone()),
                   " UTC, and is gone; ", report.failure->detail);
  return suspicious;
}

}  // namespace sluice::relay
