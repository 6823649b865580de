// The history as a file that shows when it has been tampered with: JSON lines, the oldest entry first.
//
//   {"sluice_history": 1, "previous": "<hex>"}            the chain in front of the first entry
//   {"entry": {…}, "key": "<hex>", "row": "<base64>"}     as history_json.h has it, and as stored
//   …
//   {"end": {"entries": 123, "chain": "<hex>"}}           the chain behind the last one
//
// Times in an export are the queue's own (queue/spool.h): the wall's, unless the machine's clock was
// stepped. queue/history_chain.h says what the chain shows, and what it cannot show.
//
// One thread at a time.
#ifndef SLUICE_ENGINE_ADMIN_HISTORY_EXPORT_H_
#define SLUICE_ENGINE_ADMIN_HISTORY_EXPORT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "queue/history.h"

namespace sluice::admin {

class HistoryExportWriter {
 public:
  // Starts behind `previous` (queue::HistoryRows).
  explicit HistoryExportWriter(std::string previous) : chain_(std::move(previous)) {}

  // The first line too, when it is the first.
  void Append(const queue::HistoryRows::Row& row, std::string& out);
  void AppendEnd(std::string& out);

 private:
  void Begin(std::string& out);

  std::string chain_;
  bool begun_ = false;
  uint64_t entries_ = 0;
};

// Whether rows hang together.
class ChainVerifier {
 public:
  static constexpr size_t kMostFaults = 20;

  explicit ChainVerifier(std::string previous) : chain_(std::move(previous)) {}
  // In order. After a fault it goes on from what the row says of itself.
  void Add(absl::string_view key, absl::string_view row);

  bool intact() const { return fault_count_ == 0; }
  uint64_t entries() const { return entries_; }
  uint64_t unsealed() const { return unsealed_; }  // of a version before the chain
  const std::vector<std::string>& faults() const { return faults_; }  // the first kMostFaults
  const std::string& chain() const { return chain_; }

 private:
  std::string chain_;
  uint64_t entries_ = 0;
  uint64_t unsealed_ = 0;
  uint64_t fault_count_ = 0;
  std::vector<std::string> faults_;
};

// Whether an export is what was exported, line by line.
class ExportVerifier {
 public:
  // Without its line end. DataLoss says what is wrong with it, or from it on; nothing may follow.
  absl::Status AddLine(absl::string_view line);
  // Behind the last line: DataLoss when the end is missing.
  absl::Status End() const;

  uint64_t entries() const { return chain_.has_value() ? chain_->entries() : 0; }
  std::string chain() const { return chain_.has_value() ? chain_->chain() : ""; }

 private:
  std::optional<ChainVerifier> chain_;
  bool ended_ = false;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HISTORY_EXPORT_H_
