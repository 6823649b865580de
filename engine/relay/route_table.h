// Static routes: which next hop takes the mail of a domain, where that is not left to its MX
// records (--route and --routes_file).
//
//   example.com=mail.internal:25        that domain
//   *.example.com=192.0.2.7:2525        every domain below it
//   .example.com=[2001:db8::7]:25       both
//   *=smarthost.example.net:587         all the rest
//   b.example=mail.b.example:25 from 192.0.2.7 2001:db8::7
//                                       … with connections that come from these addresses, at most
//                                       one of each family (relay/identity.h)
//
// The patterns and their order are those of the enforced-TLS list (policy/pattern.h). A routes file
// has one route a line; empty lines and lines that begin with '#' are skipped.
//
// Immutable once built; thread-safe.
#ifndef SLUICE_ENGINE_RELAY_ROUTE_TABLE_H_
#define SLUICE_ENGINE_RELAY_ROUTE_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "engine/relay/source_addresses.h"
#include "policy/pattern.h"
#include "policy/trie.h"

namespace sluice::relay {

struct Route {
  policy::Pattern pattern;
  std::string host;  // a name (A-labels) or an IP address without brackets
  uint16_t port = 25;
  SourceAddresses source;

  std::string next_hop() const;  // "mail.internal:25", "[2001:db8::7]:25"
};

class RouteTable {
 public:
  RouteTable() = default;

  // One "pattern=host:port", perhaps with " from ADDRESS…". InvalidArgument says what is wrong and
  // what is accepted.
  static absl::StatusOr<Route> ParseRoute(absl::string_view text);
  // The routes of a file; what is wrong is added to `faults`, each with its line.
  static std::vector<Route> ParseFile(absl::string_view content,
                                      std::vector<std::string>& faults);
  // InvalidArgument when a pattern is there twice.
  static absl::StatusOr<RouteTable> Build(std::vector<Route> routes);

  // Null: by MX. `domain` in any case.
  const Route* Find(absl::string_view domain) const;

 private:
  std::vector<Route> routes_;
  policy::Trie trie_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_ROUTE_TABLE_H_
