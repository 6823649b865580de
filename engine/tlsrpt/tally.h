// What one domain's TLS sessions of a day came to, in the terms of RFC 8460 §4: under which policy,
// how many were as the policy asks, and what failed about the others.
//
//   DomainTally tally;
//   tally.begin = midnight;
//   tally.Count(policy, failure);          // a session each; failure null: a success
//
// Bounded, whatever strangers publish and answer: beyond kMostPolicies policies of a domain are
// told apart by their type alone, and beyond kMostDetails failures by their result type alone; and
// so is all that is new where a caller has no room for more. Each session is counted in any case,
// once.
//
// Values; thread-compatible.
#ifndef SLUICE_ENGINE_TLSRPT_TALLY_H_
#define SLUICE_ENGINE_TLSRPT_TALLY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sluice::tlsrpt {

enum class PolicyType : uint8_t { kTlsa, kSts, kNoPolicyFound };
// "tlsa", "sts", "no-policy-found" (§4.4).
absl::string_view PolicyTypeName(PolicyType type);

// §4.3.
enum class ResultType : uint8_t {
  kStarttlsNotSupported,
  kCertificateHostMismatch,
  kCertificateExpired,
  kCertificateNotTrusted,
  kValidationFailure,
  kTlsaInvalid,
  kDnssecInvalid,
  kDaneRequired,
  kStsPolicyFetchError,
  kStsPolicyInvalid,
  kStsWebPkiInvalid,
};
inline constexpr size_t kResultTypes = static_cast<size_t>(ResultType::kStsWebPkiInvalid) + 1;
absl::string_view ResultTypeName(ResultType type);

// The policy that was applied to a session.
struct Policy {
  PolicyType type = PolicyType::kNoPolicyFound;
  // The policy domain (§1.1): the recipient's domain; of TLSA records the name they are under.
  std::string domain;
  std::vector<std::string> strings;   // the TLSA records, or the lines of the MTA-STS policy
  std::vector<std::string> mx_hosts;  // of MTA-STS: the patterns

  friend bool operator==(const Policy&, const Policy&) = default;
};

// One session that was not as the policy asks; what is not known is empty.
struct Failure {
  ResultType type = ResultType::kValidationFailure;
  std::string sending_ip;
  std::string mx_host;
  std::string mx_helo;
  std::string receiving_ip;
  std::string reason_code;

  friend bool operator==(const Failure&, const Failure&) = default;
};

struct FailureCount {
  Failure failure;
  uint64_t sessions = 0;

  friend bool operator==(const FailureCount&, const FailureCount&) = default;
};

struct PolicyTally {
  Policy policy;
  uint64_t successes = 0;
  uint64_t failures = 0;              // the sum of `details`
  std::vector<FailureCount> details;  // in the order in which they were first met

  friend bool operator==(const PolicyTally&, const PolicyTally&) = default;
};

struct DomainTally {
  static constexpr size_t kMostPolicies = 32;
  static constexpr size_t kMostDetails = 64;  // of one policy, those told apart
  static constexpr size_t kMostText = 256;    // octets of each text of a Failure

  absl::Time begin;  // since when sessions are counted here
  std::vector<PolicyTally> policies;

  enum class Room : uint8_t { kYes, kNo };
  void Count(const Policy& policy, const Failure* failure, Room room = Room::kYes);
  // What was counted in `later` as well: its sessions, not its time.
  void Add(const DomainTally& later);

  bool empty() const { return policies.empty(); }
  uint64_t successes() const;
  uint64_t failures() const;
  // Of memory, roughly.
  size_t octets() const;

 private:
  PolicyTally& Of(const Policy& policy, Room room);
};

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_TALLY_H_
