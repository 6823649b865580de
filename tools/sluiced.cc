// The daemon: flags in, a Gateway and its control socket up, signals until the end.
//
// Exit status: 0 after a drain that was asked for (or --check, --print_ciphers without a fault); 1 when
// it cannot start; 2 for a configuration with faults, each on a line of its own on stderr.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/admin/server.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/io/machine.h"
#include "engine/relay/gateway.h"
#include "tls/cipher_policy.h"
#include "tools/daemon_config.h"
#include "tools/huge_page_heap.h"
#include "tools/sluiced_flags.h"

namespace sluice {
namespace {

constexpr char kUsage[] =
    "SMTP relay gateway that enforces TLS, domain by domain.\n\n"
    "  sluiced --flagfile=FILE          run as the file says (tools/sluice.flags documents each flag)\n"
    "  sluiced --check --flagfile=FILE  report every fault of the configuration, and exit\n"
    "  sluiced --print_ciphers          show which ciphers are approved, and exit\n\n"
    "Signals: SIGTERM and SIGINT end it when running transactions have finished (--drain_timeout);\n"
    "SIGHUP reads the certificates anew.";

constexpr int kCannotStart = 1;
constexpr int kFaultyConfiguration = 2;

int PrintCiphers() {
  const absl::StatusOr<tls::CipherPolicy> policy =
      tls::CipherPolicy::Parse(absl::GetFlag(FLAGS_tls_ciphers));
  if (!policy.ok()) {
    std::cerr << "sluiced: --tls_ciphers: " << policy.status().message() << "\n";
    return kFaultyConfiguration;
  }
  std::cout << policy->Describe();
  return 0;
}

int ReportFaults(const std::vector<std::string>& faults) {
  std::cerr << "sluiced: the configuration has " << faults.size()
            << (faults.size() == 1 ? " fault:\n" : " faults:\n");
  for (const std::string& fault : faults) std::cerr << "  " << log::Printable(fault) << "\n";
  return kFaultyConfiguration;
}

// A session is a descriptor: what the system allows is used. Clients get half of it, so that
// however many they are, the store, the next hops and the administration find theirs.
void ShareOutDescriptors(relay::GatewayOptions& gateway) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t for_clients = limit.rlim_max / 2 / static_cast<rlim_t>(gateway.engine.cores);
  int& most = gateway.settings.max_sessions;
  if (for_clients >= static_cast<rlim_t>(most)) return;
  log::Info("fewer_sessions",
            {{"max_sessions", most},
             {"instead", for_clients},
             {"because", "the limit of descriptors is low: raise it (ulimit -Hn, LimitNOFILE=)"},
             {"descriptors", limit.rlim_max}});
  most = static_cast<int>(for_clients);
}

// Blocked here, before any thread is there, so that they come to WaitForSignal() alone.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

int Serve(DaemonConfig config) {
  log::Configure(config.log_level, config.log_format);
  ShareOutDescriptors(config.gateway);
  const sigset_t signals = BlockSignals();

  absl::StatusOr<std::unique_ptr<relay::Gateway>> gateway =
      relay::Gateway::Start(std::move(config.gateway), io::RealMachine());
  if (!gateway.ok()) {
    std::cerr << "sluiced: " << log::Printable(gateway.status().message()) << "\n";
    return kCannotStart;
  }
  absl::StatusOr<std::unique_ptr<admin::Server>> admin =
      admin::Server::Start(config.admin, **gateway, SystemClock());
  if (!admin.ok()) {
    std::cerr << "sluiced: " << log::Printable(admin.status().message()) << "\n";
    return kCannotStart;
  }
  log::Info("started", {{"version", kVersion},
                        {"listen", absl::StrJoin((*gateway)->listeners(), ",")},
                        {"control_socket", config.admin.socket.path},
                        {"admin_listen", absl::StrJoin((*admin)->listeners(), ",")},
                        {"entries", (*gateway)->PolicyList()->size()}});
  while (true) {
    int number = 0;
    if (sigwait(&signals, &number) != 0) continue;
    if (number != SIGHUP) {
      log::Info("draining", {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
      break;
    }
    for (const absl::Status& reloaded :
         {(*gateway)->ReloadCertificates("SIGHUP", SystemClock().MonoNow() + absl::Seconds(10)),
          (*admin)->ReloadCertificate()}) {
      if (!reloaded.ok()) log::Error("reload_failed", {{"error", reloaded.message()}});
    }
  }
  (*gateway)->Drain();
  (*admin)->Stop();
  gateway->reset();
  log::Info("stopped");
  return 0;
}

int Main(int argc, char** argv) {
  absl::SetProgramUsageMessage(kUsage);
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::cerr << "sluiced: '" << log::Printable(rest[1])
              << "' is no flag; everything is said with flags, --help lists them\n";
    return kFaultyConfiguration;
  }
  if (absl::GetFlag(FLAGS_print_ciphers)) return PrintCiphers();
  std::vector<std::string> faults;
  std::optional<DaemonConfig> config = ReadConfig(faults);
  if (!config.has_value()) return ReportFaults(faults);
  if (absl::GetFlag(FLAGS_check)) {
    std::cout << "The configuration has no fault.\n";
    return 0;
  }
  return Serve(*std::move(config));
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  sluice::UseHugePages();
  const int status = sluice::Main(argc, argv);
  sluice::log::Flush();
  return status;
}
