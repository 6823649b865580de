// What a context really offers, read from the bytes of a ClientHello that is made from it: the
// library has no other way to tell its TLS 1.3 suites and its groups. For the startup check of
// CipherPolicy.
#ifndef SLUICE_TLS_CLIENT_OFFER_H_
#define SLUICE_TLS_CLIENT_OFFER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

struct ssl_ctx_st;

namespace sluice::tls {

// IANA's numbers, in the order of the ClientHello.
struct ClientOffer {
  std::vector<uint16_t> suites;
  std::vector<uint16_t> groups;
  std::vector<uint16_t> versions;
};

absl::StatusOr<ClientOffer> OfferOf(ssl_ctx_st* context);

}  // namespace sluice::tls

#endif  // SLUICE_TLS_CLIENT_OFFER_H_
