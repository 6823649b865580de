// The header of a message in a body of chunks, as far as it is of interest here: up to the empty
// line, whole lines, and of a long one the beginning.
//
// Pure functions, thread-safe.
#ifndef SLUICE_ENGINE_SMTP_MESSAGE_HEADER_H_
#define SLUICE_ENGINE_SMTP_MESSAGE_HEADER_H_

#include <cstddef>
#include <string>

#include "engine/io/chunk.h"

namespace sluice::smtp {

// At most `most_bytes` of it.
std::string HeaderOf(const io::Body& body, size_t most_bytes);

// How far the header is looked through for one field.
inline constexpr size_t kSearchedHeaderBytes = 16 * 1024;

// "TLS-Required: No" (RFC 8689 §3) stands in the header, once. What stands there in any other way,
// or further down, is not seen, which leaves the stricter handling in force.
bool SaysTlsRequiredNo(const io::Body& body);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_MESSAGE_HEADER_H_
