#include "engine/tlsrpt/tally.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace sluice::tlsrpt {
namespace {

size_t OctetsOf(const std::vector<std::string>& texts) {
  size_t octets = texts.size() * sizeof(std::string);
  for (const std::string& text : texts) octets += text.size();
  return octets;
}

size_t OctetsOf(const Failure& failure) {
  return sizeof(FailureCount) + failure.sending_ip.size() + failure.mx_host.size() +
         failure.mx_helo.size() + failure.receiving_ip.size() + failure.reason_code.size();
}

void Cut(std::string& text) {
  if (text.size() > DomainTally::kMostText) text.resize(DomainTally::kMostText);
}

void CountFailures(PolicyTally& tally, Failure failure, uint64_t sessions, DomainTally::Room room) {
  for (std::string* const text : {&failure.sending_ip, &failure.mx_host, &failure.mx_helo,
                                  &failure.receiving_ip, &failure.reason_code}) {
    Cut(*text);
  }
  tally.failures += sessions;
  const auto find = [&tally, &failure] {
    return std::find_if(tally.details.begin(), tally.details.end(),
                        [&failure](const FailureCount& one) { return one.failure == failure; });
  };
  auto found = find();
  const bool full =
      tally.details.size() >= DomainTally::kMostDetails || room == DomainTally::Room::kNo;
  if (found == tally.details.end() && full) {
    failure = {.type = failure.type};
    found = find();
  }
  if (found == tally.details.end()) {
    tally.details.push_back({std::move(failure), sessions});
  } else {
    found->sessions += sessions;
  }
}

}  // namespace

absl::string_view PolicyTypeName(PolicyType type) {
  switch (type) {
    case PolicyType::kTlsa:
      return "tlsa";
    case PolicyType::kSts:
      return "sts";
    case PolicyType::kNoPolicyFound:
      return "no-policy-found";
  }
  SLUICE_CHECK(false);
}

absl::string_view ResultTypeName(ResultType type) {
  switch (type) {
    case ResultType::kStarttlsNotSupported:
      return "starttls-not-supported";
    case ResultType::kCertificateHostMismatch:
      return "certificate-host-mismatch";
    case ResultType::kCertificateExpired:
      return "certificate-expired";
    case ResultType::kCertificateNotTrusted:
      return "certificate-not-trusted";
    case ResultType::kValidationFailure:
      return "validation-failure";
    case ResultType::kTlsaInvalid:
      return "tlsa-invalid";
    case ResultType::kDnssecInvalid:
      return "dnssec-invalid";
    case ResultType::kDaneRequired:
      return "dane-required";
    case ResultType::kStsPolicyFetchError:
      return "sts-policy-fetch-error";
    case ResultType::kStsPolicyInvalid:
      return "sts-policy-invalid";
    case ResultType::kStsWebPkiInvalid:
      return "sts-webpki-invalid";
  }
  SLUICE_CHECK(false);
}

PolicyTally& DomainTally::Of(const Policy& policy, Room room) {
  const auto find = [this](const Policy& wanted) {
    return std::find_if(policies.begin(), policies.end(),
                        [&wanted](const PolicyTally& one) { return one.policy == wanted; });
  };
  auto found = find(policy);
  if (found != policies.end()) return *found;
  Policy kept = policy;
  if (policies.size() >= kMostPolicies || room == Room::kNo) {
    kept = {.type = policy.type};
    found = find(kept);
    if (found != policies.end()) return *found;
  }
  policies.emplace_back().policy = std::move(kept);
  return policies.back();
}

void DomainTally::Count(const Policy& policy, const Failure* failure, Room room) {
  PolicyTally& tally = Of(policy, room);
  if (failure == nullptr) {
    ++tally.successes;
  } else {
    CountFailures(tally, *failure, 1, room);
  }
}

void DomainTally::Add(const DomainTally& later) {
  for (const PolicyTally& one : later.policies) {
    PolicyTally& tally = Of(one.policy, Room::kYes);
    tally.successes += one.successes;
    for (const FailureCount& detail : one.details) {
      CountFailures(tally, detail.failure, detail.sessions, Room::kYes);
    }
  }
}

uint64_t DomainTally::successes() const {
  uint64_t sum = 0;
  for (const PolicyTally& tally : policies) sum += tally.successes;
  return sum;
}

uint64_t DomainTally::failures() const {
  uint64_t sum = 0;
  for (const PolicyTally& tally : policies) sum += tally.failures;
  return sum;
}

size_t DomainTally::octets() const {
  size_t octets = sizeof(DomainTally);
  for (const PolicyTally& tally : policies) {
    octets += sizeof(PolicyTally) + tally.policy.domain.size() + OctetsOf(tally.policy.strings) +
              OctetsOf(tally.policy.mx_hosts);
    for (const FailureCount& detail : tally.details) octets += OctetsOf(detail.failure);
  }
  return octets;
}

}  // namespace sluice::tlsrpt
