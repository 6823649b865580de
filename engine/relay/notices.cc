#include "engine/relay/notices.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sluice::relay {

smtp::Notify NotifyOf(const queue::Recipient& recipient) {
  if (!recipient.notify.has_value()) return smtp::Notify();
  return smtp::Notify::Parse(*recipient.notify).value_or(smtp::Notify());
}

smtp::DsnRecipient DsnRecipientOf(const queue::Recipient& recipient) {
  smtp::DsnRecipient result;
  result.address = recipient.address;
  if (recipient.orcpt.has_value()) {
    result.original = smtp::DecodeOrcpt(*recipient.orcpt).value_or("");
  }
  return result;
}

int DelaysDue(const std::vector<absl::Duration>& delay_notices, absl::Duration age) {
  return static_cast<int>(std::count_if(delay_notices.begin(), delay_notices.end(),
                                        [age](absl::Duration at) { return at <= age; }));
}

absl::StatusOr<std::vector<absl::Duration>> ParseDelayNotices(absl::string_view text) {
  std::vector<absl::Duration> ages;
  if (absl::StripAsciiWhitespace(text).empty()) return ages;
  for (const absl::string_view word : absl::StrSplit(text, ',')) {
    absl::Duration age;
    if (!absl::ParseDuration(absl::StripAsciiWhitespace(word), &age) || age < absl::Seconds(1)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word, "' is no age of a second or more, such as 4h"));
    }
    if (!ages.empty() && age <= ages.back()) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", word, "' is not later than the age in front of it"));
    }
    ages.push_back(age);
  }
  return ages;
}

}  // namespace sluice::relay
