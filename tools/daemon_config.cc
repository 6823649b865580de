#include "tools/daemon_config.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/clock.h"
#include "engine/dns/unbound_resolver.h"
#include "engine/io/executor.h"
#include "engine/io/machine.h"
#include "engine/io/uring_core.h"
#include "engine/relay/notices.h"
#include "engine/relay/source_addresses.h"
#include "engine/relay/tls_report_settings.h"
#include "policy/domain_name.h"
#include "policy/entry.h"
#include "policy/source_address.h"
#include "queue/retry_timetable.h"
#include "tls/client_certificates.h"
#include "tls/signer.h"
#include "tls/signer/process_signer.h"
#include "tools/sluiced_flags.h"

namespace sluice {
namespace {

constexpr absl::Duration kSignerCheckTimeout = absl::Seconds(30);

// Gathers faults, each behind the name of its flag.
class Checker {
 public:
  explicit Checker(std::vector<std::string>& faults) : faults_(faults) {}

  void Fault(absl::string_view flag, absl::string_view what) {
    faults_.push_back(absl::StrCat("--", flag, ": ", what));
  }
  // A fault that names its flag itself.
  void Raw(absl::string_view fault) { faults_.emplace_back(fault.data(), fault.size()); }
  void Check(absl::string_view flag, const absl::Status& status) {
    if (!status.ok()) Fault(flag, status.message());
  }
  template <typename T>
  std::optional<T> Value(absl::string_view flag, absl::StatusOr<T> value) {
    Check(flag, value.status());
    if (!value.ok()) return std::nullopt;
    return *std::move(value);
  }
  template <typename T>
  T InRange(absl::string_view flag, T value, T least, T most) {
    if (value < least || value > most) {
      Fault(flag, absl::StrCat(value, " is outside ", least, " to ", most));
    }
    return value;
  }
  absl::Duration InRange(absl::string_view flag, absl::Duration value, absl::Duration least,
                         absl::Duration most) {
    if (value < least || value > most) {
      Fault(flag, absl::StrCat(absl::FormatDuration(value), " is outside ",
                               absl::FormatDuration(least), " to ", absl::FormatDuration(most)));
    }
    return value;
  }

  // For who gathers faults that name their flags themselves.
  std::vector<std::string>& faults() { return faults_; }

 private:
  std::vector<std::string>& faults_;
};

std::string Hostname(Checker& checker) {
  std::string name = absl::GetFlag(FLAGS_hostname);
  if (name.empty()) {
    char system_name[256] = "";
    gethostname(system_name, sizeof(system_name) - 1);
    name = system_name;
  }
  return checker.Value("hostname", policy::NormalizeDomain(name)).value_or(name);
}

void ReadListeners(Checker& checker, relay::Settings& settings) {
  for (const std::string& text : absl::GetFlag(FLAGS_listen)) {
    if (auto address = checker.Value("listen", io::SocketAddress::Parse(text))) {
      settings.listen.push_back(*address);
    }
  }
  if (absl::GetFlag(FLAGS_listen).empty()) {
    checker.Fault("listen", "no address; name one such as 0.0.0.0:25 or [::]:25");
  }
}

void ReadAccess(Checker& checker, relay::Settings& settings) {
  if (auto networks = checker.Value("relay_networks", relay::NetworkSet::Parse(
                                                          absl::GetFlag(FLAGS_relay_networks)))) {
    settings.relay_networks = *std::move(networks);
  }
  std::vector<std::string> bad_domains;
  settings.relay_domains =
      relay::DomainSet::Parse(absl::GetFlag(FLAGS_relay_domains), bad_domains);
  for (const std::string& bad : bad_domains) checker.Fault("relay_domains", bad);
}

void ReadRoutes(Checker& checker, relay::Settings& settings) {
  std::vector<relay::Route> routes;
  for (const std::string& text : absl::GetFlag(FLAGS_route)) {
    if (auto route = checker.Value("route", relay::RouteTable::ParseRoute(text))) {
      routes.push_back(*std::move(route));
    }
  }
  if (const std::string path = absl::GetFlag(FLAGS_routes_file); !path.empty()) {
    std::ifstream file(path);
    std::stringstream content;
    content << file.rdbuf();
    if (!file) checker.Fault("routes_file", absl::StrCat(path, " cannot be read"));
    std::vector<std::string> bad_lines;
    for (relay::Route& route : relay::RouteTable::ParseFile(content.str(), bad_lines)) {
      routes.push_back(std::move(route));
    }
    for (const std::string& bad : bad_lines) {
      checker.Fault("routes_file", absl::StrCat(path, ": ", bad));
    }
  }
  for (const relay::Route& route : routes) {
    for (const io::SocketAddress& address : route.source.All()) {
      if (const absl::Status usable = io::RealMachine().CheckSource(address); !usable.ok()) {
        checker.Fault("route", absl::StrCat(route.pattern.text(), "=", route.next_hop(), " from ",
                                            address.ip(), ": ", usable.message()));
      }
    }
  }
  if (auto table = checker.Value("route", relay::RouteTable::Build(std::move(routes)))) {
    settings.routes = *std::move(table);
  }
}

void ReadSource(Checker& checker, relay::Settings& settings) {
  const std::string text = absl::StrJoin(absl::GetFlag(FLAGS_source_address), " ");
  const auto addresses = checker.Value("source_address", policy::ParseSourceAddresses(text));
  if (!addresses.has_value()) return;
  settings.source = relay::SourceAddresses::Of(*addresses);
  for (const io::SocketAddress& address : settings.source.All()) {
    checker.Check("source_address", io::RealMachine().CheckSource(address));
  }
}

// Unset where it is empty.
std::optional<relay::Rate> RateOf(Checker& checker, absl::string_view flag,
                                  const std::string& text) {
  if (text.empty()) return std::nullopt;
  return checker.Value(flag, relay::Rate::Parse(text));
}

void ReadLanes(Checker& checker, relay::Settings& settings) {
  settings.lane_connections = static_cast<size_t>(
      checker.InRange("lane_connections", absl::GetFlag(FLAGS_lane_connections), 1, 1000));
  settings.lane_backlog = static_cast<size_t>(
      checker.InRange("lane_backlog", absl::GetFlag(FLAGS_lane_backlog), 1, 1'000'000));
  settings.connection_messages = checker.InRange(
      "connection_messages", absl::GetFlag(FLAGS_connection_messages), 1, 1'000'000);
  settings.connection_idle_timeout =
      checker.InRange("connection_idle_timeout", absl::GetFlag(FLAGS_connection_idle_timeout),
                      absl::ZeroDuration(), absl::Minutes(5));
  settings.connection_max_age =
      checker.InRange("connection_max_age", absl::GetFlag(FLAGS_connection_max_age),
                      absl::Seconds(1), absl::Hours(24));
  settings.destination_rate =
      RateOf(checker, "destination_rate", absl::GetFlag(FLAGS_destination_rate));
  settings.destination_connection_rate =
      RateOf(checker, "destination_connection_rate",
             absl::GetFlag(FLAGS_destination_connection_rate));
}

void ReadLimits(Checker& checker, relay::Settings& settings) {
  const absl::Duration second = absl::Seconds(1);
  const absl::Duration day = absl::Hours(24);
  settings.max_message_size = checker.InRange<int64_t>(
      "max_message_size", absl::GetFlag(FLAGS_max_message_size), 64 << 10, int64_t{1} << 30);
  settings.max_recipients =
      checker.InRange("max_recipients", absl::GetFlag(FLAGS_max_recipients), 100, 50'000);
  settings.max_sessions =
      checker.InRange("max_sessions", absl::GetFlag(FLAGS_max_sessions), 1, 1'000'000);
  settings.max_body_memory = static_cast<size_t>(
      checker.InRange<int64_t>("max_body_memory", absl::GetFlag(FLAGS_max_body_memory),
                               settings.max_message_size, int64_t{1} << 40));
  settings.smtpd_command_timeout = checker.InRange(
      "smtpd_command_timeout", absl::GetFlag(FLAGS_smtpd_command_timeout), second, day);
  settings.smtpd_data_timeout = checker.InRange(
      "smtpd_data_timeout", absl::GetFlag(FLAGS_smtpd_data_timeout), second, day);
  settings.smtpd_session_timeout = checker.InRange(
      "smtpd_session_timeout", absl::GetFlag(FLAGS_smtpd_session_timeout), second, day);
  settings.tls_handshake_timeout = checker.InRange(
      "tls_handshake_timeout", absl::GetFlag(FLAGS_tls_handshake_timeout), second, absl::Hours(1));
  settings.connect_timeout = checker.InRange(
      "connect_timeout", absl::GetFlag(FLAGS_connect_timeout), second, absl::Hours(1));
  settings.smtp_reply_timeout = checker.InRange(
      "smtp_reply_timeout", absl::GetFlag(FLAGS_smtp_reply_timeout), second, absl::Hours(1));
  settings.smtp_chunking = absl::GetFlag(FLAGS_smtp_chunking);
  settings.smtp_data_timeout = checker.InRange(
      "smtp_data_timeout", absl::GetFlag(FLAGS_smtp_data_timeout), second, absl::Hours(6));
  settings.drain_timeout = checker.InRange("drain_timeout", absl::GetFlag(FLAGS_drain_timeout),
                                           absl::ZeroDuration(), absl::Hours(1));
  settings.smtp_port = static_cast<uint16_t>(
      checker.InRange("smtp_port", absl::GetFlag(FLAGS_smtp_port), 1, 65535));
}

void ReadAdmin(Checker& checker, const std::string& hostname, admin::ServerOptions& admin) {
  admin.socket.path = absl::GetFlag(FLAGS_control_socket);
  if (admin.socket.path.empty() || admin.socket.path.size() > 100) {
    checker.Fault("control_socket", "the path of a Unix socket has 1 to 100 bytes");
  }
  for (const std::string& text : absl::GetFlag(FLAGS_admin_listen)) {
    if (auto address = checker.Value("admin_listen", io::SocketAddress::Parse(text))) {
      admin.tcp.listen.push_back(*address);
    }
  }
  admin.tcp.certificate_file = absl::GetFlag(FLAGS_admin_tls_certificate);
  admin.tcp.key_file = absl::GetFlag(FLAGS_admin_tls_key);
  admin.tcp.hostname = hostname;
  admin.ping_rounds.interval =
      checker.InRange("ping_interval", absl::GetFlag(FLAGS_ping_interval), absl::ZeroDuration(),
                      absl::Hours(24 * 365));
  admin.ping_rounds.per_minute =
      checker.InRange("ping_rate", absl::GetFlag(FLAGS_ping_rate), 1, 60'000);
  admin.tokens_file = absl::GetFlag(FLAGS_admin_tokens);
  if (admin.tokens_file.empty()) checker.Fault("admin_tokens", "no file");
  // The error names its own flags.
  const absl::Status status = admin::CheckOptions(admin);
  if (!status.ok()) checker.Raw(status.message());
}

std::string BootId() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  return id;
}

void ReadNotices(Checker& checker, relay::Settings& settings) {
  if (auto notices = checker.Value("delay_notices", relay::ParseDelayNotices(
                                                        absl::GetFlag(FLAGS_delay_notices)))) {
    settings.delay_notices = *std::move(notices);
  }
  const std::string language = absl::GetFlag(FLAGS_dsn_language);
  if (language == "de") {
    settings.dsn_language = smtp::Language::kGerman;
  } else if (language != "en") {
    checker.Fault("dsn_language",
                  absl::StrCat("'", language, "' is neither en (English) nor de (German)"));
  }
}

void ReadQueue(Checker& checker, relay::GatewayOptions& gateway) {
  relay::Settings& settings = gateway.settings;
  if (auto retries = checker.Value("retry_schedule", queue::RetryTimetable::Parse(
                                                         absl::GetFlag(FLAGS_retry_schedule)))) {
    settings.retries = std::make_shared<const queue::RetryTimetable>(*std::move(retries));
  }
  settings.queue_lifetime =
      checker.InRange("queue_lifetime", absl::GetFlag(FLAGS_queue_lifetime), absl::Seconds(1),
                      absl::Hours(24 * 365));
  settings.history_retention =
      checker.InRange("history_retention", absl::GetFlag(FLAGS_history_retention), absl::Hours(1),
                      absl::Hours(24 * 3650));
  settings.history_max_bytes = static_cast<uint64_t>(
      checker.InRange("history_max_size", absl::GetFlag(FLAGS_history_max_size),
                      int64_t{1} << 20, int64_t{1} << 50));
  const std::string action = absl::GetFlag(FLAGS_tls_expiry_action);
  if (action == "delete") {
    settings.tls_expiry_action = relay::TlsExpiryAction::kDelete;
  } else if (action != "bounce") {
    checker.Fault("tls_expiry_action", absl::StrCat("'", action, "' is neither bounce nor delete"));
  }
  ReadNotices(checker, settings);
  settings.tls_probe_interval =
      checker.InRange("tls_probe_interval", absl::GetFlag(FLAGS_tls_probe_interval),
                      absl::Seconds(1), absl::Hours(24));
  gateway.spool.data_dir = absl::GetFlag(FLAGS_data_dir);
  if (gateway.spool.data_dir.empty()) checker.Fault("data_dir", "no directory");
  gateway.spool.boot_id = BootId();
  gateway.spool.memory_bytes = static_cast<size_t>(checker.InRange<int64_t>(
      "store_memory", absl::GetFlag(FLAGS_store_memory), 16 << 20, int64_t{1} << 40));
  gateway.spool.max_pending_bytes = static_cast<size_t>(
      checker.InRange<int64_t>("store_backlog", absl::GetFlag(FLAGS_store_backlog),
                               absl::GetFlag(FLAGS_max_message_size), int64_t{1} << 40));
  settings.store_timeout =
      checker.InRange("store_timeout", absl::GetFlag(FLAGS_store_timeout), absl::Seconds(1),
                      absl::Minutes(10));
}

void ReadMtaStsTrust(Checker& checker, relay::GatewayOptions& gateway) {
  gateway.mta_sts_trust_store = absl::GetFlag(FLAGS_mta_sts_trust_store);
  if (gateway.mta_sts_trust_store.empty()) {
    gateway.mta_sts_trust_store = gateway.trust_store;
    return;
  }
  const auto trust = tls::TrustStore::Load(gateway.mta_sts_trust_store);
  if (trust.ok()) return;
  // The error names the flag that it is mostly about.
  checker.Fault("mta_sts_trust_store",
                absl::StripPrefix(trust.status().message(), "--trust_store: "));
}

void ReadClientCertificates(Checker& checker, relay::GatewayOptions& gateway) {
  for (const std::string& text : absl::GetFlag(FLAGS_client_certificate)) {
    const std::vector<std::string> parts = absl::StrSplit(text, ':');
    if (parts.size() != 3) {
      checker.Fault("client_certificate",
                    absl::StrCat("'", text,
                                 "' is not NAME:CHAIN:KEY, such as "
                                 "partner-a:/etc/sluice/a.pem:/etc/sluice/a.key"));
      continue;
    }
    checker.Check("client_certificate", policy::CheckCertificateName(parts[0]));
    gateway.client_certificate_files.push_back({parts[0], {parts[1], parts[2]}});
  }
  std::string& chosen = gateway.settings.client_certificate;
  chosen = absl::GetFlag(FLAGS_default_client_certificate);
  const auto is_chosen = [&chosen](const tls::ClientCertificateFiles& one) {
    return one.name == chosen;
  };
  if (!chosen.empty() && std::none_of(gateway.client_certificate_files.begin(),
                                      gateway.client_certificate_files.end(), is_chosen)) {
    checker.Fault("default_client_certificate",
                  absl::StrCat("'", chosen, "' is no name of --client_certificate"));
  }
}

void ReadTls(Checker& checker, relay::GatewayOptions& gateway) {
  if (auto ciphers = checker.Value("tls_ciphers",
                                   tls::CipherPolicy::Parse(absl::GetFlag(FLAGS_tls_ciphers)))) {
    gateway.ciphers = *std::move(ciphers);
  }
  const std::vector<std::string> certificates = absl::GetFlag(FLAGS_tls_certificate);
  const std::vector<std::string> keys = absl::GetFlag(FLAGS_tls_private_key);
  if (certificates.size() != keys.size()) {
    checker.Fault("tls_private_key",
                  absl::StrCat(keys.size(), " keys for ", certificates.size(),
                               " certificates; each of --tls_certificate has its key here, in the "
                               "same order"));
  } else {
    for (size_t i = 0; i < keys.size(); ++i) {
      gateway.credential_files.push_back({certificates[i], keys[i]});
    }
  }
  ReadClientCertificates(checker, gateway);
  gateway.trust_store = absl::GetFlag(FLAGS_trust_store);
  const auto trust = tls::TrustStore::Load(gateway.trust_store);
  if (!trust.ok()) checker.Raw(trust.status().message());
  gateway.ticket_lifetime =
      checker.InRange("tls_ticket_lifetime", absl::GetFlag(FLAGS_tls_ticket_lifetime),
                      absl::Minutes(1), absl::Hours(168));
  gateway.settings.mta_sts = absl::GetFlag(FLAGS_mta_sts);
  gateway.settings.mta_sts_check_interval =
      checker.InRange("mta_sts_check_interval", absl::GetFlag(FLAGS_mta_sts_check_interval),
                      absl::Seconds(1), absl::Hours(24));
  ReadMtaStsTrust(checker, gateway);
  gateway.settings.tls_reports = relay::ReadTlsReportSettings(
      {.organization = absl::GetFlag(FLAGS_tlsrpt_organization),
       .contact = absl::GetFlag(FLAGS_tlsrpt_contact),
       .from = absl::GetFlag(FLAGS_tlsrpt_from),
       .dkim_key = absl::GetFlag(FLAGS_tlsrpt_dkim_key),
       .dkim_selector = absl::GetFlag(FLAGS_tlsrpt_dkim_selector),
       .dkim_domain = absl::GetFlag(FLAGS_tlsrpt_dkim_domain)},
      checker.faults());
  const std::string level = absl::GetFlag(FLAGS_default_tls_level);
  if (level == "encrypt") {
    gateway.settings.default_tls_level = relay::DefaultLevel::kEncrypt;
  } else if (level != "may") {
    checker.Fault("default_tls_level", absl::StrCat("'", level, "' is neither may nor encrypt"));
  }
}

// Of --signer. "" where it names none that there is.
std::string SignerProgram(Checker& checker) {
  std::string program = absl::GetFlag(FLAGS_signer);
  if (program.find('/') == std::string::npos) {
    std::error_code error;
    const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error) checker.Fault("signer", absl::StrCat("/proc/self/exe: ", error.message()));
    program = own.parent_path() / program;
  }
  if (access(program.c_str(), X_OK) == 0) return program;
  checker.Fault("signer", absl::StrCat(program, " cannot be executed: ", std::strerror(errno),
                                       "; it belongs beside sluiced, and a path names another"));
  return "";
}

// Errors name their own flags.
void CheckKeys(Checker& checker, const relay::GatewayOptions& gateway, tls::Signer& signer) {
  const MonoTime deadline = SystemClock().MonoNow() + kSignerCheckTimeout;
  for (const absl::Status& loaded :
       {signer.Load(gateway.credential_files, deadline).status(),
        tls::ClientCertificates::Load(gateway.client_certificate_files, signer, deadline)
            .status()}) {
    if (!loaded.ok()) checker.Raw(loaded.message());
  }
}

// Behind --cores. The keys are loaded as they will be, by whoever will have them.
void ReadSigner(Checker& checker, relay::GatewayOptions& gateway) {
  const int threads =
      checker.InRange("signer_threads", absl::GetFlag(FLAGS_signer_threads), 0, 256);
  gateway.signer_threads = threads == 0 ? std::clamp(gateway.engine.cores, 1, 256) : threads;
  const bool inside = absl::GetFlag(FLAGS_signer) == "inline";
  const std::string program = inside ? "" : SignerProgram(checker);
  if (!inside) {
    const signer::ProcessSignerOptions options{program, gateway.signer_threads};
    gateway.start_signer = [options] {
      return signer::ProcessSigner::Start(options, io::RealMachine());
    };
  }
  // Which key is whose has been found wrong already, or there is nobody to ask.
  const bool unpaired = gateway.credential_files.size() != absl::GetFlag(FLAGS_tls_certificate).size();
  if (unpaired || (!inside && program.empty())) return;
  if (inside) {
    const std::unique_ptr<io::Executor> unused =
        io::RealMachine().NewExecutor("sluice-check", 1, io::Urgency::kBackground);
    tls::InlineSigner signer(*unused);
    CheckKeys(checker, gateway, signer);
  } else if (const auto signer = checker.Value("signer", gateway.start_signer())) {
    CheckKeys(checker, gateway, **signer);
  }
}

}  // namespace

std::optional<DaemonConfig> ReadConfig(std::vector<std::string>& faults) {
  const size_t before = faults.size();
  Checker checker(faults);
  DaemonConfig config;
  relay::GatewayOptions& gateway = config.gateway;
  gateway.version = kVersion;
  gateway.settings.hostname = Hostname(checker);
  ReadListeners(checker, gateway.settings);
  ReadAccess(checker, gateway.settings);
  ReadRoutes(checker, gateway.settings);
  ReadSource(checker, gateway.settings);
  ReadLimits(checker, gateway.settings);
  ReadLanes(checker, gateway.settings);
  ReadQueue(checker, gateway);
  dns::UnboundOptions dns;
  dns.config = absl::GetFlag(FLAGS_dns_config);
  checker.Check("dns_config", dns::UnboundResolver::CheckConfig(dns.config));
  dns.trust_anchor = absl::GetFlag(FLAGS_dnssec_trust_anchor);
  checker.Check("dnssec_trust_anchor", dns::UnboundResolver::CheckTrustAnchor(dns.trust_anchor));
  gateway.settings.dane = absl::GetFlag(FLAGS_dane);
  gateway.start_resolver = [dns]() -> absl::StatusOr<std::unique_ptr<dns::Resolver>> {
    return dns::UnboundResolver::Start(dns, SystemClock());
  };
  const int cores = absl::GetFlag(FLAGS_cores);
  gateway.engine.cores = cores == 0 ? io::UsableCpus()
                                    : checker.InRange("cores", cores, 1, io::UsableCpus());
  gateway.engine.pin = absl::GetFlag(FLAGS_pin_cores);
  ReadTls(checker, gateway);
  ReadSigner(checker, gateway);
  ReadAdmin(checker, gateway.settings.hostname, config.admin);
  gateway.settings.certificate_warning =
      checker.InRange("certificate_warning", absl::GetFlag(FLAGS_certificate_warning),
                      absl::ZeroDuration(), absl::Hours(24 * 365));
  config.log_level = checker.Value("log_level", log::ParseLevel(absl::GetFlag(FLAGS_log_level)))
                         .value_or(log::Level::kInfo);
  config.log_format =
      checker.Value("log_format", log::ParseFormat(absl::GetFlag(FLAGS_log_format)))
          .value_or(log::Format::kText);
  if (faults.size() > before) return std::nullopt;
  return config;
}

}  // namespace sluice
