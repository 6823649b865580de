#include "tests/tls/raw_peer.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "engine/base/check.h"

namespace sluice::tls {

RawPeer::RawPeer(bool server) : server_(server), context_(SSL_CTX_new(TLS_method())) {
  SLUICE_CHECK(SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION) == 1);
  SLUICE_CHECK(SSL_CTX_set_max_proto_version(context_.get(), TLS1_3_VERSION) == 1);
}

RawPeer RawPeer::Client() {
  RawPeer peer(/*server=*/false);
  SSL_CTX_set_custom_verify(peer.context(), SSL_VERIFY_PEER,
                            [](SSL*, uint8_t*) { return ssl_verify_ok; });
  return peer;
}

RawPeer RawPeer::Server(const TestCertificate& certificate) {
  RawPeer peer(/*server=*/true);
  const auto reader = [](const std::string& pem) {
    return bssl::UniquePtr<BIO>(BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  };
  const auto chain = reader(certificate.certificate_pem);
  bool first = true;
  while (bssl::UniquePtr<X509> one{PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)}) {
    SLUICE_CHECK((first ? SSL_CTX_use_certificate(peer.context(), one.get())
                        : SSL_CTX_add1_chain_cert(peer.context(), one.get())) == 1);
    first = false;
  }
  ERR_clear_error();
  const auto key_reader = reader(certificate.key_pem);
  const bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(key_reader.get(), nullptr, nullptr, nullptr));
  SLUICE_CHECK(SSL_CTX_use_PrivateKey(peer.context(), key.get()) == 1);
  return peer;
}

SSL* RawPeer::ssl() {
  if (ssl_ == nullptr) {
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    server_ ? SSL_set_accept_state(ssl_.get()) : SSL_set_connect_state(ssl_.get());
  }
  return ssl_.get();
}

void RawPeer::Feed(absl::string_view bytes) {
  ssl();
  SLUICE_CHECK(BIO_write(in_, bytes.data(), static_cast<int>(bytes.size())) ==
               static_cast<int>(bytes.size()));
}

// What is fed is copied: it can always take more.
bool RawPeer::has_unread_input() { return false; }

std::string& RawPeer::output() {
  ssl();
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  SLUICE_CHECK(BIO_mem_contents(out_, &bytes, &size) == 1);
  output_.append(reinterpret_cast<const char*>(bytes), size);
  BIO_reset(out_);
  return output_;
}

RawPeer::Progress RawPeer::Handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl());
  if (done == 1) return Progress::kDone;
  if (SSL_get_error(ssl(), done) == SSL_ERROR_WANT_READ) return Progress::kNeedInput;
  const char* const reason = ERR_reason_error_string(ERR_peek_error());
  error_ = reason == nullptr ? "" : reason;
  ERR_clear_error();
  return Progress::kFailed;
}

void RawPeer::Encrypt(absl::string_view bytes) {
  ERR_clear_error();
  SLUICE_CHECK(SSL_write(ssl(), bytes.data(), static_cast<int>(bytes.size())) ==
               static_cast<int>(bytes.size()));
}

std::string RawPeer::Decrypt() {
  std::string text;
  char buffer[4096];
  while (true) {
    ERR_clear_error();
    const int n = SSL_read(ssl(), buffer, sizeof(buffer));
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  ERR_clear_error();
  return text;
}

}  // namespace sluice::tls
