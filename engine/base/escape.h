// Bytes from outside in forms that are safe to print: pure ASCII, no control characters, nothing
// that ends the quotes around it.
#ifndef SLUICE_ENGINE_BASE_ESCAPE_H_
#define SLUICE_ENGINE_BASE_ESCAPE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace sluice {

// C escapes for '"', '\' and everything outside printable ASCII: "\n", "\033", "\303\251".
void AppendCEscaped(absl::string_view bytes, std::string& out);

// A JSON string (RFC 8259 §7) without its quotes. What is no ASCII is read as UTF-8 and written as
// \uXXXX; bytes that are no UTF-8 become \ufffd.
void AppendJsonEscaped(absl::string_view bytes, std::string& out);

}  // namespace sluice

#endif  // SLUICE_ENGINE_BASE_ESCAPE_H_
