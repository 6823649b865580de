// Executes what one figure is about, for guard.py, which runs it under callgrind and divides.
//
//   counted handshake_server         prints how many times it was done
//   counted --list                   prints the figures' names
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/guard/figures.h"

namespace {

struct Figure {
  const char* name;
  int (*run)();
};

constexpr Figure kFigures[] = {
    {"handshake_server", sluice::guard::HandshakeServer},
    {"handshake_client", sluice::guard::HandshakeClient},
    {"accepted_message", sluice::guard::AcceptedMessage},
    {"relayed_message", sluice::guard::RelayedMessage},
    {"policy_lookup", sluice::guard::PolicyLookup},
    {"due_scan", sluice::guard::DueScan},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const Figure& figure : kFigures) std::puts(figure.name);
    return 0;
  }
  for (const Figure& figure : kFigures) {
    if (argc != 2 || std::strcmp(argv[1], figure.name) != 0) continue;
    std::printf("%d\n", figure.run());
    std::fflush(stdout);
    // What a simulated world is made of is left as it stands.
    std::_Exit(0);
  }
  std::fputs("usage: counted FIGURE | --list\n", stderr);
  return 2;
}
