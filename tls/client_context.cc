#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"
#include "engine/base/status_macros.h"
#include "tls/context.h"
#include "tls/openssl_error.h"
#include "tls/peer_verifier.h"
#include "tls/serving.h"
#include "tls/session.h"

namespace sluice::tls {
namespace {

// The certificate is judged anew for a resumed session too: it may have expired meanwhile.
ssl_verify_result_t Verify(SSL* ssl, uint8_t* alert) {
  const STACK_OF(X509)* const sent = SSL_get_peer_full_cert_chain(ssl);
  std::vector<X509*> chain;
  for (size_t i = 0; sent != nullptr && i < sk_X509_num(sent); ++i) {
    chain.push_back(sk_X509_value(sent, i));
  }
  const std::optional<Reason> failed = Session::Of(ssl).JudgePeer(chain);
  if (!failed.has_value()) return ssl_verify_ok;
  *alert = *failed == Reason::kUntrusted            ? SSL_AD_UNKNOWN_CA
           : *failed == Reason::kExpiredCertificate ? SSL_AD_CERTIFICATE_EXPIRED
                                                    : SSL_AD_BAD_CERTIFICATE;
  return ssl_verify_invalid;
}

int KeepSession(SSL* ssl, SSL_SESSION* session) {
  Session::Of(ssl).KeepForResumption(session);
  return 1;  // ownership is taken
}

// Adds the certificates of one PEM file, other objects in it left aside; how many there were, or -1
// when the file cannot be read.
int AddFile(X509_STORE* store, const std::string& path) {
  const bssl::UniquePtr<BIO> bio(BIO_new_file(path.c_str(), "r"));
  if (bio == nullptr) return -1;
  int added = 0;
  while (true) {
    const bssl::UniquePtr<X509> certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    // One that is there already, under another of the directory's links, is no error.
    if (X509_STORE_add_cert(store, certificate.get()) == 1) ++added;
  }
  const uint32_t error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  return at_end ? added : -1;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TrustStore>> TrustStore::Load(const std::string& path) {
  ERR_clear_error();
  bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--trust_store: ", path,
                     " is not there; name a file of PEM certificates, such as "
                     "/etc/ssl/certs/ca-certificates.crt (package ca-certificates)"));
  }
  int added = 0;
  if (std::filesystem::is_directory(status)) {
    // What else lies in such a directory (a README, a broken link) is passed over.
    for (std::filesystem::directory_iterator file(path, error), end; !error && file != end;
         file.increment(error)) {
      std::error_code gone;
      if (file->is_regular_file(gone)) added += std::max(0, AddFile(store.get(), file->path()));
    }
  } else {
    added = AddFile(store.get(), path);
  }
  ERR_clear_error();
  if (added <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--trust_store: ", path,
        added < 0 ? " or a certificate in it cannot be read" : " holds no certificate in PEM",
        "; name a file of PEM certificates (-----BEGIN CERTIFICATE-----) or a directory of them"));
  }
  return std::shared_ptr<const TrustStore>(new TrustStore(store.release()));
}

TrustStore::~TrustStore() { X509_STORE_free(store_); }

void ClientContext::Cache::Put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    found->second->session = std::move(session);
    items_.splice(items_.begin(), items_, found->second);
    return;
  }
  items_.push_front({key, std::move(session)});
  by_key_[key] = items_.begin();
  if (items_.size() > kCachedSessions) {
    by_key_.erase(items_.back().key);
    items_.pop_back();
  }
}

bssl::UniquePtr<SSL_SESSION> ClientContext::Cache::Get(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  if (SSL_SESSION_should_be_single_use(found->second->session.get()) == 1) {
    bssl::UniquePtr<SSL_SESSION> session = std::move(found->second->session);
    items_.erase(found->second);
    by_key_.erase(found);
    return session;
  }
  items_.splice(items_.begin(), items_, found->second);
  return bssl::UpRef(found->second->session);
}

void ClientContext::Cache::Erase(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  items_.erase(found->second);
  by_key_.erase(found);
}

ClientContext::ClientContext(const CipherPolicy& policy, std::shared_ptr<const TrustStore> trust,
                             const Clock& clock)
    : policy_(policy), trust_(std::move(trust)), clock_(clock), cache_(new Cache) {}

ClientContext::~ClientContext() { SSL_CTX_free(context_); }

void ClientContext::UseCertificates(std::shared_ptr<const ClientCertificates> certificates) {
  if (certificates_ != nullptr) {
    for (const auto& [name, former] : certificates_->all()) {
      SLUICE_CHECK(certificates->Find(name) != nullptr);
    }
  }
  certificates_ = std::move(certificates);
}

bool ClientContext::HasCertificate(absl::string_view name) const {
  return certificates_ != nullptr && certificates_->Find(name) != nullptr;
}

Signer* ClientContext::signer() const {
  return certificates_ == nullptr ? nullptr : &certificates_->signer();
}

absl::StatusOr<std::unique_ptr<ClientContext>> ClientContext::Create(
    const CipherPolicy& policy, std::shared_ptr<const TrustStore> trust, const Clock& clock) {
  std::unique_ptr<ClientContext> result(new ClientContext(policy, std::move(trust), clock));
  ERR_clear_error();
  result->context_ = SSL_CTX_new(TLS_method());
  if (result->context_ == nullptr) {
    return absl::InternalError(absl::StrCat("SSL_CTX_new: ", TakeError()));
  }
  SLUICE_RETURN_IF_ERROR(policy.Apply(result->context_));
  SSL_CTX_set_custom_verify(result->context_, SSL_VERIFY_PEER, Verify);
  SSL_CTX_set_reverify_on_resume(result->context_,
                                 SLUICE_PLANTED_BUG(SessionAcrossPolicies) ? 0 : 1);
  SSL_CTX_set_session_cache_mode(result->context_,
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(result->context_, KeepSession);
  return result;
}

absl::StatusOr<std::unique_ptr<ClientContext>> ClientContext::CreateNarrowed(
    const CipherPolicy& policy, std::shared_ptr<const TrustStore> trust, const Clock& clock,
    const Narrowing& narrowing) {
  SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<ClientContext> result,
                          Create(policy, std::move(trust), clock));
  SSL_CTX* const context = result->context_;
  bool done = true;
  if (narrowing.version.has_value()) {
    const auto version = static_cast<uint16_t>(*narrowing.version);
    done &= SSL_CTX_set_min_proto_version(context, version) == 1 &&
            SSL_CTX_set_max_proto_version(context, version) == 1;
  }
  if (narrowing.certificate.has_value()) {
    static constexpr uint16_t kEcdsa[] = {SSL_SIGN_ECDSA_SECP256R1_SHA256,
                                          SSL_SIGN_ECDSA_SECP384R1_SHA384};
    static constexpr uint16_t kRsa[] = {SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PKCS1_SHA256};
    const bool ecdsa = *narrowing.certificate == Credentials::Kind::kEcdsa;
    done &= SSL_CTX_set_verify_algorithm_prefs(context, ecdsa ? kEcdsa : kRsa, 2) == 1;
  }
  if (narrowing.p384) {
    static constexpr int kP384[] = {NID_secp384r1};
    done &= SSL_CTX_set1_curves(context, kP384, 1) == 1;
  }
  if (!narrowing.resume) SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  if (!done) return absl::InternalError(absl::StrCat("narrow what TLS offers: ", TakeError()));
  return result;
}

}  // namespace sluice::tls
