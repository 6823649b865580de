#include "bench/load/flags.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"
#include "engine/io/uring_core.h"
#include "tests/tls/test_certificates.h"

ABSL_FLAG(std::string, target, "", "The server to load, ADDRESS:PORT (no names)");
ABSL_FLAG(std::string, listen, "127.0.0.1:0",
          "Where the sink takes mail: the next hop of the program under test");
ABSL_FLAG(bool, server, false, "Be the far end of a run between two hosts: the same as mode sink");
ABSL_FLAG(bool, client, false, "Be the loading end of a run between two hosts; needs --target");
ABSL_FLAG(std::vector<std::string>, source, {},
          "Addresses to connect from, in turn: each has some 28,000 ports");
ABSL_FLAG(int, cores, 1,
          "Cores of the harness; core i runs on the i-th CPU that taskset leaves it");
ABSL_FLAG(bool, pin, true, "Whether each core of the harness stays on its CPU");
ABSL_FLAG(int, connections, 64, "Connections at a time, over all cores");
ABSL_FLAG(
    std::vector<std::string>, rate, {},
    "Open loop: operations per second; several, with commas, are applied one after the other");
ABSL_FLAG(absl::Duration, duration, absl::Seconds(10), "How long is measured, for each rate");
ABSL_FLAG(absl::Duration, warmup, absl::Seconds(2), "What is not measured before that");
ABSL_FLAG(absl::Duration, timeout, absl::Seconds(30), "For each step of an SMTP session");
ABSL_FLAG(std::vector<std::string>, pid, {},
          "The program under test, where it is on this machine: its CPU time and memory are told");
ABSL_FLAG(std::string, json, "", "A file for the result, for programs");
ABSL_FLAG(bool, quiet, false, "No progress on stderr");

ABSL_FLAG(bool, clear, false, "No STARTTLS");
ABSL_FLAG(std::string, tls, "", "1.2 or 1.3 alone; empty: both");
ABSL_FLAG(std::string, ciphers, "FIPS",
          "TLS 1.2 suites, in the notation of sluiced's --tls_ciphers");
ABSL_FLAG(std::string, group, "", "P-256 or P-384 alone; empty: both");
ABSL_FLAG(std::string, certificate, "",
          "ecdsa or rsa: the kind that the server is asked for; empty: either");
ABSL_FLAG(bool, resume, false, "Resume TLS sessions: after the first, each worker's are resumed");

ABSL_FLAG(std::string, sizes, "10KiB",
          "Size of messages, or several with weights: 1KiB:50,10KiB:40,1MiB:10");
ABSL_FLAG(std::string, from, "bench@sender.example", "The sender");
ABSL_FLAG(std::string, to, "user@recipient.example", "The recipient");
ABSL_FLAG(int, to_domains, 1, "Spread over this many domains: d0.recipient.example, d1.…");
ABSL_FLAG(int, recipients, 1, "Recipients of a message");
ABSL_FLAG(int, per_connection, 10, "Messages over a connection");
ABSL_FLAG(bool, pipelining, true, "Pipeline MAIL, RCPT and DATA where the server offers it");
ABSL_FLAG(bool, chunking, false, "Send by BDAT where the server offers it");

ABSL_FLAG(double, defer, 0, "Sink: share of messages, 0 to 1, that gets 451");
ABSL_FLAG(double, refuse, 0, "Sink: share of messages that gets 554");
ABSL_FLAG(double, stall, 0, "Sink: share of messages that gets no reply for --stall_time");
ABSL_FLAG(absl::Duration, stall_time, absl::Minutes(10), "See --stall");
ABSL_FLAG(double, break_tls, 0, "Sink: share of connections that end within the handshake");
ABSL_FLAG(bool, no_starttls, false, "Sink: STARTTLS is not offered; mode deferred: until the release");
ABSL_FLAG(absl::Duration, delay, absl::ZeroDuration(), "Sink: before each reply to a message");
ABSL_FLAG(std::string, tls_certificate, "", "Sink: PEM; empty: one is made (ECDSA P-256)");
ABSL_FLAG(std::string, tls_private_key, "", "Sink: PEM");

ABSL_FLAG(int, sessions, 1000, "Mode idle: sessions that are held open");
ABSL_FLAG(uint64_t, messages, 100'000, "Mode deferred: how many messages are to wait");
ABSL_FLAG(std::string, store, "",
          "Mode deferred: directory of the target's queue, whose size is told");
ABSL_FLAG(std::string, release_command, "",
          "Mode deferred: makes the target send what waits, such as 'sluicectl queue retry --all'; "
          "the sink begins to listen before it");

namespace sluice::bench {

const char kUsage[] =
    "Loads an SMTP server over TLS and measures it.\n\n"
    "  sluice-bench handshake --target=A:P  connect, EHLO, STARTTLS, handshake, EHLO, QUIT\n"
    "  sluice-bench send --target=A:P       messages, until they are accepted\n"
    "  sluice-bench sink --listen=A:P       a next hop that takes, defers, refuses, stalls, breaks "
    "TLS\n"
    "  sluice-bench relay --target=A:P --listen=A:P   send and sink: from the last byte in to the "
    "last\n"
    "                                       byte out; the target's route leads to --listen\n"
    "  sluice-bench idle --target=A:P --pid=N         memory of the target for each open session\n"
    "  sluice-bench deferred --target=A:P --listen=A:P --messages=N   mail that cannot be sent: "
    "how the\n"
    "                                       cost grows with the queue; then its release\n\n"
    "Two hosts: 'sluice-bench --server --listen=A:P' on one, 'sluice-bench send --client "
    "--target=A:P'\n"
    "on the other. Closed loop by default; --rate=R[,R2,…] lets operations arrive at a rate, and\n"
    "counts latency from the arrival. bench/load/plot draws the --json of it; bench/load/netns "
    "runs\n"
    "it over a veth pair.";

namespace {

absl::Status Wrong(absl::string_view flag, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("--", flag, ": ", what));
}

absl::StatusOr<Mode> ReadMode(const std::vector<std::string>& words) {
  const bool server = absl::GetFlag(FLAGS_server);
  if (server && absl::GetFlag(FLAGS_client)) {
    return Wrong("server", "a run is one end or the other; leave --client out");
  }
  if (words.empty() && server) return Mode::kSink;
  static constexpr std::pair<absl::string_view, Mode> kModes[] = {
      {"handshake", Mode::kHandshake}, {"send", Mode::kSend}, {"sink", Mode::kSink},
      {"relay", Mode::kRelay},         {"idle", Mode::kIdle}, {"deferred", Mode::kDeferred}};
  for (const auto& [name, mode] : kModes) {
    if (words.size() != 1 || words[0] != name) continue;
    if (server && mode != Mode::kSink) {
      return Wrong("server", "goes without a mode, or with sink; the mode is the other end's");
    }
    return mode;
  }
  return absl::InvalidArgumentError(
      "name one mode: handshake, send, sink, relay, idle or deferred (sluice-bench --help)");
}

absl::Status CheckBounds() {
  const auto between = [](absl::string_view flag, double value, double least,
                          double most) -> absl::Status {
    if (value >= least && value <= most) return absl::OkStatus();
    return Wrong(flag, absl::StrCat(value, " is not between ", least, " and ", most));
  };
  const auto positive = [](absl::string_view flag, absl::Duration value) {
    return value > absl::ZeroDuration() && value < absl::Hours(1000)
               ? absl::OkStatus()
               : Wrong(flag, "write a time such as 10s or 5m, above zero");
  };
  SLUICE_RETURN_IF_ERROR(
      between("cores", absl::GetFlag(FLAGS_cores), 1, std::max(1, io::UsableCpus())));
  SLUICE_RETURN_IF_ERROR(between("connections", absl::GetFlag(FLAGS_connections), 1, 1'000'000));
  SLUICE_RETURN_IF_ERROR(between("recipients", absl::GetFlag(FLAGS_recipients), 1, 10'000));
  SLUICE_RETURN_IF_ERROR(between("to_domains", absl::GetFlag(FLAGS_to_domains), 1, 1'000'000));
  SLUICE_RETURN_IF_ERROR(between("per_connection", absl::GetFlag(FLAGS_per_connection), 1, 1e9));
  SLUICE_RETURN_IF_ERROR(between("sessions", absl::GetFlag(FLAGS_sessions), 1, 10'000'000));
  SLUICE_RETURN_IF_ERROR(
      between("messages", static_cast<double>(absl::GetFlag(FLAGS_messages)), 10, 1e9));
  SLUICE_RETURN_IF_ERROR(between("defer", absl::GetFlag(FLAGS_defer), 0, 1));
  SLUICE_RETURN_IF_ERROR(between("refuse", absl::GetFlag(FLAGS_refuse), 0, 1));
  SLUICE_RETURN_IF_ERROR(between("stall", absl::GetFlag(FLAGS_stall), 0, 1));
  SLUICE_RETURN_IF_ERROR(between("break_tls", absl::GetFlag(FLAGS_break_tls), 0, 1));
  SLUICE_RETURN_IF_ERROR(positive("duration", absl::GetFlag(FLAGS_duration)));
  return positive("timeout", absl::GetFlag(FLAGS_timeout));
}

absl::StatusOr<io::SocketAddress> ReadAddress(absl::string_view flag, const std::string& text) {
  absl::StatusOr<io::SocketAddress> address = io::SocketAddress::Parse(text);
  if (!address.ok()) return Wrong(flag, address.status().message());
  return address;
}

absl::StatusOr<tls::Narrowing> ReadNarrowing() {
  tls::Narrowing narrowing;
  const std::string version = absl::GetFlag(FLAGS_tls);
  if (version == "1.2") {
    narrowing.version = tls::Version::kTls12;
  } else if (version == "1.3") {
    narrowing.version = tls::Version::kTls13;
  } else if (!version.empty()) {
    return Wrong("tls", absl::StrCat("'", version, "' is neither 1.2 nor 1.3"));
  }
  const std::string group = absl::GetFlag(FLAGS_group);
  if (!group.empty() && group != "P-256" && group != "P-384") {
    return Wrong("group", absl::StrCat("'", group, "' is neither P-256 nor P-384"));
  }
  narrowing.p384 = group == "P-384";
  const std::string kind = absl::GetFlag(FLAGS_certificate);
  if (kind == "ecdsa") {
    narrowing.certificate = tls::Credentials::Kind::kEcdsa;
  } else if (kind == "rsa") {
    narrowing.certificate = tls::Credentials::Kind::kRsa;
  } else if (!kind.empty()) {
    return Wrong("certificate", absl::StrCat("'", kind, "' is neither ecdsa nor rsa"));
  }
  narrowing.resume = absl::GetFlag(FLAGS_resume);
  return narrowing;
}

absl::StatusOr<tls::CipherPolicy> ReadCiphers(const tls::Narrowing& narrowing) {
  std::string text = absl::GetFlag(FLAGS_ciphers);
  // A server of TLS 1.2 tells by the suites which certificate will do.
  if (narrowing.certificate.has_value()) {
    text += *narrowing.certificate == tls::Credentials::Kind::kRsa ? ":!aECDSA" : ":!aRSA";
  }
  absl::StatusOr<tls::CipherPolicy> policy = tls::CipherPolicy::Parse(text);
  if (!policy.ok()) return Wrong("ciphers", policy.status().message());
  return policy;
}

// No certificate is checked, so there is nothing that has to be trusted.
absl::StatusOr<std::shared_ptr<const tls::TrustStore>> NobodyTrusted(const std::string& directory) {
  const tls::TestAuthority authority("sluice-bench");
  return tls::TrustStore::Load(
      tls::WriteTestFile(directory, "root.pem", authority.certificate_pem()));
}

absl::StatusOr<ClientSide> ReadClient(const std::string& directory) {
  const std::string target = absl::GetFlag(FLAGS_target);
  if (target.empty()) return Wrong("target", "name the server to load, such as 192.0.2.1:25");
  ConversationOptions conversation;
  SLUICE_ASSIGN_OR_RETURN(conversation.target, ReadAddress("target", target));
  for (const std::string& source : absl::GetFlag(FLAGS_source)) {
    const absl::StatusOr<io::SocketAddress> address = io::SocketAddress::FromIp(source, 0);
    if (!address.ok()) return Wrong("source", address.status().message());
    if (address->family() != conversation.target.family()) {
      return Wrong("source", absl::StrCat(source, " is not of the target's family"));
    }
    conversation.sources.push_back(*address);
  }
  conversation.use_tls = !absl::GetFlag(FLAGS_clear);
  conversation.timeout = absl::GetFlag(FLAGS_timeout);
  SLUICE_ASSIGN_OR_RETURN(const tls::Narrowing narrowing, ReadNarrowing());
  SLUICE_ASSIGN_OR_RETURN(tls::CipherPolicy ciphers, ReadCiphers(narrowing));
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const tls::TrustStore> trust, NobodyTrusted(directory));
  // What cannot be offered is found here, and not by each worker.
  SLUICE_RETURN_IF_ERROR(
      tls::ClientContext::CreateNarrowed(ciphers, trust, SystemClock(), narrowing).status());
  return ClientSide{std::move(conversation), std::move(ciphers), narrowing, std::move(trust)};
}

absl::StatusOr<Sending> ReadSending() {
  absl::StatusOr<MessageMix> mix = MessageMix::Parse(absl::GetFlag(FLAGS_sizes));
  if (!mix.ok()) return Wrong("sizes", mix.status().message());
  Sending sending{*std::move(mix)};
  const std::string to = absl::GetFlag(FLAGS_to);
  const size_t at = to.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == to.size() || to.size() > 150) {
    return Wrong("to", absl::StrCat("'", to, "' is not an address of at most 150 bytes"));
  }
  sending.sender = absl::GetFlag(FLAGS_from);
  if (sending.sender.size() > 100) return Wrong("from", "an address has at most 100 bytes here");
  sending.recipient_user = to.substr(0, at);
  sending.recipient_domain = to.substr(at + 1);
  sending.domains = absl::GetFlag(FLAGS_to_domains);
  sending.recipients = absl::GetFlag(FLAGS_recipients);
  sending.per_connection = absl::GetFlag(FLAGS_per_connection);
  sending.pipelining = absl::GetFlag(FLAGS_pipelining);
  sending.chunking = absl::GetFlag(FLAGS_chunking);
  return sending;
}

absl::StatusOr<SinkOptions> ReadSink(const std::string& directory) {
  SLUICE_ASSIGN_OR_RETURN(const io::SocketAddress listen,
                          ReadAddress("listen", absl::GetFlag(FLAGS_listen)));
  tls::CredentialFiles files{absl::GetFlag(FLAGS_tls_certificate),
                             absl::GetFlag(FLAGS_tls_private_key)};
  if (files.certificate.empty() != files.private_key.empty()) {
    return Wrong("tls_certificate", "goes with --tls_private_key: give both or neither");
  }
  if (files.certificate.empty()) {
    files = tls::WriteTestCredentials(directory, "sink",
                                      tls::SelfSigned({.common_name = "sink.sluice.test"}));
  }
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const tls::Credentials> credentials,
                          tls::Credentials::Load({files}));
  absl::StatusOr<tls::CipherPolicy> ciphers = tls::CipherPolicy::Parse("FIPS");
  SLUICE_RETURN_IF_ERROR(ciphers.status());
  SinkOptions sink{listen, std::move(credentials), *std::move(ciphers)};
  sink.offer_starttls = !absl::GetFlag(FLAGS_no_starttls);
  sink.defer = absl::GetFlag(FLAGS_defer);
  sink.refuse = absl::GetFlag(FLAGS_refuse);
  sink.stall = absl::GetFlag(FLAGS_stall);
  sink.break_tls = absl::GetFlag(FLAGS_break_tls);
  sink.stall_time = absl::GetFlag(FLAGS_stall_time);
  sink.delay = absl::GetFlag(FLAGS_delay);
  return sink;
}

absl::StatusOr<std::vector<double>> ReadRates() {
  std::vector<double> rates;
  for (const std::string& text : absl::GetFlag(FLAGS_rate)) {
    double rate = 0;
    if (!absl::SimpleAtod(text, &rate) || !(rate > 0) || rate > 1e7) {
      return Wrong("rate", absl::StrCat("'", text, "' is not a rate per second above 0"));
    }
    rates.push_back(rate);
  }
  return rates;
}

absl::StatusOr<Target> ReadTarget() {
  std::vector<int> pids;
  for (const std::string& text : absl::GetFlag(FLAGS_pid)) {
    int pid = 0;
    if (!absl::SimpleAtoi(text, &pid) || pid <= 1) {
      return Wrong("pid", absl::StrCat("'", text, "' is not a process"));
    }
    pids.push_back(pid);
  }
  return Target::Find(pids);
}

// Gone when the plan has been read: what lies there is in memory then.
class Scratch {
 public:
  static absl::StatusOr<std::string> Make(Scratch& scratch) {
    std::string pattern = std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot make the directory ", pattern));
    }
    scratch.path_ = pattern;
    return pattern;
  }
  ~Scratch() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }

 private:
  std::string path_;
};

}  // namespace

absl::StatusOr<Plan> ReadPlan(const std::vector<std::string>& words) {
  SLUICE_ASSIGN_OR_RETURN(const Mode mode, ReadMode(words));
  SLUICE_RETURN_IF_ERROR(CheckBounds());
  Scratch scratch;
  SLUICE_ASSIGN_OR_RETURN(const std::string directory, Scratch::Make(scratch));
  Plan plan;
  plan.mode = mode;
  plan.cores = absl::GetFlag(FLAGS_cores);
  plan.pin = absl::GetFlag(FLAGS_pin);
  if (mode != Mode::kSink) {
    SLUICE_ASSIGN_OR_RETURN(plan.client, ReadClient(directory));
  }
  if (mode == Mode::kSend || mode == Mode::kRelay || mode == Mode::kDeferred) {
    SLUICE_ASSIGN_OR_RETURN(plan.sending, ReadSending());
  }
  if (mode == Mode::kSink || mode == Mode::kRelay || mode == Mode::kDeferred) {
    SLUICE_ASSIGN_OR_RETURN(plan.sink, ReadSink(directory));
  }
  SLUICE_ASSIGN_OR_RETURN(plan.rates_per_s, ReadRates());
  SLUICE_ASSIGN_OR_RETURN(plan.target, ReadTarget());
  plan.load.workers = absl::GetFlag(FLAGS_connections);
  plan.load.warmup = absl::GetFlag(FLAGS_warmup);
  plan.load.duration = absl::GetFlag(FLAGS_duration);
  plan.sessions = absl::GetFlag(FLAGS_sessions);
  plan.messages = absl::GetFlag(FLAGS_messages);
  plan.store = absl::GetFlag(FLAGS_store);
  plan.release_command = absl::GetFlag(FLAGS_release_command);
  plan.json = absl::GetFlag(FLAGS_json);
  plan.quiet = absl::GetFlag(FLAGS_quiet);
  if (mode == Mode::kIdle && absl::GetFlag(FLAGS_pid).empty()) {
    return Wrong("pid", "mode idle looks at the target's memory: name its process");
  }
  return plan;
}

}  // namespace sluice::bench
