#include "engine/admin/sha256.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "absl/strings/escaping.h"
#include "engine/base/check.h"

namespace sluice::admin {

std::string Sha256Hex(absl::string_view text) {
  char digest[32];
  SLUICE_CHECK(gnutls_hash_fast(GNUTLS_DIG_SHA256, text.data(), text.size(), digest) == 0);
  return absl::BytesToHexString(absl::string_view(digest, sizeof(digest)));
}

}  // namespace sluice::admin
