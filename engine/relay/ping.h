// A STARTTLS ping: whether mail to a domain could be sent securely right now. It goes the way that a
// delivery goes, with the same code and under the same policy, and stops short of MAIL FROM.
#ifndef SLUICE_ENGINE_RELAY_PING_H_
#define SLUICE_ENGINE_RELAY_PING_H_

#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"
#include "engine/relay/control.h"
#include "engine/relay/lane.h"
#include "policy/entry.h"

namespace sluice::relay {

struct PingOrder {
  std::string domain;      // as compared (policy::NormalizeDomain)
  policy::EntryPtr entry;  // whose demands hold; null: whichever decides for the domain
  // Where set, these are tried instead of what DNS and routes say.
  std::vector<io::SocketAddress> addresses;
  // Mail waits for what comes of it: its sessions stand for those of deliveries (tls_session.h).
  bool for_mail = false;
};

// On the host's core. Every MX and address is tried, one after the other; those that the deadline
// leaves out stand in the result as such.
//
// A domain on no entry is held to what level `encrypt` demands: the ping is to say whether TLS could be
// enforced.
io::Task<PingResult> PingDomain(LaneHost& host, PingOrder order, MonoTime deadline);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_PING_H_
