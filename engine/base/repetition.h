// Which of many like lines of the log are written: of one event about one key (an address, say) the
// first kMostAWindow of each window; how many more there were is told once, when it is over.
//
//   if (repetition.Admit(level, "handshake_failed", "192.0.2.1", now)) …write the line…
//   if (repetition.Over(now)) for (const Repetition::HeldBack& line : repetition.SumUp()) …
//
// A window begins with the first line in it. Memory is bounded, and with it what a peer with a
// million addresses can write: keys beyond kMostKeys in a window count as one, which has no name.
// Thread-compatible.
#ifndef SLUICE_ENGINE_BASE_REPETITION_H_
#define SLUICE_ENGINE_BASE_REPETITION_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::log {

class Repetition {
 public:
  static constexpr absl::Duration kWindow = absl::Minutes(1);
  static constexpr int kMostAWindow = 10;
  static constexpr size_t kMostKeys = 1000;

  struct HeldBack {
    int level;
    std::string event;
    std::string key;  // empty: those that found no room
    uint64_t lines;
  };

  // `level` is what SumUp() tells the lines under.
  bool Admit(int level, absl::string_view event, absl::string_view key, MonoTime now);

  // The window is over, and there was something in it.
  bool Over(MonoTime now) const { return !counts_.empty() && now >= end_; }

  // Ends the window: what was held back in it.
  std::vector<HeldBack> SumUp();

 private:
  struct Count {
    int level;
    int written = 0;
    uint64_t held_back = 0;
  };

  std::map<std::pair<std::string, std::string>, Count> counts_;  // by event and key
  MonoTime end_;
};

}  // namespace sluice::log

#endif  // SLUICE_ENGINE_BASE_REPETITION_H_
