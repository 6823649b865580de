// What happened in a run, line by line: who said what, and when. Kept to the last so many lines, and
// told when a promise was broken, or all along where somebody wants to read it.
#ifndef SLUICE_TESTS_SIM_STORY_H_
#define SLUICE_TESTS_SIM_STORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/base/clock.h"

namespace sluice::sim {

class Story {
 public:
  static constexpr size_t kKept = 400;

  void Line(MonoTime at, absl::string_view line);
  // Writes each line to stderr as it comes.
  void set_aloud(bool aloud) { aloud_ = aloud; }
  // The last lines, oldest first.
  std::string Told() const;
  // Of all lines so far.
  uint64_t digest() const { return digest_; }

 private:
  std::deque<std::string> lines_;
  bool aloud_ = false;
  uint64_t digest_ = 14695981039346656037ULL;  // FNV-1a
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_STORY_H_
