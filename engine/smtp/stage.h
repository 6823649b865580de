// How far an outbound connection came: the steps in their order, in the words of the history.
#ifndef SLUICE_ENGINE_SMTP_STAGE_H_
#define SLUICE_ENGINE_SMTP_STAGE_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace sluice::smtp {

enum class Stage : uint8_t {
  kDns,
  kConnect,
  kBanner,
  kEhlo,
  kStarttls,
  kHandshake,
  kVerify,    // the certificate
  kPostEhlo,  // EHLO inside TLS
  kMail,
  kRcpt,
  kData,
  kBody,
  kFinal,  // the reply to the body
};
inline constexpr size_t kStages = static_cast<size_t>(Stage::kFinal) + 1;

// "dns", "connect", …, "post_ehlo", "mail", …
absl::string_view StageName(Stage stage);

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_STAGE_H_
