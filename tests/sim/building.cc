// How the world of a run is put together: the gateway's options, the hosts, the weather.
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "tests/sim/dns.h"
#include "tests/sim/world.h"

namespace sluice::sim {
namespace {

// `Server`: NextHop or PolicyServer.
template <typename Server>
io::Task<void> AcceptVisits(io::Core& core, std::unique_ptr<io::Listener> listener,
                            Server& server) {
  while (true) {
    absl::StatusOr<std::unique_ptr<io::Connection>> connection = co_await listener->Accept();
    if (!connection.ok()) break;  // stopped
    core.Spawn(server.Serve(core, *std::move(connection)));
  }
  co_await listener->Close();
}

}  // namespace

relay::GatewayOptions World::Options() {
  relay::GatewayOptions options;
  options.version = "simulated";
  relay::Settings& settings = options.settings;
  settings.hostname = "gw.example";
  settings.listen = {*io::SocketAddress::Parse("10.0.0.1:25")};
  settings.relay_networks = *relay::NetworkSet::Parse("10.2.0.0/16");
  std::vector<relay::Route> routes;
  for (const Domain& domain : town_.domains()) {
    if (domain.static_route == nullptr) continue;
    routes.push_back(*relay::RouteTable::ParseRoute(
        absl::StrCat(domain.name, "=", domain.static_route->name, ":25")));
  }
  settings.routes = *relay::RouteTable::Build(std::move(routes));
  settings.retries = std::make_shared<const queue::RetryTimetable>(
      *queue::RetryTimetable::Parse(scenario_.retry_schedule));
  settings.queue_lifetime = scenario_.lifetime;
  settings.queue_look = absl::Seconds(20);
  settings.delay_notices = scenario_.delay_notices;
  settings.mta_sts = scenario_.mta_sts;
  settings.tls_expiry_action =
      scenario_.bounce ? relay::TlsExpiryAction::kBounce : relay::TlsExpiryAction::kDelete;
  if (scenario_.tight) {
    settings.max_sessions = Scenario::kTightSessions;
    settings.lane_backlog = 2;
    settings.lane_connections = 2;
    settings.connection_messages = 2;
    settings.connection_max_age = absl::Minutes(1);
    settings.destination_rate = relay::Rate{30, absl::Minutes(1)};
    settings.destination_connection_rate = relay::Rate{20, absl::Minutes(1)};
    settings.max_body_memory = Scenario::kTightBodyMemory;
  }
  options.engine.cores = scenario_.cores;
  options.spool.data_dir = "/var/lib/sluice";
  options.spool.env = disk_->env();
  options.spool.lease = scenario_.lease;
  options.spool.memory_bytes = size_t{8} << 20;
  options.start_resolver = [this]() -> absl::StatusOr<std::unique_ptr<dns::Resolver>> {
    return std::make_unique<SimulatedResolver>(simulation_, town_, ledger_, scenario_.bad_lookups,
                                               trouble_);
  };
  options.ciphers = town_.ciphers();
  options.credential_files = town_.gateway_credentials();
  options.trust_store = town_.trust_store();
  options.mta_sts_trust_store = town_.trust_store();
  return options;
}

void World::ListenEverywhere() {
  io::Core& core = outside_engine_->core(0);
  const auto listen = [this, &core](const io::SocketAddress& address, auto& server) {
    absl::StatusOr<std::unique_ptr<io::Listener>> listener = core.Listen(address);
    SLUICE_CHECK(listener.ok());
    listeners_.push_back(listener->get());
    core.Spawn(AcceptVisits(core, *std::move(listener), server));
  };
  for (const auto& host : town_.hosts()) {
    next_hops_.push_back(
        std::make_unique<NextHop>(simulation_, *host, ledger_, scenario_.bad_visits, trouble_));
    listen(host->address, *next_hops_.back());
  }
  for (const auto& site : town_.sites()) {
    policy_servers_.push_back(std::make_unique<PolicyServer>(simulation_, *site, ledger_));
    listen(site->address, *policy_servers_.back());
  }
}

io::Link World::Weather(const io::SocketAddress& from, const io::SocketAddress& to) {
  io::Link link;
  Random& random = simulation_.random();
  const Host* const host = town_.FindHost(to);
  const PolicySite* const site = town_.FindSite(to);
  if ((host != nullptr && !host->up) || (site != nullptr && !site->up)) {
    link.connect = random.Below(2) == 0 ? io::Link::Connect::kRefused
                                        : io::Link::Connect::kBlackHole;
  }
  // Cut at every byte, in small pieces, or as a good network does.
  static constexpr size_t kSegments[] = {1, 7, 100, 1400, 16384};
  link.most_segment = kSegments[random.Below(5)];
  static constexpr size_t kWindows[] = {512, 4096, 65536, 262144};
  link.window = kWindows[random.Below(4)];
  link.reset_on_close = random.Below(8) == 0;
  if (!trouble_ || scenario_.bad_links == 0 || !simulation_.OneIn(scenario_.bad_links)) return link;
  Fault();
  const auto some_bytes = [&random] { return random.Below(random.Below(2) == 0 ? 400 : 6000); };
  io::Link::Fate& fate = random.Below(2) == 0 ? link.outward : link.inward;
  switch (random.Below(6)) {
    case 0:
      link.connect = io::Link::Connect::kBlackHole;
      break;
    case 1:
      link.connect = io::Link::Connect::kRefused;
      break;
    case 2:
      fate.resets_after = some_bytes();
      break;
    case 3:
      fate.stalls_after = some_bytes();
      break;
    case 4:
      fate.stalls_after = some_bytes();
      fate.stall = simulation_.Between(absl::Seconds(1), absl::Minutes(15));
      break;
    default:
      fate.drip = simulation_.Between(absl::Milliseconds(100), absl::Seconds(20));
      link.most_segment = 1 + random.Below(20);
      break;
  }
  simulation_.Tell(absl::StrCat("a bad link from ", from.ToString(), " to ", to.ToString()));
  return link;
}

}  // namespace sluice::sim
