#include "engine/smtp/stage.h"

#include <array>

namespace sluice::smtp {

absl::string_view StageName(Stage stage) {
  static constexpr std::array<absl::string_view, kStages> kNames = {
      "dns",       "connect", "banner", "ehlo", "starttls", "handshake", "verify",
      "post_ehlo", "mail",    "rcpt",   "data", "body",     "final"};
  return kNames[static_cast<size_t>(stage)];
}

}  // namespace sluice::smtp
