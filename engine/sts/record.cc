#include "engine/sts/record.h"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "absl/strings/ascii.h"
#include "engine/base/status_macros.h"
#include "engine/dns/text_record.h"

namespace sluice::sts {
namespace {

constexpr dns::TextRecordKind kKind{.version = "v=STSv1", .title = "MTA-STS"};
constexpr size_t kMostId = 32;

}  // namespace

absl::StatusOr<std::string> ReadPolicyId(const std::vector<std::string>& texts) {
  SLUICE_ASSIGN_OR_RETURN(const dns::TextRecord record, dns::FindTextRecord(texts, kKind));
  const auto malformed = [&record](absl::string_view why) {
    return dns::MalformedTextRecord(kKind, record.text, why);
  };
  std::optional<absl::string_view> id;
  for (const dns::TextField& field : record.fields) {
    if (!dns::IsFieldValue(field.value)) return malformed("has a part that is no name=value");
    if (field.name != "id") continue;
    if (id.has_value()) return malformed("has two ids");
    id = field.value;
    if (!IsPolicyId(*id)) return malformed("has an id that is not 1 to 32 letters and digits");
  }
  if (!id.has_value()) return malformed("has no id");
  return std::string(*id);
}

bool IsPolicyId(absl::string_view text) {
  return !text.empty() && text.size() <= kMostId &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); });
}

}  // namespace sluice::sts
