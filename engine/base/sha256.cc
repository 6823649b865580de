#include "engine/base/sha256.h"

#include <openssl/sha.h>

#include <cstdint>

namespace sluice {

static_assert(kSha256Bytes == SHA256_DIGEST_LENGTH);

std::string Sha256(std::initializer_list<absl::string_view> parts) {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const absl::string_view part : parts) SHA256_Update(&context, part.data(), part.size());
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_Final(digest, &context);
  return std::string(reinterpret_cast<const char*>(digest), sizeof(digest));
}

}  // namespace sluice
