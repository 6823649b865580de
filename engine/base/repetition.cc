#include "engine/base/repetition.h"

namespace sluice::log {

bool Repetition::Admit(int level, absl::string_view event, absl::string_view key, MonoTime now) {
  if (counts_.empty()) end_ = now + kWindow;
  std::pair<std::string, std::string> name(event, key);
  auto found = counts_.find(name);
  if (found == counts_.end()) {
    // Events are a few words of ours: their nameless keys do not count against the bound.
    if (counts_.size() >= kMostKeys) name.second.clear();
    found = counts_.try_emplace(std::move(name), Count{.level = level}).first;
  }
  Count& count = found->second;
  if (count.written < kMostAWindow) {
    ++count.written;
    return true;
  }
  ++count.held_back;
  return false;
}

std::vector<Repetition::HeldBack> Repetition::SumUp() {
  std::vector<HeldBack> held_back;
  for (const auto& [name, count] : counts_) {
    if (count.held_back == 0) continue;
    held_back.push_back({count.level, name.first, name.second, count.held_back});
  }
  counts_.clear();
  return held_back;
}

}  // namespace sluice::log
