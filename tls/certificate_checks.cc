#include "tls/certificate_checks.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "tls/certificate_details.h"

namespace sluice::tls {
namespace {

// What is shown of a certificate's names; one with thousands does not fill the history.
constexpr size_t kNamesShown = 8;

std::string Shown(std::vector<std::string> names) {
  if (names.empty()) return "no name";
  const size_t more = names.size() > kNamesShown ? names.size() - kNamesShown : 0;
  names.resize(names.size() - more);
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

std::string Day(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", time, absl::UTCTimeZone());
}

}  // namespace

std::optional<Failure> CheckChain(absl::Span<x509_st* const> chain, x509_store_st* anchors,
                                  Anchors kind, absl::Time now) {
  const bssl::UniquePtr<STACK_OF(X509)> intermediates(sk_X509_new_null());
  for (X509* certificate : chain.subspan(1)) {
    if (!bssl::PushToStack(intermediates.get(), bssl::UpRef(certificate))) std::abort();
  }
  const bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), anchors, chain[0], intermediates.get()) != 1 ||
      X509_STORE_CTX_set_default(context.get(), "ssl_server") != 1) {
    ERR_clear_error();
    return Failure{Reason::kUntrusted, "the certificate chain could not be examined"};
  }
  X509_VERIFY_PARAM_set_time_posix(X509_STORE_CTX_get0_param(context.get()),
                                   absl::ToUnixSeconds(now));
  if (kind == Anchors::kAny) {
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
  }
  if (X509_verify_cert(context.get()) == 1) return std::nullopt;
  ERR_clear_error();
  const int error = X509_STORE_CTX_get_error(context.get());
  X509* const at = X509_STORE_CTX_get_current_cert(context.get());
  const CertificateDetails details = DetailsOf(at == nullptr ? chain[0] : at);
  if (error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID) {
    return Failure{Reason::kExpiredCertificate,
                   absl::StrCat("the certificate of ", details.subject, " is valid from ",
                                Day(details.not_before), " to ", Day(details.not_after),
                                "; it is now ", Day(now))};
  }
  return Failure{Reason::kUntrusted, absl::StrCat(X509_verify_cert_error_string(error), ": ",
                                                  details.subject, ", issued by ", details.issuer)};
}

std::optional<Failure> CheckNames(x509_st* leaf, const std::vector<std::string>& wanted) {
  const std::vector<std::string> presented = DnsNamesOf(leaf);
  for (const std::string& name : presented) {
    for (const std::string& want : wanted) {
      if (NameMatches(name, want)) return std::nullopt;
    }
  }
  return Failure{Reason::kNameMismatch, absl::StrCat("certificate names: ", Shown(presented),
                                                     "; wanted: ", Shown(wanted))};
}

bool NameMatches(absl::string_view presented, absl::string_view wanted) {
  presented = absl::StripSuffix(presented, ".");
  // Escaped by DnsNamesOf: a name with bytes in it that no name has was made to be misread.
  if (wanted.empty() || presented.empty() || absl::StrContains(presented, '\\')) return false;
  if (wanted[0] == '.') {
    // A wildcard below the suffix is itself below it.
    return presented.size() > wanted.size() && absl::EndsWithIgnoreCase(presented, wanted);
  }
  if (!absl::StartsWith(presented, "*.")) return absl::EqualsIgnoreCase(presented, wanted);
  const absl::string_view below = presented.substr(1);  // ".example.com"
  // One label, and never a wildcard right under a top-level domain.
  const size_t dot = wanted.find('.');
  return dot != absl::string_view::npos && dot > 0 &&
         absl::EqualsIgnoreCase(wanted.substr(dot), below) &&
         std::count(below.begin(), below.end(), '.') >= 2;
}

}  // namespace sluice::tls
