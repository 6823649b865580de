#include "engine/relay/ping_record.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::relay {
namespace {

int64_t WholeDays(absl::Duration time) { return absl::ToInt64Hours(time) / 24; }

// `name` as a certificate's details have it: "DNS:*.example.com". RFC 6125 §6.4: case does not matter,
// and "*" is one label.
bool IsFor(absl::string_view name, absl::string_view hostname) {
  if (!absl::ConsumePrefix(&name, "DNS:")) return false;
  if (absl::EqualsIgnoreCase(name, hostname)) return true;
  const size_t dot = hostname.find('.');
  return absl::StartsWith(name, "*.") && dot != absl::string_view::npos &&
         absl::EqualsIgnoreCase(name.substr(1), hostname.substr(dot));
}

std::string ExpiryWarning(const PingTarget& target, absl::Time now) {
  const absl::Time end = *target.certificate_not_after;
  if (end <= now) return absl::StrCat(target.mx, ": its certificate has expired");
  return absl::StrCat(target.mx, ": its certificate expires in ", WholeDays(end - now), " days");
}

// The same server at the ping before.
const policy::PingFinding* Before(const policy::PingFindings& before, const PingTarget& target) {
  for (const policy::PingFinding& finding : before.findings) {
    if (finding.mx == target.mx && finding.address == target.address) return &finding;
  }
  return nullptr;
}

}  // namespace

absl::string_view VerdictName(PingVerdict verdict) {
  switch (verdict) {
    case PingVerdict::kValid:
      return "valid";
    case PingVerdict::kPartial:
      return "partial";
    case PingVerdict::kInvalid:
      break;
  }
  return "invalid";
}

std::string SummaryOf(const PingResult& result) {
  std::string summary(VerdictName(result.verdict));
  if (!result.dns_failure.empty()) return absl::StrCat(summary, ": dns");
  for (const PingTarget& target : result.targets) {
    if (target.valid) continue;
    // The first says enough; the ping itself says all.
    return absl::StrCat(summary, ": ", target.mx, ": ", target.reason);
  }
  return summary;
}

policy::PingFindings FindingsOf(const PingResult& result) {
  policy::PingFindings findings;
  findings.ping = {.at = result.at, .summary = SummaryOf(result), .warnings = result.warnings};
  for (const PingTarget& target : result.targets) {
    findings.findings.push_back({.mx = target.mx,
                                 .address = target.address,
                                 .valid = target.valid,
                                 .reason = target.reason,
                                 .tls_version = target.tls_version,
                                 .cipher = target.cipher,
                                 .fingerprint = target.certificate_fingerprint,
                                 .not_after = target.certificate_not_after});
  }
  return findings;
}

std::vector<std::string> WarningsOf(const PingResult& result,
                                    const std::optional<policy::PingFindings>& before,
                                    absl::Duration expiry_warning) {
  std::vector<std::string> warnings;
  for (const PingTarget& target : result.targets) {
    if (target.certificate_not_after.has_value() &&
        *target.certificate_not_after - result.at < expiry_warning) {
      warnings.push_back(ExpiryWarning(target, result.at));
    }
    const policy::PingFinding* const seen = before.has_value() ? Before(*before, target) : nullptr;
    if (seen != nullptr && !seen->fingerprint.empty() && !target.certificate_fingerprint.empty() &&
        seen->fingerprint != target.certificate_fingerprint) {
      warnings.push_back(absl::StrCat(target.mx, ": its certificate has changed, SHA-256 ",
                                      target.certificate_fingerprint, " instead of ",
                                      seen->fingerprint));
    }
  }
  std::sort(warnings.begin(), warnings.end());
  // A host of several addresses has one certificate.
  warnings.erase(std::unique(warnings.begin(), warnings.end()), warnings.end());
  if (warnings.size() > policy::kMaxPingWarnings) warnings.resize(policy::kMaxPingWarnings);
  return warnings;
}

void AddNameWarnings(absl::string_view hostname, PingResult& result) {
  for (const PingTarget& target : result.targets) {
    if (target.certificate_fingerprint.empty()) continue;
    const bool is_for =
        std::any_of(target.certificate_names.begin(), target.certificate_names.end(),
                    [hostname](const std::string& name) { return IsFor(name, hostname); });
    if (is_for) continue;
    result.warnings.push_back(absl::StrCat(
        target.address, ": its certificate is not for ", hostname,
        " (--hostname): partners that check names will refuse it"));
  }
}

}  // namespace sluice::relay
