// A tally as it is kept over a restart (queue/key_codec.h, table tls_reports): a row for each
// domain and UTC day.
//
//   key   = day SP domain          day: "2026-04-01"
//   value = storage.DomainTally (tally.proto)
//
// Pure functions; thread-safe.
#ifndef SLUICE_ENGINE_TLSRPT_TALLY_CODEC_H_
#define SLUICE_ENGINE_TLSRPT_TALLY_CODEC_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "engine/tlsrpt/tally.h"

namespace sluice::tlsrpt {

// Whose tally it is. In the order of keys.
struct TallyKey {
  absl::CivilDay day;  // UTC
  std::string domain;  // A-labels, lower case

  friend bool operator==(const TallyKey&, const TallyKey&) = default;
  friend bool operator<(const TallyKey& a, const TallyKey& b) {
    return a.day != b.day ? a.day < b.day : a.domain < b.domain;
  }
};

absl::CivilDay DayOf(absl::Time time);
absl::Time BeginOf(absl::CivilDay day);

// "2026-04-01", and back: InvalidArgument for anything else.
std::string DayText(absl::CivilDay day);
absl::StatusOr<absl::CivilDay> ParseDay(absl::string_view text);

std::string EncodeKey(const TallyKey& key);
std::string EncodeTally(const DomainTally& tally);
// DataLoss: this is no such row.
absl::StatusOr<TallyKey> DecodeKey(absl::string_view key);
absl::StatusOr<DomainTally> DecodeTally(absl::string_view value);

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_TALLY_CODEC_H_
