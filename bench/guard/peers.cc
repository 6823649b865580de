// The client and the next hop of a RelayWorld: SMTP as well-behaved peers speak it.
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "bench/guard/relay_world.h"
#include "engine/base/check.h"

namespace sluice::guard {
namespace {

// 10 KiB in lines of 78 octets.
const std::string& Letter() {
  static const std::string letter = [] {
    std::string text =
        "From: <alice@client.example>\r\nTo: <bob@next.example>\r\nSubject: x\r\n\r\n";
    while (text.size() < 10 * 1024) absl::StrAppend(&text, std::string(76, 'x'), "\r\n");
    return absl::StrCat(text, ".\r\n");
  }();
  return letter;
}

// The last line of a reply must begin so.
io::Task<void> Expect(sim::Peer& peer, std::string code) {
  while (true) {
    const std::optional<std::string> line = co_await peer.ReadLine();
    SLUICE_CHECK(line.has_value() && absl::StartsWith(*line, code));
    if (line->size() == code.size() || (*line)[code.size()] == ' ') co_return;
  }
}

io::Task<void> Say(sim::Peer& peer, std::string text) {
  const bool said = co_await peer.Say(std::move(text));
  SLUICE_CHECK(said);
}

}  // namespace

io::Task<void> RelayWorld::BeClient(io::Core& core) {
  const io::ConnectOptions to{.remote = *io::SocketAddress::Parse("10.0.0.1:25"),
                              .source = std::nullopt};
  const MonoTime deadline = core.Now() + absl::Minutes(1);
  absl::StatusOr<std::unique_ptr<io::Connection>> connection = co_await core.Connect(to, deadline);
  SLUICE_CHECK(connection.ok());
  sim::Peer peer(core, *std::move(connection));
  co_await Expect(peer, "220");
  co_await Say(peer, "EHLO client.example\r\n");
  co_await Expect(peer, "250");
  co_await Say(peer, "STARTTLS\r\n");
  co_await Expect(peer, "220");
  tls::PeerDemand demand;
  demand.server_name = "gw.example";
  const std::optional<tls::Failure> failed =
      co_await peer.stream().ConnectTls(*client_context_, demand, peer.Deadline());
  SLUICE_CHECK(!failed.has_value());
  co_await Say(peer, "EHLO client.example\r\n");
  co_await Expect(peer, "250");
  while (true) {
    while (accepted_ == wanted_) co_await more_wanted_.Wait(MonoTime::Never());
    co_await Deliver(peer);
    ++accepted_;
  }
}

io::Task<void> RelayWorld::Deliver(sim::Peer& peer) {
  co_await Say(peer,
               "MAIL FROM:<alice@client.example> SIZE=10240\r\n"
               "RCPT TO:<bob@next.example>\r\n"
               "DATA\r\n");
  co_await Expect(peer, "250");
  co_await Expect(peer, "250");
  co_await Expect(peer, "354");
  co_await Say(peer, Letter());
  co_await Expect(peer, "250");
}

io::Task<void> RelayWorld::AcceptVisits(io::Core& core, std::unique_ptr<io::Listener> listener) {
  while (true) {
    absl::StatusOr<std::unique_ptr<io::Connection>> connection = co_await listener->Accept();
    SLUICE_CHECK(connection.ok());
    core.Spawn(BeNextHop(core, *std::move(connection)));
  }
}

io::Task<void> RelayWorld::BeNextHop(io::Core& core, std::unique_ptr<io::Connection> connection) {
  sim::Peer peer(core, std::move(connection));
  co_await Say(peer, "220 mx.next.example ESMTP\r\n");
  while (true) {
    const std::optional<std::string> line = co_await peer.ReadLine();
    if (!line.has_value()) break;
    const std::string verb = line->substr(0, line->find(' '));
    if (verb == "EHLO") {
      const absl::string_view starttls = peer.secure() ? "" : "250-STARTTLS\r\n";
      co_await Say(peer, absl::StrCat("250-mx.next.example\r\n", starttls,
                                      "250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 10240000\r\n"));
    } else if (verb == "STARTTLS") {
      co_await Say(peer, "220 2.0.0 Go\r\n");
      const std::optional<tls::Failure> failed =
          co_await peer.stream().AcceptTls(*next_hop_context_, peer.Deadline());
      SLUICE_CHECK(!failed.has_value());
    } else if (verb == "DATA") {
      SLUICE_CHECK(peer.secure());
      co_await Say(peer, "354 Go on\r\n");
      const std::optional<std::string> body = co_await peer.ReadUntil("\r\n.\r\n");
      // It has a field more than what was sent.
      SLUICE_CHECK(body.has_value() && body->size() > Letter().size());
      co_await Say(peer, "250 2.0.0 Ok\r\n");
      ++delivered_;
    } else if (verb == "QUIT") {
      co_await Say(peer, "221 2.0.0 Bye\r\n");
      break;
    } else {
      co_await Say(peer, "250 2.0.0 Ok\r\n");
    }
  }
  co_await peer.Close();
}

}  // namespace sluice::guard
