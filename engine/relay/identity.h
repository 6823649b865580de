// What this gateway shows of itself to a next hop: the address that its connections come from, and
// its certificate, where the server asks for one.
//
//   const Identity identity = IdentityOf(settings, target, policy);
//   if (auto failure = identity.Missing(context)) …              // not to be had: not without it
//   to.source = identity.source.For(to.remote);
//   demand.client_certificate = identity.client_certificate;
//   if (failed.has_value()) identity.Explain(to.remote, *failed);
//
// The most specific says it, and all of it: the entry that decides for the domain, else the static
// route (which has no certificate), else the flag. Where that names no address of the family that
// the next hop's has, the system chooses one (as with Postfix's smtp_bind_address and
// smtp_bind_address6); no other level is asked, and no other address is tried where one cannot be
// had: partners let in whom they know. A certificate that the flags do not have (any more) keeps
// mail back likewise. An entry shows what it names in mode monitor too, and nothing when it is off.
//
// A value.
#ifndef SLUICE_ENGINE_RELAY_IDENTITY_H_
#define SLUICE_ENGINE_RELAY_IDENTITY_H_

#include <optional>
#include <string>

#include "engine/io/socket_address.h"
#include "engine/relay/next_hop.h"
#include "engine/relay/outbound_policy.h"
#include "engine/relay/settings.h"
#include "engine/relay/source_addresses.h"
#include "engine/smtp/client_result.h"
#include "tls/context.h"

namespace sluice::relay {

struct Identity {
  SourceAddresses source;
  std::string source_of;  // who names it: "entry *.example.com", "route mail.internal:25",
                          // "--source_address"; empty: nobody

  std::string client_certificate;  // its name; empty: none
  // "entry *.example.com", "--default_client_certificate"; empty: nobody.
  std::string client_certificate_of;

  // Why the certificate cannot be shown, as the failure that it is: of no fault of the server's.
  std::optional<smtp::Failure> Missing(const tls::ClientContext& context) const;
  // Where a connection to `remote` could not be made: from which address, and who wants it so.
  void Explain(const io::SocketAddress& remote, smtp::Failure& failure) const;
};

Identity IdentityOf(const Settings& settings, const HopTarget& target,
                    const OutboundPolicy& policy);

// The name of a lane. Mail shares a connection only under the same: next hop, demand, and what is
// shown of this gateway there.
std::string LaneKeyOf(const HopTarget& target, const OutboundPolicy& policy);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_IDENTITY_H_
