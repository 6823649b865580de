#include "engine/smtp/dsn_words.h"

#include <utility>

#include "engine/base/check.h"

namespace sluice::smtp {

const DsnWords& WordsIn(Language language) {
  switch (language) {
    case Language::kEnglish:
      return EnglishWords();
    case Language::kGerman:
      return GermanWords();
  }
  SLUICE_CHECK(false);
}

RoundDuration RoundDuration::Of(absl::Duration duration) {
  const std::pair<absl::Duration, Unit> units[] = {{absl::Hours(24), Unit::kDay},
                                                   {absl::Hours(1), Unit::kHour},
                                                   {absl::Minutes(1), Unit::kMinute}};
  for (const auto& [length, unit] : units) {
    const int64_t count = duration / length;
    if (count >= 2 || (count == 1 && duration % length == absl::ZeroDuration())) {
      return {unit, count};
    }
  }
  return {Unit::kMinute, duration >= absl::Minutes(1) ? 1 : 0};
}

}  // namespace sluice::smtp
