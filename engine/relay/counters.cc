#include "engine/relay/counters.h"

#include "engine/base/check.h"
#include "engine/smtp/stage.h"
#include "tls/failure.h"

namespace sluice::relay {

using smtp::kStages;

size_t FailureIndex(const smtp::Failure& failure) {
  return failure.tls_reason.has_value() ? kStages + static_cast<size_t>(*failure.tls_reason)
                                        : static_cast<size_t>(failure.stage);
}

std::string FailureWord(size_t index) {
  SLUICE_CHECK(index < kFailureWords);
  const absl::string_view word =
      index < kStages ? smtp::StageName(static_cast<smtp::Stage>(index))
                      : tls::ReasonName(static_cast<tls::Reason>(index - kStages));
  return std::string(word.data(), word.size());
}

}  // namespace sluice::relay
