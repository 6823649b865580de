#include "bench/guard/relay_world.h"

#include <stdlib.h>

#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/guard/section.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/io/simulation/simulated_core.h"
#include "tests/relay/fake_resolver.h"

namespace sluice::guard {
namespace {

constexpr char kGatewayIp[] = "10.0.0.1";
constexpr char kOutsideIp[] = "10.2.0.1";
constexpr char kNextHopIp[] = "10.3.0.1";
constexpr char kNextHopName[] = "mx.next.example";
constexpr absl::Duration kRest = absl::Milliseconds(100);

// As near to nothing as the simulation's network comes: whole segments, no room for chance.
io::Link GoodLink() {
  io::Link link;
  link.least_latency = link.most_latency = absl::Microseconds(100);
  link.most_segment = size_t{1} << 20;
  link.window = size_t{1} << 20;
  return link;
}

policy::Transaction FirstList(absl::Time now) {
  policy::Transaction transaction;
  transaction.author = {.at = now, .by = "guard"};
  policy::Change& change = transaction.changes.emplace_back();
  change.kind = policy::Change::Kind::kPut;
  change.entry.pattern = *policy::Pattern::Parse("next.example");
  return transaction;
}

}  // namespace

RelayWorld::RelayWorld(NextHop next_hop)
    : next_hop_(next_hop),
      outside_(io::SimulatedProcess::New(simulation_, network_, "outside",
                                         *io::SocketAddress::FromIp(kOutsideIp, 0))),
      outside_signer_(outside_.NewExecutor("signer", 1, io::Urgency::kBackground)),
      outside_engine_(*outside_.StartEngine({.cores = 1})),
      ciphers_(*tls::CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL")),
      signer_(*outside_signer_),
      tickets_(simulation_.clock(), absl::Hours(12)),
      gateway_process_(io::SimulatedProcess::New(simulation_, network_, "gateway",
                                                 *io::SocketAddress::FromIp(kGatewayIp, 0))),
      more_wanted_(outside_engine_->core(0)) {
  // A line is made and goes nowhere.
  log::SetSink([](log::Level /*level*/, absl::string_view /*line*/) {});
  network_.set_weather([](const io::SocketAddress& /*from*/, const io::SocketAddress& to) {
    io::Link link = GoodLink();
    // (What listens nowhere would be refused, and tried again.)
    if (to.port() == 26) link.connect = io::Link::Connect::kBlackHole;
    return link;
  });
  MakeCertificates();
  StartGateway();
  io::Core& core = outside_engine_->core(0);
  if (next_hop_ == NextHop::kTakesMail) {
    absl::StatusOr<std::unique_ptr<io::Listener>> listener =
        core.Listen(*io::SocketAddress::FromIp(kNextHopIp, 25));
    SLUICE_CHECK(listener.ok());
    core.Spawn(AcceptVisits(core, *std::move(listener)));
  }
  core.Spawn(BeClient(core));
}

void RelayWorld::MakeCertificates() {
  char directory[] = "/tmp/sluice-guard-XXXXXX";
  SLUICE_CHECK(mkdtemp(directory) != nullptr);
  const tls::TestAuthority root("Guard Root");
  trust_store_ = tls::WriteTestFile(directory, "roots.pem", root.certificate_pem());
  const auto issue = [&](const std::string& name) {
    return tls::WriteTestCredentials(directory, name,
                                     root.Issue({.common_name = name, .dns_names = {name}}));
  };
  gateway_files_ = {issue("gw.example")};
  next_hop_context_ = *tls::ServerContext::Create(
      ciphers_, *tls::Credentials::Load({issue(kNextHopName)}), tickets_, signer_);
  client_context_ = *tls::ClientContext::Create(ciphers_, *tls::TrustStore::Load(trust_store_),
                                                simulation_.clock());
}

relay::GatewayOptions RelayWorld::Options() {
  relay::GatewayOptions options;
  options.version = "guard";
  relay::Settings& settings = options.settings;
  settings.hostname = "gw.example";
  settings.listen = {*io::SocketAddress::FromIp(kGatewayIp, 25)};
  settings.relay_networks = *relay::NetworkSet::Parse("10.2.0.0/16");
  settings.retries = std::make_shared<const queue::RetryTimetable>(
      *queue::RetryTimetable::Parse("5m,10m,20m,40m,80m,160m,3h"));
  settings.smtp_port = next_hop_ == NextHop::kTakesMail ? 25 : 26;
  settings.connect_timeout = absl::Minutes(10);
  options.spool.data_dir = "/var/lib/sluice";
  options.spool.env = disk_.env();
  // Room for all that is sent: what is written to files in the background is not counted.
  options.spool.memory_bytes = size_t{256} << 20;
  options.start_resolver = [] {
    auto resolver = std::make_unique<relay::FakeResolver>();
    resolver->SetMx("next.example", {{10, kNextHopName}});
    resolver->SetAddresses(kNextHopName, {kNextHopIp});
    return absl::StatusOr<std::unique_ptr<dns::Resolver>>(std::move(resolver));
  };
  options.ciphers = ciphers_;
  options.credential_files = gateway_files_;
  options.trust_store = trust_store_;
  return options;
}

// main(), in a simulated process.
void RelayWorld::StartGateway() {
  gateway_process_.StartThread([this] {
    gateway_ = *relay::Gateway::Start(Options(), gateway_process_);
    const absl::StatusOr<relay::PolicyResult> listed =
        gateway_->ApplyPolicy(FirstList(simulation_.clock().WallNow()), relay::DryRun::kNo,
                              simulation_.Now() + absl::Minutes(1));
    SLUICE_CHECK(listed.ok() && listed->faults.empty());
    gateway_runs_ = true;
  });
  RunUntil([this] { return gateway_runs_; });
  std::filesystem::remove_all(std::filesystem::path(trust_store_).parent_path());
}

void RelayWorld::RunUntil(const std::function<bool()>& done) {
  while (!done()) SLUICE_CHECK(simulation_.Step());
}

void RelayWorld::Send(int messages) {
  wanted_ += messages;
  more_wanted_.NotifyAll();
  RunUntil([this] {
    return accepted_ == wanted_ && (next_hop_ != NextHop::kTakesMail || delivered_ == wanted_);
  });
  const MonoTime rested = simulation_.Now() + kRest;
  simulation_.At(rested, [] {});
  RunUntil([&] { return simulation_.Now() >= rested; });
}

void RelayWorld::CountGateway() {
  StartCounting();
  simulation_.set_watcher([this, counts = false](io::Simulation::Actor* running) mutable {
    // Cores, and what else runs: outside of the gateway there is but the core.
    auto* const core = dynamic_cast<io::SimulatedCore*>(running);
    const bool gateway =
        running != nullptr && (core == nullptr || &core->process() == &gateway_process_);
    if (gateway != std::exchange(counts, gateway)) CALLGRIND_TOGGLE_COLLECT;
  });
}

}  // namespace sluice::guard
