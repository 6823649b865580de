#include "engine/sts/field_text.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace sluice::sts {
namespace {

constexpr size_t kMostName = 32;
constexpr size_t kMostId = 32;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

}  // namespace

bool IsFieldName(absl::string_view text) {
  return !text.empty() && text.size() <= kMostName && IsAlphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

bool IsPolicyId(absl::string_view text) {
  return !text.empty() && text.size() <= kMostId &&
         std::all_of(text.begin(), text.end(), IsAlphanumeric);
}

absl::string_view WithoutSpace(absl::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace sluice::sts
