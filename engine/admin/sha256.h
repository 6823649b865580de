// SHA-256 (FIPS 180-4), by GnuTLS. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_SHA256_H_
#define SLUICE_ENGINE_ADMIN_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace sluice::admin {

// 64 lower-case hex digits.
std::string Sha256Hex(absl::string_view text);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_SHA256_H_
