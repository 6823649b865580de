#include "engine/dns/text_record.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sluice::dns {
namespace {

// Of a record, as it is shown.
constexpr size_t kMostShown = 200;
constexpr size_t kMostName = 32;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

// What is left of a record of this version behind its first ";".
std::optional<absl::string_view> FieldsOf(absl::string_view text, absl::string_view version) {
  if (!absl::ConsumePrefix(&text, version)) return std::nullopt;
  text = text.substr(std::min(text.find_first_not_of(" \t"), text.size()));
  if (!absl::ConsumePrefix(&text, ";")) return std::nullopt;
  return text;
}

}  // namespace

absl::StatusOr<TextRecord> FindTextRecord(const std::vector<std::string>& texts,
                                          const TextRecordKind& kind) {
  std::optional<absl::string_view> fields;
  TextRecord record;
  for (const std::string& text : texts) {
    const std::optional<absl::string_view> found = FieldsOf(text, kind.version);
    if (!found.has_value()) continue;
    if (fields.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("there are several ", kind.title, " records, and only one may be"));
    }
    fields = found;
    record.text = text;
  }
  if (!fields.has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no ", kind.title, " record"));
  }
  std::vector<absl::string_view> parts = absl::StrSplit(*fields, ';');
  if (parts.size() > 1 && WithoutSpace(parts.back()).empty()) parts.pop_back();
  for (const absl::string_view part : parts) {
    const absl::string_view field = WithoutSpace(part);
    const size_t equals = std::min(field.find('='), field.size());
    const TextField found{.name = field.substr(0, equals),
                          .value = field.substr(std::min(equals + 1, field.size()))};
    if (!IsFieldName(found.name) || found.value.empty()) {
      return MalformedTextRecord(kind, record.text, "has a part that is no name=value");
    }
    record.fields.push_back(found);
  }
  return record;
}

absl::Status MalformedTextRecord(const TextRecordKind& kind, absl::string_view text,
                                 absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the ", kind.title, " record \"", absl::CHexEscape(text.substr(0, kMostShown)), "\" ", why));
}

bool IsFieldName(absl::string_view text) {
  return !text.empty() && text.size() <= kMostName && IsAlphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlphanumeric(c) || c == '_' || c == '-' || c == '.'; });
}

bool IsFieldValue(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != ';' && c != '=';
  });
}

absl::string_view WithoutSpace(absl::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace sluice::dns
