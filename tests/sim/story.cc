#include "tests/sim/story.h"

#include <cstdio>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace sluice::sim {

void Story::Line(MonoTime at, absl::string_view line) {
  // Days, hours, minutes, seconds and microseconds since the beginning.
  const int64_t us = at.nanos() / 1000;
  std::string text = absl::StrFormat("%dd %02d:%02d:%02d.%06d  %s", us / 86'400'000'000,
                                     us / 3'600'000'000 % 24, us / 60'000'000 % 60,
                                     us / 1'000'000 % 60, us % 1'000'000, line);
  for (const char c : text) {
    digest_ = (digest_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  if (aloud_) std::fprintf(stderr, "%s\n", text.c_str());
  lines_.push_back(std::move(text));
  if (lines_.size() > kKept) lines_.pop_front();
}

std::string Story::Told() const { return absl::StrJoin(lines_, "\n"); }

}  // namespace sluice::sim
