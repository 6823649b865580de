#include "engine/sts/record.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/sts/field_text.h"

namespace sluice::sts {
namespace {

// Of a record, as it is shown.
constexpr size_t kMostShown = 200;

// What is left of a record of this version behind its "v=STSv1", from the ";" on.
std::optional<absl::string_view> FieldsOf(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "v=STSv1")) return std::nullopt;
  while (absl::StartsWith(text, " ") || absl::StartsWith(text, "\t")) text.remove_prefix(1);
  if (!absl::ConsumePrefix(&text, ";")) return std::nullopt;
  return text;
}

bool IsValue(absl::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != ';' && c != '=';
  });
}

absl::Status Malformed(absl::string_view record, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the MTA-STS record \"", absl::CHexEscape(record.substr(0, kMostShown)), "\" ", why));
}

}  // namespace

absl::StatusOr<std::string> ReadPolicyId(const std::vector<std::string>& texts) {
  std::optional<absl::string_view> fields;
  absl::string_view record;
  for (const std::string& text : texts) {
    const std::optional<absl::string_view> found = FieldsOf(text);
    if (!found.has_value()) continue;
    if (fields.has_value()) {
      return absl::InvalidArgumentError("there are several MTA-STS records, and only one may be");
    }
    fields = found;
    record = text;
  }
  if (!fields.has_value()) return absl::NotFoundError("there is no MTA-STS record");

  std::optional<absl::string_view> id;
  std::vector<absl::string_view> parts = absl::StrSplit(*fields, ';');
  if (parts.size() > 1 && WithoutSpace(parts.back()).empty()) parts.pop_back();
  for (const absl::string_view part : parts) {
    const absl::string_view field = WithoutSpace(part);
    const size_t equals = field.find('=');
    if (equals == absl::string_view::npos || !IsFieldName(field.substr(0, equals)) ||
        !IsValue(field.substr(equals + 1))) {
      return Malformed(record, "has a part that is no name=value");
    }
    if (field.substr(0, equals) != "id") continue;
    if (id.has_value()) return Malformed(record, "has two ids");
    id = field.substr(equals + 1);
    if (!IsPolicyId(*id)) {
      return Malformed(record, "has an id that is not 1 to 32 letters and digits");
    }
  }
  if (!id.has_value()) return Malformed(record, "has no id");
  return std::string(*id);
}

}  // namespace sluice::sts
