#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/nid.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "tls/context.h"
#include "tls/openssl_error.h"
#include "tls/private_key_method.h"
#include "tls/serving.h"
#include "tls/session.h"

namespace sluice::tls {
namespace {

using Serving = ServerContext::Serving;

// Where each of the two SSL_CTX has its Serving, which every session made from them keeps alive.
int ServingIndex() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

const Serving& ServingOf(const SSL* ssl) {
  const void* const serving = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), ServingIndex());
  SLUICE_CHECK(serving != nullptr);
  return *static_cast<const Serving*>(serving);
}

// A list of big-endian 16-bit values in a ClientHello.
class HelloList {
 public:
  HelloList(const uint8_t* bytes, size_t size) : bytes_(bytes), size_(size) {}
  // An extension's, behind a length of `prefix` bytes.
  HelloList(const SSL_CLIENT_HELLO* hello, uint16_t extension, size_t prefix) {
    const uint8_t* bytes = nullptr;
    size_t size = 0;
    sent_ = SSL_early_callback_ctx_extension_get(hello, extension, &bytes, &size) == 1;
    if (!sent_ || size < prefix) return;
    bytes_ = bytes + prefix;
    size_ = size - prefix;
  }

  bool sent() const { return sent_; }
  bool Has(uint16_t value) const {
    for (size_t i = 0; i + 1 < size_; i += 2) {
      if ((bytes_[i] << 8 | bytes_[i + 1]) == value) return true;
    }
    return false;
  }

 private:
  bool sent_ = true;
  const uint8_t* bytes_ = nullptr;
  size_t size_ = 0;
};

// Whether the client can take our ECDSA certificate and has a suite that goes with it. TLS 1.3
// (RFC 8446 §4.2.3) ties curve and hash together in the signature algorithm, and its suites fit any
// certificate. TLS 1.2 (RFC 8422 §5.1.1) has the curve in the list of groups, where no list means
// any.
bool TakesEcdsa(const SSL_CLIENT_HELLO* hello, const Serving& serving) {
  const HelloList algorithms(hello, TLSEXT_TYPE_signature_algorithms, 2);
  const bool p256 = algorithms.Has(SSL_SIGN_ECDSA_SECP256R1_SHA256);
  const bool p384 = algorithms.Has(SSL_SIGN_ECDSA_SECP384R1_SHA384);
  if (HelloList(hello, TLSEXT_TYPE_supported_versions, 1).Has(TLS1_3_VERSION)) {
    return serving.ecdsa_curve == SSL_CURVE_SECP256R1 ? p256 : p384;
  }
  const HelloList groups(hello, TLSEXT_TYPE_supported_groups, 2);
  if (!(p256 || p384) || (groups.sent() && !groups.Has(serving.ecdsa_curve))) return false;
  const HelloList suites(hello->cipher_suites, hello->cipher_suites_len);
  return std::any_of(serving.ecdsa_suites.begin(), serving.ecdsa_suites.end(),
                     [&suites](uint16_t suite) { return suites.Has(suite); });
}

ssl_select_cert_result_t SelectCertificate(const SSL_CLIENT_HELLO* hello) {
  const Serving& serving = ServingOf(hello->ssl);
  if (serving.rsa != nullptr && !TakesEcdsa(hello, serving)) {
    SSL_set_SSL_CTX(hello->ssl, serving.rsa.get());
  }
  return ssl_select_cert_success;
}

// See SSL_CTX_set_tlsext_ticket_key_cb for its return values.
int TicketKey(SSL* ssl, uint8_t* name, uint8_t* iv, EVP_CIPHER_CTX* cipher, HMAC_CTX* mac,
              int encrypt) {
  TicketKeys& keys = ServingOf(ssl).tickets;
  const EVP_CIPHER* const aes = EVP_aes_256_cbc();
  if (encrypt == 1) {
    const TicketKeys::Key key = keys.ForSealing();
    std::copy(key.name.begin(), key.name.end(), name);
    RAND_bytes(iv, EVP_CIPHER_iv_length(aes));
    return EVP_EncryptInit_ex(cipher, aes, nullptr, key.aes.data(), iv) == 1 &&
                   HMAC_Init_ex(mac, key.mac.data(), key.mac.size(), EVP_sha256(), nullptr) == 1
               ? 1
               : -1;
  }
  bool newest = false;
  const std::optional<TicketKeys::Key> key = keys.ForOpening(name, newest);
  if (!key.has_value()) return 0;
  if (HMAC_Init_ex(mac, key->mac.data(), key->mac.size(), EVP_sha256(), nullptr) != 1 ||
      EVP_DecryptInit_ex(cipher, aes, nullptr, key->aes.data(), iv) != 1) {
    return -1;
  }
  return newest ? 1 : 2;
}

// A ticket names the policy that it was made under, and resumes under no other.
std::array<uint8_t, SHA256_DIGEST_LENGTH> NameOf(const CipherPolicy& policy) {
  const std::string text = absl::StrJoin(policy.suites(), ":");
  std::array<uint8_t, SHA256_DIGEST_LENGTH> name;
  static_assert(SHA256_DIGEST_LENGTH <= SSL_MAX_SID_CTX_LENGTH);
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), name.data());
  return name;
}

absl::StatusOr<bssl::UniquePtr<SSL_CTX>> NewContext(Serving& serving, Credentials::Kind kind) {
  ERR_clear_error();
  bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  if (context == nullptr) return absl::InternalError(absl::StrCat("SSL_CTX_new: ", TakeError()));
  SLUICE_RETURN_IF_ERROR(serving.policy.Apply(context.get()));
  SLUICE_RETURN_IF_ERROR(serving.credentials->Install(kind, context.get()));
  if (!serving.credentials->SignsInline(kind)) {
    SSL_CTX_set_private_key_method(context.get(), &SignerMethod());
  }
  // The server's order: the strongest suite that both have.
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);
  // Sessions live in tickets alone. No early data: it could be replayed (RFC 8446 §8), and it is
  // off unless switched on, as renegotiation is.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  const auto name = NameOf(serving.policy);
  SLUICE_CHECK(SSL_CTX_set_session_id_context(context.get(), name.data(), name.size()) == 1);
  SSL_CTX_set_num_tickets(context.get(), 1);
  const auto lifetime_s = static_cast<uint32_t>(absl::ToInt64Seconds(serving.tickets.lifetime()));
  SSL_CTX_set_timeout(context.get(), lifetime_s);
  SSL_CTX_set_session_psk_dhe_timeout(context.get(), lifetime_s);
  SSL_CTX_set_tlsext_ticket_key_cb(context.get(), TicketKey);
  SLUICE_CHECK(SSL_CTX_set_ex_data(context.get(), ServingIndex(), &serving) == 1);
  return context;
}

}  // namespace

ServerContext::ServerContext(const CipherPolicy& policy, TicketKeys& tickets, Signer& signer)
    : policy_(policy), tickets_(tickets), signer_(signer) {}

ServerContext::~ServerContext() = default;

absl::StatusOr<std::unique_ptr<ServerContext>> ServerContext::Create(
    const CipherPolicy& policy, std::shared_ptr<const Credentials> credentials, TicketKeys& tickets,
    Signer& signer) {
  std::unique_ptr<ServerContext> context(new ServerContext(policy, tickets, signer));
  SLUICE_RETURN_IF_ERROR(context->Reload(std::move(credentials)));
  return context;
}

absl::Status ServerContext::Reload(std::shared_ptr<const Credentials> credentials) {
  using Kind = Credentials::Kind;
  const auto serving = std::make_shared<Serving>(policy_, std::move(credentials), tickets_);
  if (serving->credentials->has(Kind::kRsa)) {
    SLUICE_ASSIGN_OR_RETURN(serving->rsa, NewContext(*serving, Kind::kRsa));
  }
  if (serving->credentials->has(Kind::kEcdsa)) {
    SLUICE_ASSIGN_OR_RETURN(serving->ecdsa, NewContext(*serving, Kind::kEcdsa));
    serving->ecdsa_curve = serving->credentials->curve();
    const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(serving->ecdsa.get());
    for (size_t i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
      const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
      if (SSL_CIPHER_get_auth_nid(cipher) != NID_auth_ecdsa) continue;
      serving->ecdsa_suites.push_back(SSL_CIPHER_get_protocol_id(cipher));
    }
    SSL_CTX_set_select_certificate_cb(serving->ecdsa.get(), SelectCertificate);
  }
  serving_ = serving;
  return absl::OkStatus();
}

}  // namespace sluice::tls
