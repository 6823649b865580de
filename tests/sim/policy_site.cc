#include "tests/sim/policy_site.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/base/log.h"
#include "tests/sim/ledger.h"
#include "tls/failure.h"

namespace sluice::sim {
namespace {

std::string Response(absl::string_view status, absl::string_view type, absl::string_view body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Type: ", type,
                      "\r\nContent-Length: ", body.size(), "\r\nConnection: close\r\n\r\n", body);
}

// The same in chunks of ten bytes (RFC 9112 §7.1).
std::string InChunks(absl::string_view type, absl::string_view body) {
  std::string text = absl::StrCat("HTTP/1.1 200 OK\r\ncontent-type: ", type,
                                  "; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n");
  for (size_t at = 0; at < body.size(); at += 10) {
    const absl::string_view chunk = body.substr(at, 10);
    absl::StrAppendFormat(&text, "%x\r\n%s\r\n", chunk.size(), chunk);
  }
  return absl::StrCat(text, "0\r\n\r\n");
}

}  // namespace

bool StsPolicy::Names(absl::string_view host) const {
  return std::any_of(mx.begin(), mx.end(), [host](absl::string_view pattern) {
    if (!absl::StartsWith(pattern, "*.")) return pattern == host;
    const size_t dot = host.find('.');
    return dot != absl::string_view::npos && host.substr(dot) == pattern.substr(1);
  });
}

std::string StsPolicy::File() const {
  std::string text = absl::StrCat("version: STSv1\r\nmode: ", sts::ModeName(mode), "\r\n");
  for (const std::string& pattern : mx) absl::StrAppend(&text, "mx: ", pattern, "\r\n");
  return absl::StrCat(text, "max_age: ", absl::ToInt64Seconds(max_age), "\r\n");
}

StsPolicy SomePolicy(const std::vector<std::string>& hosts, Random& random) {
  static constexpr sts::Mode kModes[] = {sts::Mode::kEnforce, sts::Mode::kEnforce,
                                         sts::Mode::kTesting, sts::Mode::kNone};
  static constexpr absl::Duration kAges[] = {absl::Minutes(10), absl::Hours(3), absl::Hours(24),
                                             absl::Hours(24 * 30)};
  StsPolicy policy;
  policy.mode = kModes[random.Below(4)];
  policy.max_age = kAges[random.Below(4)];
  policy.mx = hosts;
  switch (random.Below(4)) {
    case 0:
      policy.mx.front().replace(0, policy.mx.front().find('.'), "*");
      break;
    case 1:  // one is forgotten
      if (policy.mx.size() > 1) policy.mx.pop_back();
      break;
    case 2:  // another's comes first
      policy.mx.insert(policy.mx.begin(), "mx.elsewhere.example");
      break;
    default:
      break;
  }
  return policy;
}

absl::string_view PolicySite::MannerName(Manner manner) {
  static constexpr absl::string_view kNames[kManners] = {
      "serves", "has none", "redirects", "wrong type", "no policy", "breaks off", "stalls"};
  return kNames[static_cast<size_t>(manner)];
}

void PolicySite::Change(const std::vector<std::string>& hosts, Random& random) {
  switch (random.Below(9)) {
    case 0:
      up = false;
      break;
    case 1:
    case 2:
      manner = static_cast<Manner>(random.Below(kManners));
      break;
    case 3:
      proof = static_cast<Proof>(random.Below(kProofs));
      break;
    case 4:
      announced = false;
      break;
    case 5:  // the record is forgotten: found out when the policy is fetched anew
      policy = SomePolicy(hosts, random);
      break;
    case 6:
    case 7:
      policy = SomePolicy(hosts, random);
      ++id;
      break;
    default:
      Mend();
      break;
  }
}

void PolicySite::Mend() {
  up = true;
  proof = Proof::kGood;
  announced = true;
  manner = Manner::kServes;
}

std::string PolicySite::Describe() const {
  return absl::StrCat(
      name, up ? " is up, " : " is down, ", MannerName(manner), ", certificate: ", ProofName(proof),
      ", record: ", announced ? absl::StrCat(id) : "none", ", policy: ", sts::ModeName(policy.mode),
      " ", absl::StrJoin(policy.mx, " "), " for ", absl::FormatDuration(policy.max_age));
}

io::Task<void> PolicyServer::Serve(io::Core& core, std::unique_ptr<io::Connection> connection) {
  Peer peer(core, std::move(connection));
  const std::optional<tls::Failure> failed = co_await peer.stream().AcceptTls(
      site_.faces->Show(site_.proof), peer.Deadline(absl::Minutes(2)));
  if (failed.has_value()) {
    world_.Tell(absl::StrCat(site_.name, ": no TLS: ", tls::ReasonName(failed->reason)));
  } else {
    co_await Answer(core, peer);
  }
  co_await peer.Close();
}

io::Task<void> PolicyServer::Answer(io::Core& core, Peer& peer) {
  const std::optional<std::string> request = co_await peer.ReadUntil("\r\n\r\n");
  if (!request.has_value()) co_return;
  if (!absl::StartsWith(*request, "GET /.well-known/mta-sts.txt HTTP/1.1\r\n") ||
      !absl::StrContains(*request, absl::StrCat("\r\nHost: ", site_.name, "\r\n"))) {
    ledger_.Broken("a policy host is asked for its policy alone", log::Printable(*request));
  }
  world_.Tell(absl::StrCat(site_.name, " is asked, ", PolicySite::MannerName(site_.manner)));
  switch (site_.manner) {
    case PolicySite::Manner::kHasNone:
      (void)co_await peer.Say(Response("404 Not Found", "text/plain", "nothing here"));
      break;
    case PolicySite::Manner::kRedirects:
      (void)co_await peer.Say(
          absl::StrCat("HTTP/1.1 302 Found\r\nLocation: https://", site_.name,
                       "/.well-known/mta-sts.txt\r\nContent-Length: 0\r\n\r\n"));
      break;
    case PolicySite::Manner::kWrongType:
      (void)co_await peer.Say(Response("200 OK", "text/html", site_.policy.File()));
      break;
    case PolicySite::Manner::kNoPolicy:
      (void)co_await peer.Say(Response("200 OK", "text/plain", "version: STSv1\nmode: enforce\n"));
      break;
    default:
      co_await SayPolicy(core, peer);
      break;
  }
}

io::Task<void> PolicyServer::SayPolicy(io::Core& core, Peer& peer) {
  const std::string file = site_.policy.File();
  std::string text =
      world_.OneIn(2) ? InChunks("text/plain", file) : Response("200 OK", "text/plain", file);
  if (site_.manner == PolicySite::Manner::kServes) {
    ledger_.PolicyServed(site_.domain, site_.policy, site_.proof);
    (void)co_await peer.Say(std::move(text));
    co_return;
  }
  const bool stalls = site_.manner == PolicySite::Manner::kStalls;
  text.resize(text.size() / 2);
  (void)co_await peer.Say(std::move(text));
  if (stalls) co_await core.SleepUntil(core.Now() + absl::Minutes(10));
}

}  // namespace sluice::sim
