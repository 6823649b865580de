#include "engine/admin/server_certificate.h"

#include <gnutls/gnutls.h>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

using CredentialsPointer = std::shared_ptr<gnutls_certificate_credentials_st>;

absl::StatusOr<CredentialsPointer> Read(const std::string& certificate_file,
                                        const std::string& key_file) {
  gnutls_certificate_credentials_t fresh = nullptr;
  SLUICE_CHECK(gnutls_certificate_allocate_credentials(&fresh) == GNUTLS_E_SUCCESS);
  CredentialsPointer credentials(fresh, &gnutls_certificate_free_credentials);
  const int code = gnutls_certificate_set_x509_key_file(fresh, certificate_file.c_str(),
                                                        key_file.c_str(), GNUTLS_X509_FMT_PEM);
  if (code >= 0) return credentials;
  return absl::FailedPreconditionError(absl::StrCat(
      "--admin_tls_certificate: ", certificate_file, " with --admin_tls_key: ", key_file, ": ",
      code == GNUTLS_E_FILE_ERROR ? "one of them cannot be read" : gnutls_strerror(code)));
}

}  // namespace

const char kTlsPriorities[] =
    "NONE:+CTYPE-X509:+COMP-NULL:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:"
    "+AES-256-GCM:+AES-128-GCM:+AEAD:+GROUP-SECP256R1:+GROUP-SECP384R1:"
    "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA256:"
    "+SIGN-ECDSA-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-RSAE-SHA384:"
    "+SIGN-RSA-SHA256:+SIGN-RSA-SHA384:%SERVER_PRECEDENCE";

absl::StatusOr<std::unique_ptr<ServerCertificate>> ServerCertificate::Load(
    std::string certificate_file, std::string key_file) {
  std::unique_ptr<ServerCertificate> certificate(
      new ServerCertificate(std::move(certificate_file), std::move(key_file)));
  SLUICE_RETURN_IF_ERROR(certificate->Reload());
  return certificate;
}

absl::Status ServerCertificate::Reload() {
  SLUICE_ASSIGN_OR_RETURN(CredentialsPointer fresh, Read(certificate_file_, key_file_));
  const absl::MutexLock lock(&mutex_);
  credentials_ = std::move(fresh);
  return absl::OkStatus();
}

std::shared_ptr<void> ServerCertificate::Use(gnutls_session_int* session) const {
  const absl::MutexLock lock(&mutex_);
  SLUICE_CHECK(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials_.get()) ==
               GNUTLS_E_SUCCESS);
  return credentials_;
}

}  // namespace sluice::admin
