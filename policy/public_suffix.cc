#include "policy/public_suffix.h"

#include <libpsl.h>

#include "absl/strings/str_cat.h"

namespace sluice::policy {

std::string WidthWarning(const Pattern& pattern) {
  switch (pattern.kind()) {
    case Pattern::Kind::kExact:
      return "";
    case Pattern::Kind::kAny:
      return "* takes in every domain there is";
    case Pattern::Kind::kBelow:
    case Pattern::Kind::kSelfAndBelow:
      break;
  }
  // The list's own data: never null in Debian's libpsl, and where it were there is no warning.
  const psl_ctx_t* const list = psl_builtin();
  if (list == nullptr || psl_is_public_suffix(list, pattern.domain().c_str()) == 0) return "";
  return absl::StrCat(pattern.text(), " takes in every domain under ", pattern.domain(),
                      ", which is a public suffix: those of many organisations");
}

}  // namespace sluice::policy
