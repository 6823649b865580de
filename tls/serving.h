// What a ServerContext serves at the moment, shared with the sessions that began with it. For the
// .cc files of this folder.
#ifndef SLUICE_TLS_SERVING_H_
#define SLUICE_TLS_SERVING_H_

#include <openssl/ssl.h>

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tls/context.h"

namespace sluice::tls {

struct ServerContext::Serving {
  Serving(const CipherPolicy& with_policy, std::shared_ptr<const Credentials> with_credentials,
          TicketKeys& with_tickets)
      : policy(with_policy), credentials(std::move(with_credentials)), tickets(with_tickets) {}

  const CipherPolicy policy;
  const std::shared_ptr<const Credentials> credentials;
  TicketKeys& tickets;
  bssl::UniquePtr<SSL_CTX> ecdsa;  // either may be missing, not both
  bssl::UniquePtr<SSL_CTX> rsa;
  // What a client must offer for the ECDSA certificate: its curve, and in TLS 1.2 one of the
  // suites.
  uint16_t ecdsa_curve = 0;
  std::vector<uint16_t> ecdsa_suites;

  SSL_CTX* first() const { return ecdsa != nullptr ? ecdsa.get() : rsa.get(); }
};

// Client sessions by where they were made and what was demanded; the least recently used one goes
// first. One core.
class ClientContext::Cache {
 public:
  void Put(const std::string& key, bssl::UniquePtr<SSL_SESSION> session);
  // A session that may be used once (TLS 1.3) is taken out.
  bssl::UniquePtr<SSL_SESSION> Get(const std::string& key);
  void Erase(const std::string& key);

 private:
  struct Item {
    std::string key;
    bssl::UniquePtr<SSL_SESSION> session;
  };
  std::list<Item> items_;  // most recently used first
  std::unordered_map<std::string, std::list<Item>::iterator> by_key_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_SERVING_H_
