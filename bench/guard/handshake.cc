#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "bench/guard/figures.h"
#include "bench/guard/section.h"
#include "bench/parts/session_world.h"
#include "engine/base/check.h"
#include "engine/base/clock.h"
#include "tests/sim/entropy.h"

namespace sluice::guard {
namespace {

using tls::SessionWorld;
using Progress = SessionWorld::Progress;

// Some lengths vary with the randomness (signatures): enough of them to even that out.
constexpr int kHandshakes = 32;

enum class Side { kServer, kClient };

// `turn`, counted where it is this side's.
template <typename Turn>
auto Count(bool counted, Turn turn) {
  if (!counted) return turn();
  const Section section;
  return turn();
}

void Shake(SessionWorld& world, const std::string& peer, Side counted) {
  const bool server_counts = counted == Side::kServer;
  SessionWorld::Pair pair;
  pair.client = Count(!server_counts, [&] { return world.NewClient(peer); });
  pair.server = Count(server_counts, [&] { return world.NewServer(); });
  Progress client = Progress::kNeedInput;
  Progress server = Progress::kNeedInput;
  while (client != Progress::kDone || server != Progress::kDone) {
    if (client != Progress::kDone) {
      client = Count(!server_counts, [&] {
        return SessionWorld::Turn(*pair.client, pair.to_client, pair.to_server);
      });
    }
    if (server != Progress::kDone) {
      server = Count(server_counts, [&] {
        return SessionWorld::Turn(*pair.server, pair.to_server, pair.to_client);
      });
    }
    SLUICE_CHECK(client != Progress::kFailed && server != Progress::kFailed);
  }
  SLUICE_CHECK(!pair.client->info().resumed);
}

int Handshakes(Side counted) {
  const ManualClock clock;
  const sim::Entropy entropy(1, clock);
  SessionWorld world(tls::TestKey::kP256, tls::kCiphers, clock);
  Shake(world, "first", counted);  // what is made once
  StartCounting();
  for (int i = 0; i < kHandshakes; ++i) Shake(world, absl::StrCat("peer", i), counted);
  return kHandshakes;
}

}  // namespace

int HandshakeServer() { return Handshakes(Side::kServer); }
int HandshakeClient() { return Handshakes(Side::kClient); }

}  // namespace sluice::guard
