// Entries of the list as they stand on disk (policy/entry_codec.h): a line of the key, then the
// row. What can be read is a valid entry of that key, and is written the same again.
#include <string>

#include "policy/entry.h"
#include "policy/entry_codec.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::policy;
  const absl::string_view input = sluice::InputText(data, size);
  const size_t end_of_key = std::min(input.find('\n'), input.size());
  const absl::string_view key = input.substr(0, end_of_key);
  const absl::string_view row = input.substr(std::min(end_of_key + 1, input.size()));
  const absl::StatusOr<Entry> entry = DecodeEntry(key, row);
  if (!entry.ok()) {
    SLUICE_CHECK(absl::IsDataLoss(entry.status()));
    return 0;
  }
  SLUICE_CHECK(entry->pattern.text() == key);
  SLUICE_CHECK(Validate(*entry).empty());
  const absl::StatusOr<Entry> again = DecodeEntry(key, EncodeEntry(*entry));
  SLUICE_CHECK(again.ok() && *again == *entry);
  return 0;
}
