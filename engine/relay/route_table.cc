#include "engine/relay/route_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"
#include "engine/io/socket_address.h"
#include "policy/domain_name.h"
#include "policy/source_address.h"

namespace sluice::relay {
namespace {

constexpr absl::string_view kAccepted =
    "a route is domain=host:port, such as example.com=mail.internal:25, "
    "*.example.com=192.0.2.7:25, "
    "*=[2001:db8::7]:25; ' from 192.0.2.1' behind it names the address that connections come from";

absl::StatusOr<std::string> ParseHost(absl::string_view host) {
  if (const auto ip = io::SocketAddress::FromIp(host, 0); ip.ok()) return ip->ip();
  return policy::NormalizeDomain(host);
}

}  // namespace

std::string Route::next_hop() const {
  const bool v6 = absl::StrContains(host, ':');
  return absl::StrCat(v6 ? "[" : "", host, v6 ? "]" : "", ":", port);
}

absl::StatusOr<Route> RouteTable::ParseRoute(absl::string_view text) {
  const auto fault = [text](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "': ", what));
  };
  const size_t equals = text.find('=');
  if (equals == absl::string_view::npos) return fault(kAccepted);
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text.substr(equals + 1), absl::MaxSplits(" from", 1));
  const absl::string_view hop = absl::StripAsciiWhitespace(parts.first);
  const bool has_source = parts.first.size() < text.size() - equals - 1;
  const size_t colon = hop.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || absl::EndsWith(hop, "]") ||
      !absl::SimpleAtoi(hop.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return fault(absl::StrCat("no port from 1 to 65535 at the end; ", kAccepted));
  }
  Route route;
  route.port = static_cast<uint16_t>(port);
  absl::StatusOr<policy::Pattern> pattern =
      policy::Pattern::Parse(absl::StripAsciiWhitespace(text.substr(0, equals)));
  if (!pattern.ok()) return fault(pattern.status().message());
  route.pattern = *std::move(pattern);
  absl::StatusOr<std::string> host = ParseHost(hop.substr(0, colon));
  if (!host.ok()) return fault(host.status().message());
  route.host = *std::move(host);
  const absl::StatusOr<std::vector<std::string>> source =
      policy::ParseSourceAddresses(parts.second);
  if (!source.ok()) return fault(source.status().message());
  if (has_source && source->empty()) return fault("no address behind 'from'");
  route.source = SourceAddresses::Of(*source);
  return route;
}

std::vector<Route> RouteTable::ParseFile(absl::string_view content,
                                         std::vector<std::string>& faults) {
  std::vector<Route> routes;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(content, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    absl::StatusOr<Route> route = ParseRoute(line);
    if (route.ok()) {
      routes.push_back(*std::move(route));
    } else {
      faults.push_back(absl::StrCat("line ", number, ": ", route.status().message()));
    }
  }
  return routes;
}

absl::StatusOr<RouteTable> RouteTable::Build(std::vector<Route> routes) {
  std::sort(routes.begin(), routes.end(),
            [](const Route& a, const Route& b) { return a.pattern < b.pattern; });
  RouteTable table;
  table.routes_ = std::move(routes);
  std::vector<policy::Trie::Rule> rules;
  for (size_t i = 0; i < table.routes_.size(); ++i) {
    const policy::Pattern& pattern = table.routes_[i].pattern;
    if (i > 0 && pattern == table.routes_[i - 1].pattern) {
      return absl::InvalidArgumentError(
          absl::StrCat("two routes for ", pattern.text(), ": ", table.routes_[i - 1].next_hop(),
                       " and ", table.routes_[i].next_hop(), "; keep one"));
    }
    rules.push_back({&pattern, policy::Trie::kFirst, static_cast<uint32_t>(i)});
  }
  SLUICE_ASSIGN_OR_RETURN(table.trie_, policy::Trie::Build(rules));
  return table;
}

const Route* RouteTable::Find(absl::string_view domain) const {
  const auto match = trie_.Lookup(policy::LookupName(domain), policy::Trie::kFirst);
  return match.has_value() ? &routes_[match->value] : nullptr;
}

}  // namespace sluice::relay
