#include "engine/relay/rate.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::relay {
namespace {

constexpr int64_t kMostCount = 1'000'000;
constexpr absl::Duration kBucket = absl::Milliseconds(100);

// "1m", "90s", and the bare units.
bool ParsePeriod(absl::string_view text, absl::Duration& period) {
  if (text.size() == 1 && absl::ascii_isalpha(static_cast<unsigned char>(text[0]))) {
    return absl::ParseDuration(absl::StrCat("1", text), &period);
  }
  return absl::ParseDuration(text, &period);
}

}  // namespace

absl::StatusOr<Rate> Rate::Parse(absl::string_view text) {
  Rate rate;
  const size_t slash = text.find('/');
  const bool read = slash != absl::string_view::npos &&
                    absl::SimpleAtoi(text.substr(0, slash), &rate.count) &&
                    ParsePeriod(absl::StripAsciiWhitespace(text.substr(slash + 1)), rate.per);
  if (!read || rate.count < 1 || rate.count > kMostCount || rate.per < absl::Seconds(1) ||
      rate.per > absl::Hours(24)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is no rate; a rate is a number from 1 to ", kMostCount,
                     " and a time from 1s to 24h, such as 100/1m, 5/s, 20000/24h"));
  }
  return rate;
}

RateLimit::RateLimit(std::optional<Rate> rate, size_t share) {
  SLUICE_CHECK(share > 0);
  if (!rate.has_value()) return;
  each_ = rate->per / rate->count * static_cast<int64_t>(share);
  ahead_ = std::max(kBucket - each_, absl::ZeroDuration());
}

MonoTime RateLimit::Next(MonoTime now) const {
  if (each_ == absl::ZeroDuration()) return now;
  return std::max(now, full_at_ + -ahead_);
}

void RateLimit::Take(MonoTime now) {
  if (each_ == absl::ZeroDuration()) return;
  full_at_ = std::max(full_at_, now) + each_;
}

}  // namespace sluice::relay
