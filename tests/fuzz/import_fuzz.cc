// Files of the list (policy/import_export.h), each input read as CSV and as JSON: what is taken is
// valid, stands for what the file says, and comes back the same from an export.
#include <string>
#include <vector>

#include "policy/entry.h"
#include "policy/import_export.h"
#include "tests/fuzz/input.h"

namespace sluice::policy {
namespace {

void CheckFaults(absl::string_view text, const Imported& imported) {
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  SLUICE_CHECK(imported.faults.size() <= kMaxFaults);
  int last = 0;
  for (const Fault& fault : imported.faults) {
    SLUICE_CHECK(fault.line >= 1 && fault.line <= lines && fault.line >= last);
    SLUICE_CHECK(!fault.reason.empty());
    last = fault.line;
  }
  SLUICE_CHECK(imported.faults.empty() || imported.changes.empty());
}

void CheckSame(const Imported& before, const Imported& after) {
  SLUICE_CHECK(after.faults.empty() && after.changes.size() == before.changes.size());
  for (size_t i = 0; i < before.changes.size(); ++i) {
    SLUICE_CHECK(after.changes[i].entry == before.changes[i].entry);
  }
}

void Check(absl::string_view text, const Imported& imported) {
  CheckFaults(text, imported);
  if (!imported.faults.empty()) return;
  std::string csv = CsvHeader();
  std::string json = "[";
  for (const Change& change : imported.changes) {
    SLUICE_CHECK(change.kind == Change::Kind::kPut);
    SLUICE_CHECK(Validate(change.entry).empty());
    AppendCsv(change.entry, csv);
    if (json.size() > 1) json += ",\n";
    AppendJson(change.entry, json);
  }
  json += "]";
  CheckSame(imported, ImportCsv(csv));
  CheckSame(imported, ImportJson(json));
}

}  // namespace
}  // namespace sluice::policy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = sluice::InputText(data, size);
  sluice::policy::Check(text, sluice::policy::ImportCsv(text));
  sluice::policy::Check(text, sluice::policy::ImportJson(text));
  return 0;
}
