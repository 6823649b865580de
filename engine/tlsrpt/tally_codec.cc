#include "engine/tlsrpt/tally_codec.h"

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/tlsrpt/tally.pb.h"

namespace sluice::tlsrpt {
namespace {

constexpr size_t kDayBytes = 10;  // "2026-04-01"

storage::PolicyType ToStorage(PolicyType type) {
  switch (type) {
    case PolicyType::kTlsa:
      return storage::TLSA;
    case PolicyType::kSts:
      return storage::STS;
    case PolicyType::kNoPolicyFound:
      return storage::NO_POLICY_FOUND;
  }
  SLUICE_CHECK(false);
}

absl::Status Damaged() { return absl::DataLossError("the row of a TLS report is damaged"); }

bool Read(storage::PolicyType stored, PolicyType& type) {
  switch (stored) {
    case storage::TLSA:
      type = PolicyType::kTlsa;
      return true;
    case storage::STS:
      type = PolicyType::kSts;
      return true;
    case storage::NO_POLICY_FOUND:
      type = PolicyType::kNoPolicyFound;
      return true;
    default:
      return false;
  }
}

bool Read(const storage::FailureCount& stored, FailureCount& count) {
  if (stored.result_type() == 0 || stored.result_type() > kResultTypes || stored.sessions() == 0) {
    return false;
  }
  count.failure.type = static_cast<ResultType>(stored.result_type() - 1);
  count.failure.sending_ip = stored.sending_ip();
  count.failure.mx_host = stored.mx_host();
  count.failure.mx_helo = stored.mx_helo();
  count.failure.receiving_ip = stored.receiving_ip();
  count.failure.reason_code = stored.reason_code();
  count.sessions = stored.sessions();
  return true;
}

}  // namespace

absl::CivilDay DayOf(absl::Time time) { return absl::ToCivilDay(time, absl::UTCTimeZone()); }
absl::Time BeginOf(absl::CivilDay day) { return absl::FromCivil(day, absl::UTCTimeZone()); }

std::string DayText(absl::CivilDay day) { return absl::FormatCivilTime(day); }

absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text) {
  absl::CivilDay day;
  if (!absl::ParseCivilTime(text, &day) || DayText(day) != text) {
    return absl::InvalidArgumentError("a day is written as 2026-04-01");
  }
  return day;
}

std::string EncodeKey(const TallyKey& key) {
  return absl::StrCat(DayText(key.day), " ", key.domain);
}

absl::StatusOr<TallyKey> DecodeKey(absl::string_view key) {
  const absl::StatusOr<absl::CivilDay> day = ParseDay(key.substr(0, kDayBytes));
  if (!day.ok() || key.size() <= kDayBytes + 1 || key[kDayBytes] != ' ') return Damaged();
  return TallyKey{*day, std::string(key.substr(kDayBytes + 1))};
}

std::string EncodeTally(const DomainTally& tally) {
  storage::DomainTally stored;
  stored.set_begin_seconds(absl::ToUnixSeconds(tally.begin));
  for (const PolicyTally& one : tally.policies) {
    storage::PolicyTally& policy = *stored.add_policies();
    policy.set_policy_type(ToStorage(one.policy.type));
    policy.set_policy_domain(one.policy.domain);
    for (const std::string& text : one.policy.strings) policy.add_policy_strings(text);
    for (const std::string& host : one.policy.mx_hosts) policy.add_mx_hosts(host);
    policy.set_successes(one.successes);
    for (const FailureCount& detail : one.details) {
      storage::FailureCount& count = *policy.add_details();
      count.set_result_type(static_cast<uint32_t>(detail.failure.type) + 1);
      count.set_sending_ip(detail.failure.sending_ip);
      count.set_mx_host(detail.failure.mx_host);
      count.set_mx_helo(detail.failure.mx_helo);
      count.set_receiving_ip(detail.failure.receiving_ip);
      count.set_reason_code(detail.failure.reason_code);
      count.set_sessions(detail.sessions);
    }
  }
  return stored.SerializeAsString();
}

absl::StatusOr<DomainTally> DecodeTally(absl::string_view value) {
  storage::DomainTally stored;
  if (!stored.ParseFromArray(value.data(), static_cast<int>(value.size()))) return Damaged();
  DomainTally tally;
  tally.begin = absl::FromUnixSeconds(stored.begin_seconds());
  for (const storage::PolicyTally& one : stored.policies()) {
    PolicyTally& policy = tally.policies.emplace_back();
    if (!Read(one.policy_type(), policy.policy.type)) return Damaged();
    policy.policy.domain = one.policy_domain();
    policy.policy.strings.assign(one.policy_strings().begin(), one.policy_strings().end());
    policy.policy.mx_hosts.assign(one.mx_hosts().begin(), one.mx_hosts().end());
    policy.successes = one.successes();
    for (const storage::FailureCount& detail : one.details()) {
      FailureCount& count = policy.details.emplace_back();
      if (!Read(detail, count)) return Damaged();
      policy.failures += count.sessions;
    }
  }
  return tally;
}

}  // namespace sluice::tlsrpt
