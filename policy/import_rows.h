// Gathers the rows of an import and their faults: what the CSV and JSON readers have in common.
// Included by them alone. One thread.
#ifndef SLUICE_POLICY_IMPORT_ROWS_H_
#define SLUICE_POLICY_IMPORT_ROWS_H_

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "policy/entry.h"
#include "policy/import_export.h"

namespace sluice::policy {

class ImportRows {
 public:
  // Adds a fault and is true when the text is larger than an import may be.
  bool TooLarge(absl::string_view text);
  void AddFault(int line, std::string reason);
  // A row with the faults of its fields; without any, the entry as a whole is checked.
  void Add(int line, Entry entry, std::vector<std::string> faults);
  bool full() const { return imported_.faults.size() >= kMaxFaults; }
  Imported Take() &&;

 private:
  Imported imported_;
  absl::flat_hash_map<std::string, int> line_of_;  // by pattern
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_IMPORT_ROWS_H_
