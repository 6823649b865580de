#include "engine/admin/monitor_report.h"

#include <algorithm>

namespace sluice::admin {

void MonitorReport::Add(const queue::HistoryEntry& entry) {
  if (!entry.monitored) return;
  ++total_;
  const std::pair key(entry.domain, entry.direction);
  auto found = lines_.find(key);
  if (found == lines_.end()) {
    if (lines_.size() == kMostDomains) return;
    found = lines_.try_emplace(key).first;
    found->second.domain = entry.domain;
    found->second.direction = entry.direction;
    found->second.last_at = absl::InfinitePast();
  }
  Line& line = found->second;
  ++line.count;
  ++line.by_reason[entry.reason.empty() ? entry.stage : entry.reason];
  if (entry.time <= line.last_at) return;
  line.last_at = entry.time;
  line.last_detail = entry.detail;
  line.entry = entry.entry;
}

std::vector<MonitorReport::Line> MonitorReport::Lines(size_t most) const {
  std::vector<Line> lines;
  lines.reserve(lines_.size());
  for (const auto& [key, line] : lines_) lines.push_back(line);
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.count > b.count; });
  if (lines.size() > most) lines.resize(most);
  return lines;
}

}  // namespace sluice::admin
