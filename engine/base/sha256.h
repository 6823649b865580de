// SHA-256 (FIPS 180-4), by the processor's instructions where it has them. Pure, thread-safe.
#ifndef SLUICE_ENGINE_BASE_SHA256_H_
#define SLUICE_ENGINE_BASE_SHA256_H_

#include <cstddef>
#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

inline constexpr size_t kSha256Bytes = 32;

// Of the parts as if they were one; kSha256Bytes octets.
std::string Sha256(std::initializer_list<absl::string_view> parts);

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_SHA256_H_
