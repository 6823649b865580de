// What enforcement would have done: of the history, for each domain and direction, how many messages
// an entry in monitor mode would have had deferred or refused, and why. So that enforcement can be
// switched on without surprises.
//
//   MonitorReport report;
//   for (const queue::HistoryEntry& entry : page.entries) report.Add(entry);
//   for (const MonitorReport::Line& line : report.Lines(100)) …
//
// Memory is bounded: a domain that comes when kMostDomains are being told apart is counted in the sum
// alone. One thread.
#ifndef SLUICE_ENGINE_ADMIN_MONITOR_REPORT_H_
#define SLUICE_ENGINE_ADMIN_MONITOR_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "queue/history.h"

namespace sluice::admin {

class MonitorReport {
 public:
  static constexpr size_t kMostDomains = 100'000;

  struct Line {
    std::string domain;
    queue::Direction direction = queue::Direction::kOutbound;
    std::string entry;  // the last one that decided
    uint64_t count = 0;
    std::map<std::string, uint64_t> by_reason;  // of TLS, or the stage where there is none
    absl::Time last_at;
    std::string last_detail;
  };

  // Entries that are not monitored are passed over. In any order.
  void Add(const queue::HistoryEntry& entry);
  uint64_t total() const { return total_; }
  size_t domains() const { return lines_.size(); }
  // Those with most first.
  std::vector<Line> Lines(size_t most) const;

 private:
  uint64_t total_ = 0;
  std::map<std::pair<std::string, queue::Direction>, Line> lines_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_MONITOR_REPORT_H_
