// What all TLS sessions of one core, in or out, have in common.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<ServerContext> server,
//                           ServerContext::Create(policy, credentials, tickets, signer));
//   co_await stream.AcceptTls(*server, deadline);
//   server->Reload(newer_credentials);             // sessions that are under way keep the old ones
//
// A context and the sessions made from it belong to one core (their reference counts would else be
// fought over); ticket keys, the signer, the trust store and the credentials are shared.
#ifndef SLUICE_TLS_CONTEXT_H_
#define SLUICE_TLS_CONTEXT_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/clock.h"
#include "tls/cipher_policy.h"
#include "tls/client_certificates.h"
#include "tls/credentials.h"
#include "tls/peer_demand.h"
#include "tls/signer.h"
#include "tls/ticket_keys.h"

struct ssl_ctx_st;
struct x509_store_st;

namespace sluice::tls {

class Session;

class ServerContext {
 public:
  // `tickets` and `signer` outlive the context and the sessions made from it.
  static absl::StatusOr<std::unique_ptr<ServerContext>> Create(
      const CipherPolicy& policy, std::shared_ptr<const Credentials> credentials,
      TicketKeys& tickets, Signer& signer);
  ~ServerContext();

  // Serves new sessions with these. On an error the former stay.
  absl::Status Reload(std::shared_ptr<const Credentials> credentials);
  Signer& signer() const { return signer_; }

  // What new sessions are made from (serving.h): the two SSL_CTX. Clients are met with the ECDSA
  // one, and handed to the RSA one when they cannot take it.
  struct Serving;

 private:
  friend class Session;
  friend class WeakServer;  // tests/tls/weak_server.h
  ServerContext(const CipherPolicy& policy, TicketKeys& tickets, Signer& signer);

  const CipherPolicy policy_;
  TicketKeys& tickets_;
  Signer& signer_;
  std::shared_ptr<const Serving> serving_;
};

// Roots that a server's chain must lead to (--trust_store). Immutable; thread-safe.
class TrustStore {
 public:
  // A file of PEM certificates, or a directory of such files, all of which are read at once: a
  // lookup by hashed name would block a core on the disk. InvalidArgument names the flag.
  static absl::StatusOr<std::shared_ptr<const TrustStore>> Load(const std::string& path);
  ~TrustStore();
  x509_store_st* get() const { return store_; }

 private:
  explicit TrustStore(x509_store_st* store) : store_(store) {}
  x509_store_st* const store_;
};

// What a client that measures offers less of than its policy has; never more.
struct Narrowing {
  std::optional<Version> version;                // that one alone
  std::optional<Credentials::Kind> certificate;  // signatures of that kind of key alone
  bool p384 = false;                             // P-384 is the only group; else P-256 comes first
  bool resume = true;                            // whether sessions are kept for resumption
};

class ClientContext {
 public:
  // Sessions kept for resumption, the least recently used ones dropped first. Each has the chain of
  // its peer.
  static constexpr size_t kCachedSessions = 1024;

  // `clock` outlives the context: by it certificates are in date.
  static absl::StatusOr<std::unique_ptr<ClientContext>> Create(
      const CipherPolicy& policy, std::shared_ptr<const TrustStore> trust, const Clock& clock);
  // The same, offering less.
  static absl::StatusOr<std::unique_ptr<ClientContext>> CreateNarrowed(
      const CipherPolicy& policy, std::shared_ptr<const TrustStore> trust, const Clock& clock,
      const Narrowing& narrowing);
  ~ClientContext();

  // What handshakes can show from now on; before the first call: nothing. A name that was there
  // stays there (checked): what was demanded with it is still to be had.
  void UseCertificates(std::shared_ptr<const ClientCertificates> certificates);
  bool HasCertificate(absl::string_view name) const;
  // Who has their keys; null where there are none.
  Signer* signer() const;

 private:
  friend class Session;
  class Cache;
  ClientContext(const CipherPolicy& policy, std::shared_ptr<const TrustStore> trust,
                const Clock& clock);

  const CipherPolicy policy_;
  const std::shared_ptr<const TrustStore> trust_;
  const Clock& clock_;
  ssl_ctx_st* context_ = nullptr;
  const std::unique_ptr<Cache> cache_;
  std::shared_ptr<const ClientCertificates> certificates_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CONTEXT_H_
