#include "policy/import_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sluice::policy {

void ImportRows::AddFault(int line, std::string reason) {
  imported_.faults.push_back({line, std::move(reason)});
}

void ImportRows::Add(int line, Entry entry, std::vector<std::string> faults) {
  if (faults.empty()) {
    const std::string text = entry.pattern.text();
    const auto [first, is_new] = line_of_.try_emplace(text, line);
    if (!is_new) {
      faults.push_back(absl::StrCat(text, " is there twice, first in line ", first->second));
    }
    for (std::string& fault : Validate(entry)) faults.push_back(std::move(fault));
  }
  for (std::string& fault : faults) AddFault(line, std::move(fault));
  if (imported_.faults.empty()) {
    imported_.changes.push_back({Change::Kind::kPut, std::move(entry), line});
  }
}

Imported ImportRows::Take() && {
  if (!imported_.faults.empty()) imported_.changes.clear();
  if (imported_.faults.size() > kMaxFaults) imported_.faults.resize(kMaxFaults);
  return std::move(imported_);
}

bool ImportRows::TooLarge(absl::string_view text) {
  if (text.size() <= kMaxImportOctets) return false;
  AddFault(0, absl::StrCat("the file has ", text.size(), " octets, at most ", kMaxImportOctets,
                           " are allowed"));
  return true;
}

}  // namespace sluice::policy
