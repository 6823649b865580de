#include "tls/peer_verifier.h"

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "tls/certificate_checks.h"
#include "tls/certificate_details.h"
#include "tls/dane.h"

namespace sluice::tls {
namespace {

std::optional<Failure> CheckFingerprint(x509_st* leaf, const std::vector<std::string>& wanted) {
  const CertificateDetails details = DetailsOf(leaf);
  for (const std::string& print : wanted) {
    if (print == details.fingerprint_sha256 || print == details.key_fingerprint_sha256) {
      return std::nullopt;
    }
  }
  return Failure{Reason::kFingerprintMismatch,
                 absl::StrCat("certificate ", details.fingerprint_sha256, ", key ",
                              details.key_fingerprint_sha256)};
}

std::optional<Failure> CheckWebPki(absl::Span<x509_st* const> chain,
                                   const std::vector<std::string>& names, const TrustStore& trust,
                                   absl::Time now) {
  if (std::optional<Failure> failed = CheckChain(chain, trust.get(), Anchors::kRoots, now)) {
    return failed;
  }
  return CheckNames(chain[0], names);
}

}  // namespace

std::optional<Failure> VerifyPeer(absl::Span<x509_st* const> chain, const PeerDemand& demand,
                                  const TrustStore& trust, absl::Time now) {
  SLUICE_CHECK(!chain.empty());
  if (demand.dane.has_value()) {
    std::optional<Failure> failed = VerifyDane(chain, *demand.dane, now);
    if (failed.has_value() && !SLUICE_PLANTED_BUG(TlsaMismatchAsUnusable)) return failed;
  }
  if (!demand.mta_sts_host.empty()) {
    if (std::optional<Failure> failed = CheckWebPki(chain, {demand.mta_sts_host}, trust, now)) {
      return failed;
    }
  }
  switch (demand.check) {
    case PeerCheck::kNone:
      return std::nullopt;
    case PeerCheck::kNames:
      return CheckWebPki(chain, demand.names, trust, now);
    case PeerCheck::kFingerprint:
      return CheckFingerprint(chain[0], demand.fingerprints);
  }
  return Failure{Reason::kUntrusted, "unknown kind of check"};
}

}  // namespace sluice::tls
