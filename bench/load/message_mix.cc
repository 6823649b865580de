#include "bench/load/message_mix.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"

namespace sluice::bench {
namespace {

constexpr size_t kLine = 80;             // with its CRLF
constexpr size_t kBlock = 1024 * kLine;  // said over and over in a longer message

}  // namespace

absl::StatusOr<size_t> ParseSize(absl::string_view text) {
  const std::string lower = absl::AsciiStrToLower(text);
  absl::string_view digits = lower;
  size_t unit = 1;
  if (absl::ConsumeSuffix(&digits, "kib")) {
    unit = 1024;
  } else if (absl::ConsumeSuffix(&digits, "mib")) {
    unit = 1024 * 1024;
  }
  size_t value = 0;
  if (!absl::SimpleAtoi(digits, &value) || value > MessageMix::kLargest / unit) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a size; write 2048, 10KiB or 1MiB, up to 256MiB"));
  }
  return value * unit;
}

absl::StatusOr<MessageMix> MessageMix::Parse(absl::string_view text) {
  MessageMix mix;
  double all = 0;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(part, absl::MaxSplits(':', 1));
    SLUICE_ASSIGN_OR_RETURN(const size_t octets, ParseSize(halves.first));
    double weight = 1;
    if (!halves.second.empty() && (!absl::SimpleAtod(halves.second, &weight) || !(weight > 0))) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", part, "': the weight behind ':' is a number above 0"));
    }
    if (octets < kSmallest) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", part, "': a message has at least ", kSmallest, " bytes"));
    }
    all += weight;
    mix.kinds_.push_back({octets, all});
  }
  Random random(1);
  mix.lines_.reserve(kBlock);
  while (mix.lines_.size() < kBlock) {
    for (size_t i = 0; i + 2 < kLine; ++i) {
      mix.lines_.push_back(i % 9 == 8 ? ' ' : static_cast<char>('a' + random.Below(26)));
    }
    mix.lines_ += "\r\n";
  }
  return mix;
}

size_t MessageMix::Draw(Random& random) const {
  if (kinds_.size() == 1) return kinds_.front().octets;
  const double at = random.Unit() * kinds_.back().up_to;
  return std::find_if(kinds_.begin(), kinds_.end() - 1,
                      [at](const Kind& kind) { return at < kind.up_to; })
      ->octets;
}

std::vector<absl::string_view> MessageMix::Text(size_t octets) const {
  std::vector<absl::string_view> pieces;
  size_t left = octets - 2;
  while (left > 0) {
    // What is left over for the last piece ends within a line; its CRLF follows.
    const size_t n = std::min(left, lines_.size());
    pieces.push_back(absl::string_view(lines_).substr(0, n));
    left -= n;
  }
  // A line that was cut behind its CR would end in CR CR LF.
  if (!pieces.empty() && absl::EndsWith(pieces.back(), "\r")) {
    pieces.back().remove_suffix(1);
    pieces.push_back(absl::string_view(lines_).substr(0, 1));
  }
  pieces.push_back("\r\n");
  return pieces;
}

}  // namespace sluice::bench
