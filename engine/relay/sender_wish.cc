#include "engine/relay/sender_wish.h"

#include <utility>

#include "engine/smtp/reply.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {

OutboundPolicy WithWishOf(const queue::Envelope& envelope, OutboundPolicy policy) {
  policy.tls_optional = envelope.tls_optional;
  policy.require_tls = envelope.require_tls && !envelope.sender.empty();
  if (!policy.require_tls) return policy;
  policy.force = OutboundPolicy::Force::kMust;
  return policy;
}

std::optional<smtp::Failure> Unmet(const OutboundPolicy& policy, const smtp::SessionFacts& facts) {
  if (!policy.require_tls || facts.capabilities.require_tls) return std::nullopt;
  smtp::Failure failure;
  failure.stage = smtp::Stage::kPostEhlo;
  failure.kind = smtp::Failure::Kind::kPermanent;
  failure.reply = smtp::Reply{550, smtp::EnhancedStatus{5, 7, 30},
                              "the message requires REQUIRETLS, which the server does not offer"};
  failure.local = true;
  failure.detail = "no REQUIRETLS in the EHLO reply inside TLS";
  return failure;
}

}  // namespace sluice::relay
