// The certificate of the listeners of --admin_listen, for GnuTLS (libmicrohttpd's TLS).
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<ServerCertificate> certificate,
//                           ServerCertificate::Load("admin.pem", "admin.key"));
//   std::shared_ptr<void> credentials = certificate->Use(session);   // as long as the session
//   certificate->Reload();                              // sessions go on with what they have
//
// TLS 1.2 and 1.3 with those of the approved ciphers (tls/cipher_policy.h) that have forward
// secrecy and authenticate what they encrypt: no client of an API needs the others. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_SERVER_CERTIFICATE_H_
#define SLUICE_ENGINE_ADMIN_SERVER_CERTIFICATE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

struct gnutls_certificate_credentials_st;
struct gnutls_session_int;

namespace sluice::admin {

// GnuTLS's priority string (gnutls_priority_init) for the above.
extern const char kTlsPriorities[];

class ServerCertificate {
 public:
  // PEM files; the chain with the leaf first. The error names the flag and the files.
  static absl::StatusOr<std::unique_ptr<ServerCertificate>> Load(std::string certificate_file,
                                                                 std::string key_file);

  // Reads the files anew. On an error what was there stays.
  absl::Status Reload();

  // For a session whose handshake has not begun; it needs what is returned until it ends.
  std::shared_ptr<void> Use(gnutls_session_int* session) const;

 private:
  ServerCertificate(std::string certificate_file, std::string key_file)
      : certificate_file_(std::move(certificate_file)), key_file_(std::move(key_file)) {}

  const std::string certificate_file_;
  const std::string key_file_;
  mutable absl::Mutex mutex_;
  std::shared_ptr<gnutls_certificate_credentials_st> credentials_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_SERVER_CERTIFICATE_H_
