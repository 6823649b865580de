// SLUICE_PLANTED_BUG(name): where a mistake is planted that the simulation has to find.
//
//   if (!ours || SLUICE_PLANTED_BUG(kPlaintextOnSecondMx)) …
//
// It is the constant `false`, and leaves nothing behind, but in the builds that define
// SLUICE_PLANTED_BUGS (the sanitized one, as all are for tests alone): there a run of tests/sim can
// ask for one of the bugs that tests/sim/mutations/README.md lists.
#ifndef SLUICE_ENGINE_BASE_PLANTED_BUG_H_
#define SLUICE_ENGINE_BASE_PLANTED_BUG_H_

#ifdef SLUICE_PLANTED_BUGS

#include "absl/strings/string_view.h"

namespace sluice {

// The name of the bug that this run has; empty: none. Set once, before anything else runs.
void PlantBug(absl::string_view name);
bool IsPlanted(const char* name);

}  // namespace sluice

#define SLUICE_PLANTED_BUG(name) ::sluice::IsPlanted(#name)

#else

#define SLUICE_PLANTED_BUG(name) false

#endif

#endif  // SLUICE_ENGINE_BASE_PLANTED_BUG_H_
