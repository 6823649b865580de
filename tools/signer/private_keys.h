// The private keys of the signer process, and the three things that it does with them (protocol.h):
// sign, decrypt, load. Nothing gives a key away.
//
// On OpenSSL's libcrypto, which makes RSA signatures more than twice as fast as BoringSSL where the
// processor has AVX-512 IFMA.
//
// Thread-safe.
#ifndef SLUICE_TOOLS_SIGNER_PRIVATE_KEYS_H_
#define SLUICE_TOOLS_SIGNER_PRIVATE_KEYS_H_

#include <map>
#include <memory>
#include <mutex>

#include "tls/signer/protocol.h"

struct evp_pkey_st;

namespace sluice::signer {

class PrivateKeys {
 public:
  Response Perform(const Request& request);

 private:
  using Key = std::shared_ptr<evp_pkey_st>;
  using Table = std::map<KeyId, Key>;

  std::shared_ptr<const Table> table();
  Response Load(const Request& request);

  std::mutex loading_;  // one load at a time
  std::mutex mutex_;    // of table_, which is replaced as a whole
  std::shared_ptr<const Table> table_ = std::make_shared<Table>();
};

}  // namespace sluice::signer

#endif  // SLUICE_TOOLS_SIGNER_PRIVATE_KEYS_H_
