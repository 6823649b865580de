#include "engine/relay/tls_session.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "tls/failure.h"

namespace sluice::relay {
namespace {

using tlsrpt::ResultType;

// Of an MTA-STS policy: it may be long, and is kept for every domain.
constexpr size_t kMostLines = 64;
constexpr size_t kMostLine = 256;

std::vector<std::string> Shortened(std::vector<std::string> texts) {
  if (texts.size() > kMostLines) texts.resize(kMostLines);
  for (std::string& text : texts) text.resize(std::min(text.size(), kMostLine));
  return texts;
}

std::vector<std::string> LinesOf(absl::string_view file) {
  return Shortened(absl::StrSplit(file.substr(0, kMostLines * kMostLine), absl::ByAnyChar("\r\n"),
                                  absl::SkipWhitespace()));
}

ResultType ResultOf(tls::Reason reason) {
  switch (reason) {
    case tls::Reason::kNotOffered:
    case tls::Reason::kRefused:
      return ResultType::kStarttlsNotSupported;
    case tls::Reason::kNameMismatch:
      return ResultType::kCertificateHostMismatch;
    case tls::Reason::kExpiredCertificate:
      return ResultType::kCertificateExpired;
    case tls::Reason::kUntrusted:
      return ResultType::kCertificateNotTrusted;
    case tls::Reason::kTlsaInvalid:
      return ResultType::kTlsaInvalid;
    case tls::Reason::kDnssecInvalid:
      return ResultType::kDnssecInvalid;
    case tls::Reason::kDaneRequired:
      return ResultType::kDaneRequired;
    case tls::Reason::kPlaintextInjected:
    case tls::Reason::kHandshakeTimeout:
    case tls::Reason::kAlert:
    case tls::Reason::kVersion:
    case tls::Reason::kCipher:
    case tls::Reason::kFingerprintMismatch:
    case tls::Reason::kDaneMismatch:
    case tls::Reason::kStsMxMismatch:
    case tls::Reason::kClosed:
    case tls::Reason::kProtocol:
      return ResultType::kValidationFailure;
  }
  SLUICE_CHECK(false);
}

ResultType ResultOf(sts::Fault fault) {
  switch (fault) {
    case sts::Fault::kFetchError:
      return ResultType::kStsPolicyFetchError;
    case sts::Fault::kInvalid:
      return ResultType::kStsPolicyInvalid;
    case sts::Fault::kWebPkiInvalid:
      return ResultType::kStsWebPkiInvalid;
  }
  SLUICE_CHECK(false);
}

tlsrpt::Policy PolicyOf(const TlsSession& session) {
  const bool dane_has_say = session.dane.state != DaneFinding::State::kAbsent;
  if (dane_has_say) {
    // Where the records are, or were looked for in vain: the host with its aliases followed.
    const std::vector<std::string>& asked = session.hop.dane.base_domains;
    const std::string& base = !session.dane.base_domain.empty() ? session.dane.base_domain
                              : !asked.empty()                  ? asked.front()
                                                                : session.hop.host;
    return {tlsrpt::PolicyType::kTlsa, base, session.dane.texts, {}};
  }
  const std::string& domain = session.target.host;
  const sts::Policy* const policy = session.mta_sts.in_force();
  if (policy != nullptr && policy->mode != sts::Mode::kNone) {
    return {tlsrpt::PolicyType::kSts, domain, LinesOf(session.mta_sts.policy->file),
            Shortened(policy->mx)};
  }
  if (policy == nullptr && session.mta_sts.fault.has_value()) {
    return {tlsrpt::PolicyType::kSts, domain, {}, {}};
  }
  return {tlsrpt::PolicyType::kNoPolicyFound, domain, {}, {}};
}

std::string ReasonCode(tls::Reason reason, const std::string& detail) {
  return absl::StrCat(tls::ReasonName(reason), detail.empty() ? "" : ": ", detail);
}

// What failed about TLS itself.
std::optional<tlsrpt::Failure> TlsFailureOf(const TlsSession& session) {
  tlsrpt::Failure failure;
  if (session.failure.has_value() && session.failure->tls_reason.has_value()) {
    failure.type = ResultOf(*session.failure->tls_reason);
    failure.reason_code = ReasonCode(*session.failure->tls_reason, session.failure->detail);
    return failure;
  }
  if (session.facts != nullptr && session.facts->in_clear_because.has_value()) {
    const tls::Failure& why = *session.facts->in_clear_because;
    failure.type = ResultOf(why.reason);
    failure.reason_code = ReasonCode(why.reason, why.detail);
    return failure;
  }
  return std::nullopt;
}

// What failed about the policy, though TLS did not.
std::optional<tlsrpt::Failure> PolicyFailureOf(const TlsSession& session) {
  tlsrpt::Failure failure;
  if (session.dane.state == DaneFinding::State::kUnusable) {
    failure.type = ResultType::kTlsaInvalid;
    failure.reason_code = session.dane.detail;
    return failure;
  }
  const bool dane_has_say = session.dane.state != DaneFinding::State::kAbsent;
  if (!dane_has_say && session.mta_sts.policy == nullptr && session.mta_sts.fault.has_value()) {
    failure.type = ResultOf(*session.mta_sts.fault);
    failure.reason_code = session.mta_sts.detail;
    return failure;
  }
  return std::nullopt;
}

}  // namespace

std::optional<CountedSession> CountedSessionOf(const TlsSession& session) {
  const bool is_literal = absl::StartsWith(session.target.host, "[");
  if (!session.target.by_mx || is_literal) return std::nullopt;
  std::optional<tlsrpt::Failure> failure = TlsFailureOf(session);
  const bool has_tls = session.facts != nullptr && session.facts->tls.has_value();
  if (!failure.has_value() && !has_tls) return std::nullopt;
  if (!failure.has_value()) failure = PolicyFailureOf(session);
  if (failure.has_value()) {
    failure->mx_host = session.hop.host;
    failure->receiving_ip = session.hop.address.ip();
    if (session.facts != nullptr) {
      if (session.facts->local.has_value()) failure->sending_ip = session.facts->local->ip();
      failure->mx_helo = session.facts->server_name;
    }
  }
  return CountedSession{PolicyOf(session), std::move(failure)};
}

}  // namespace sluice::relay
