// The certificates that this gateway has for servers that ask for one, each under a name
// (--client_certificate), by which a PeerDemand says which of them is shown.
//
//   SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const ClientCertificates> certificates,
//                           ClientCertificates::Load(files, signer, deadline));
//   context->UseCertificates(certificates);
//   demand.client_certificate = "partner-a";
//
// Their keys are held as those of the server's own certificates (credentials.h, signer.h).
//
// Immutable; thread-safe. A reload makes another object; handshakes keep what they began with.
#ifndef SLUICE_TLS_CLIENT_CERTIFICATES_H_
#define SLUICE_TLS_CLIENT_CERTIFICATES_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/base/clock.h"
#include "tls/credentials.h"
#include "tls/signer.h"

namespace sluice::tls {

struct ClientCertificateFiles {
  std::string name;
  CredentialFiles files;
};

class ClientCertificates {
 public:
  // With the server's own, before and after a reload, no more keys than the signer process keeps
  // (signer/protocol.h, kMostKept).
  static constexpr size_t kMost = 24;

  using Credential = std::shared_ptr<const Credentials>;  // of one certificate

  // All or none, kMost at most, and each name once. Blocks, as Signer::Load. Errors name the flag,
  // the certificate and its file. `signer` outlives the certificates and the contexts that use
  // them.
  static absl::StatusOr<std::shared_ptr<const ClientCertificates>> Load(
      absl::Span<const ClientCertificateFiles> files, Signer& signer, MonoTime deadline);

  Credential Find(absl::string_view name) const;  // null: there is none of that name
  const std::map<std::string, Credential>& all() const { return by_name_; }
  Signer& signer() const { return signer_; }

 private:
  explicit ClientCertificates(Signer& signer) : signer_(signer) {}

  Signer& signer_;
  std::map<std::string, Credential> by_name_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CLIENT_CERTIFICATES_H_
