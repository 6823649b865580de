#include "bench/guard/figures.h"
#include "bench/guard/relay_world.h"

namespace sluice::guard {
namespace {

constexpr int kFirst = 16;  // sessions are opened, and pools filled
constexpr int kMessages = 100;

int Messages(RelayWorld::NextHop next_hop) {
  // To the end of the process.
  RelayWorld& world = *new RelayWorld(next_hop);
  world.Send(kFirst);
  world.CountGateway();
  world.Send(kMessages);
  return kMessages;
}

}  // namespace

int AcceptedMessage() { return Messages(RelayWorld::NextHop::kUnreachable); }
int RelayedMessage() { return Messages(RelayWorld::NextHop::kTakesMail); }

}  // namespace sluice::guard
