// A DKIM signature (RFC 6376) over a whole message of this gateway's own: relaxed/relaxed,
// rsa-sha256 or ed25519-sha256 (RFC 8463) as the key is, the whole body (no "l=": RFC 8460 §3).
//
//   std::string signed_message = absl::StrCat(DkimSignature(signer, headers, body, now), …);
//
// Whoever receives the message finds the key at <selector>._domainkey.<domain>, where the service
// type of a key that is for reports alone is "s=tlsrpt" (RFC 8460 §3).
//
// Pure function; thread-safe.
#ifndef SLUICE_ENGINE_TLSRPT_DKIM_H_
#define SLUICE_ENGINE_TLSRPT_DKIM_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tls/signing_key.h"

namespace sluice::tlsrpt {

struct DkimSigner {
  std::string domain;    // d=
  std::string selector;  // s=
  std::shared_ptr<const tls::SigningKey> key;
};

// Name and value, the value as it stands behind "Name: ", folded or not.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

// The header field "DKIM-Signature: …" with its line end, to be put in front of the message. All of
// `headers` are signed, each of which stands once in the message. `body`: lines that end in CRLF.
std::string DkimSignature(const DkimSigner& signer, const HeaderFields& headers,
                          absl::string_view body, absl::Time now);

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_DKIM_H_
