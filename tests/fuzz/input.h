// What libFuzzer hands to a target, as text. Each target is one function:
//
//   extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
//     const absl::string_view text = sluice::InputText(data, size);
//     … SLUICE_CHECK what its header promises …
//     return 0;
//   }
#ifndef SLUICE_TESTS_FUZZ_INPUT_H_
#define SLUICE_TESTS_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"  // IWYU pragma: export

namespace sluice {

inline absl::string_view InputText(const uint8_t* data, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(data), size);
}

inline bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isprint(static_cast<unsigned char>(c)); });
}

inline bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
}

}  // namespace sluice

#endif  // SLUICE_TESTS_FUZZ_INPUT_H_
