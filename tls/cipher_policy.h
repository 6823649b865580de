// Which cipher suites may be used: what --tls_ciphers stands for.
//
//   SLUICE_ASSIGN_OR_RETURN(CipherPolicy policy,
//                           CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL"));
//   std::cout << policy.Describe();
//
// The notation is OpenSSL's: items joined by ':'; an item is a suite's name or keywords joined by
// '+', all of which must hold; "!item" strikes out for good. BoringSSL is never given such a
// string: it knows no FIPS keyword, and its lenient parser keeps what it does not understand. The
// suites are worked out here, from the table of those that BoringSSL has and FIPS 140 approves,
// handed over by name, and read back: Apply() fails unless the effective list is exactly this one.
//
// TLS 1.3 has its own suites, of which the AES-GCM ones are in force whatever the string says, with
// key exchange over P-256 or P-384 (NIST SP 800-52r2 §3.3; BoringSSL's fips_202205 policy).
//
// A value; thread-compatible.
#ifndef SLUICE_TLS_CIPHER_POLICY_H_
#define SLUICE_TLS_CIPHER_POLICY_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct ssl_ctx_st;

namespace sluice::tls {

class CipherPolicy {
 public:
  // InvalidArgument names the item and what is accepted, also for a string that leaves no suite.
  static absl::StatusOr<CipherPolicy> Parse(absl::string_view text);

  // OpenSSL's names of the TLS 1.2 suites, strongest first.
  const std::vector<std::string>& suites() const { return suites_; }
  // Whether a negotiated suite, by the name that ConnectionInfo has, is approved.
  bool Approves(absl::string_view cipher) const;

  // Sets versions 1.2 to 1.3, suites, groups and signature algorithms, and checks what came of it.
  absl::Status Apply(ssl_ctx_st* context) const;
  // Whether what `context` offers is this policy, no less and no more. Internal says what differs.
  absl::Status Check(ssl_ctx_st* context) const;

  // A table for people, one suite a line.
  std::string Describe() const;

 private:
  std::string text_;
  std::vector<std::string> suites_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CIPHER_POLICY_H_
