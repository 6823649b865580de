// Where mail for a domain goes: the hosts and addresses to try, in order.
//
// A static route where one matches, else MX, else the domain itself (RFC 5321 §5.1). Never a way
// around policy: a lookup that fails defers, and what is demanded of the connection was decided by
// the recipient's domain before anything was looked up.
//
// Where this gateway is itself an MX host of the domain (a backup for it), only hosts that are
// preferred to it are tried (RFC 5321 §5.1): mail that it sent to itself would go round in circles.
#ifndef SLUICE_ENGINE_RELAY_NEXT_HOP_H_
#define SLUICE_ENGINE_RELAY_NEXT_HOP_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/dns/resolver.h"
#include "engine/io/core.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"
#include "engine/relay/dane.h"
#include "engine/relay/route_table.h"
#include "engine/relay/source_addresses.h"
#include "engine/smtp/client_result.h"

namespace sluice::relay {

// One address to try.
struct HopAddress {
  std::string host;  // as its certificate is to call it: the MX host's name, a route's host
  io::SocketAddress address;
  DaneHost dane;
};

struct NextHops {
  std::vector<HopAddress> addresses;
  // Hosts whose addresses could not be found, each with the reason; the others are tried.
  std::vector<std::string> unresolved;
  // One of those may be found another time: that the others refuse is then not the last word.
  bool may_come = false;
  // Set when there is nothing to try.
  std::optional<smtp::Failure> failure;
};

// A domain's next hop, before anything is looked up.
struct HopTarget {
  // The route's "host:port", or the domain. Mail with the same target may share a connection, so
  // far as policy allows.
  std::string name;
  bool by_mx = true;
  std::string host;  // the route's host, or the domain
  uint16_t port = 25;
  std::string own_name;  // of this gateway, as an MX record has it; empty: not looked for
  bool dane = true;      // what hosts announce of their certificates counts
  SourceAddresses source;  // the route's own (identity.h)
};

HopTarget HopTargetOf(const RouteTable& routes, absl::string_view domain, uint16_t mx_port,
                      absl::string_view own_name = "");

// By `deadline` at the latest; a host whose addresses nobody answers for leaves time to the others.
io::Task<NextHops> FindNextHops(io::Core& core, dns::Resolver& resolver, HopTarget target,
                                MonoTime deadline);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_NEXT_HOP_H_
