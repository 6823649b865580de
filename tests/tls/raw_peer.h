// A peer that nobody here wrote the rules of: a bare BoringSSL endpoint, set up by each test as
// old, as weak or as odd as it wants to be. Looks like a Session, so that both fit into a Wire.
#ifndef SLUICE_TESTS_TLS_RAW_PEER_H_
#define SLUICE_TESTS_TLS_RAW_PEER_H_

#include <openssl/ssl.h>

#include <string>

#include "absl/strings/string_view.h"
#include "tests/tls/test_certificates.h"
#include "tls/session.h"

namespace sluice::tls {

class RawPeer {
 public:
  using Progress = Session::Progress;

  // A client that accepts any certificate, and a server that shows `certificate`. Both speak
  // TLS 1.0 to 1.3 with all that BoringSSL has, until context() is told otherwise.
  static RawPeer Client();
  static RawPeer Server(const TestCertificate& certificate);

  SSL_CTX* context() { return context_.get(); }
  // Made at its first use.
  SSL* ssl();

  void Feed(absl::string_view bytes);
  void FeedEnd() {}
  bool has_unread_input();
  std::string& output();
  Progress Handshake();

  void Encrypt(absl::string_view bytes);
  std::string Decrypt();
  const std::string& error() const { return error_; }

 private:
  explicit RawPeer(bool server);

  bool server_;
  bssl::UniquePtr<SSL_CTX> context_;
  bssl::UniquePtr<SSL> ssl_;
  BIO* in_ = nullptr;   // the SSL's
  BIO* out_ = nullptr;  // the SSL's
  std::string output_;
  std::string error_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TESTS_TLS_RAW_PEER_H_
