// Entries of the list as the API writes and reads them. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_ENTRY_JSON_H_
#define SLUICE_ENGINE_ADMIN_ENTRY_JSON_H_

#include <vector>

#include "nlohmann/json_fwd.hpp"
#include "policy/entry.h"
#include "policy/table.h"

namespace sluice::admin {

nlohmann::ordered_json EntryToJson(const policy::Entry& entry);

// Sets the fields that `object` has; what the list records is passed over. Every other member that
// is no field, or has a value that is none of its field, is a fault, line 0.
std::vector<policy::Fault> ReadFields(const nlohmann::ordered_json& object, policy::Entry& entry);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_ENTRY_JSON_H_
