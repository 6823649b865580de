// Entries of the list for the tests of this folder, by the names of their fields
// (policy/entry_field.h).
//
//   table_ = *policy::Table::Load({EntryOf({{"pattern", "example.com"}, {"mode", "off"}})}, 1);
#ifndef SLUICE_TESTS_RELAY_TEST_ENTRIES_H_
#define SLUICE_TESTS_RELAY_TEST_ENTRIES_H_

#include <initializer_list>
#include <utility>

#include "gtest/gtest.h"
#include "policy/entry_field.h"

namespace sluice::relay {

using Fields = std::initializer_list<std::pair<const char*, const char*>>;

// Fails the test where a field or its value is none.
inline policy::Entry EntryOf(Fields fields) {
  policy::Entry entry;
  for (const auto& [name, value] : fields) {
    const absl::Status set = policy::SetField(name, value, entry);
    EXPECT_TRUE(set.ok()) << name << "=" << value << ": " << set;
  }
  return entry;
}

}  // namespace sluice::relay

#endif  // SLUICE_TESTS_RELAY_TEST_ENTRIES_H_
