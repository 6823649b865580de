// How to mend what a STARTTLS ping found: one sentence of advice for each way to fail.
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_PING_HINT_H_
#define SLUICE_ENGINE_ADMIN_PING_HINT_H_

#include "absl/strings/string_view.h"
#include "engine/relay/control.h"

namespace sluice::admin {

// Empty for a target that is valid.
absl::string_view HintFor(const relay::PingTarget& target);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PING_HINT_H_
