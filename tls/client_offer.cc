#include "tls/client_offer.h"

#include <openssl/bio.h>
#include <openssl/bytestring.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"
#include "tls/openssl_error.h"

namespace sluice::tls {
namespace {

bool ReadList(CBS list, std::vector<uint16_t>& values) {
  while (CBS_len(&list) > 0) {
    uint16_t value = 0;
    if (CBS_get_u16(&list, &value) != 1) return false;
    values.push_back(value);
  }
  return true;
}

// RFC 8446 §4.1.2, in one record (§5.1).
bool ReadClientHello(CBS bytes, ClientOffer& offer) {
  constexpr size_t kRecordHeader = 5;
  constexpr size_t kHandshakeHeader = 4;
  constexpr size_t kVersionAndRandom = 2 + 32;
  CBS session_id, suites, compression, extensions;
  if (CBS_skip(&bytes, kRecordHeader + kHandshakeHeader + kVersionAndRandom) != 1 ||
      CBS_get_u8_length_prefixed(&bytes, &session_id) != 1 ||
      CBS_get_u16_length_prefixed(&bytes, &suites) != 1 || !ReadList(suites, offer.suites) ||
      CBS_get_u8_length_prefixed(&bytes, &compression) != 1 ||
      CBS_get_u16_length_prefixed(&bytes, &extensions) != 1) {
    return false;
  }
  while (CBS_len(&extensions) > 0) {
    uint16_t type = 0;
    CBS extension, list;
    if (CBS_get_u16(&extensions, &type) != 1 ||
        CBS_get_u16_length_prefixed(&extensions, &extension) != 1) {
      return false;
    }
    if (type == TLSEXT_TYPE_supported_groups) {
      if (CBS_get_u16_length_prefixed(&extension, &list) != 1 || !ReadList(list, offer.groups)) {
        return false;
      }
    } else if (type == TLSEXT_TYPE_supported_versions) {
      if (CBS_get_u8_length_prefixed(&extension, &list) != 1 || !ReadList(list, offer.versions)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<ClientOffer> OfferOf(ssl_ctx_st* context) {
  ERR_clear_error();
  const bssl::UniquePtr<SSL> ssl(SSL_new(context));
  if (ssl == nullptr) return absl::InternalError(absl::StrCat("SSL_new: ", TakeError()));
  BIO* const out = BIO_new(BIO_s_mem());  // the SSL's, but for its bytes
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), out);
  SSL_set_connect_state(ssl.get());
  SSL_do_handshake(ssl.get());  // says its hello, and then misses an answer
  ERR_clear_error();
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  CBS hello;
  ClientOffer offer;
  if (BIO_mem_contents(out, &bytes, &size) != 1) size = 0;
  CBS_init(&hello, bytes, size);
  if (!ReadClientHello(hello, offer)) {
    return absl::InternalError("BoringSSL made a ClientHello that cannot be read");
  }
  return offer;
}

}  // namespace sluice::tls
