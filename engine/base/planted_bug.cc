#include "engine/base/planted_bug.h"

#ifdef SLUICE_PLANTED_BUGS

#include <string>

namespace sluice {
namespace {

std::string& Planted() {
  static auto* const name = new std::string;
  return *name;
}

}  // namespace

void PlantBug(absl::string_view name) { Planted() = std::string(name); }
bool IsPlanted(const char* name) { return !Planted().empty() && Planted() == name; }

}  // namespace sluice

#endif  // SLUICE_PLANTED_BUGS
