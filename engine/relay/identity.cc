#include "engine/relay/identity.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

void AddSource(const Settings& settings, const HopTarget& target, const OutboundPolicy& policy,
               Identity& identity) {
  if (!policy.source.empty()) {
    identity.source = policy.source;
    identity.source_of = absl::StrCat("entry ", policy.pattern);
  } else if (!target.source.empty()) {
    identity.source = target.source;
    identity.source_of = absl::StrCat("route ", target.name);
  } else if (!settings.source.empty()) {
    identity.source = settings.source;
    identity.source_of = "--source_address";
  }
}

void AddCertificate(const Settings& settings, const OutboundPolicy& policy, Identity& identity) {
  if (!policy.client_certificate.empty()) {
    identity.client_certificate = policy.client_certificate;
    identity.client_certificate_of = absl::StrCat("entry ", policy.pattern);
  } else if (!settings.client_certificate.empty()) {
    identity.client_certificate = settings.client_certificate;
    identity.client_certificate_of = "--default_client_certificate";
  }
}

}  // namespace

std::optional<smtp::Failure> Identity::Missing(const tls::ClientContext& context) const {
  if (client_certificate.empty() || context.HasCertificate(client_certificate)) return std::nullopt;
  smtp::Failure failure;
  failure.stage = smtp::Stage::kConnect;
  failure.detail =
      absl::StrCat("not connected: ", client_certificate_of, " names the client certificate ",
                   client_certificate, ", which --client_certificate does not have");
  return failure;
}

void Identity::Explain(const io::SocketAddress& remote, smtp::Failure& failure) const {
  const std::optional<io::SocketAddress> from = source.For(remote);
  if (failure.stage != smtp::Stage::kConnect || !from.has_value()) return;
  absl::StrAppend(&failure.detail, " (the source address ", from->ip(), " is that of ", source_of,
                  ")");
}

Identity IdentityOf(const Settings& settings, const HopTarget& target,
                    const OutboundPolicy& policy) {
  Identity identity;
  AddSource(settings, target, policy, identity);
  AddCertificate(settings, policy, identity);
  return identity;
}

std::string LaneKeyOf(const HopTarget& target, const OutboundPolicy& policy) {
  // The entry's are in the policy's digest, and the flags' are the same for all.
  const std::string source =
      target.source.empty() ? "" : absl::StrCat(" from ", target.source.ToString());
  return absl::StrCat(target.name, source, " ", policy.Digest());
}

}  // namespace sluice::relay
