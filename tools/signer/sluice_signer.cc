// sluice-signer: holds the gateway's private keys and uses them for sluiced, which starts it with
// one end of a socket pair as descriptor 3 (tls/signer/child.h) and speaks tls/signer/protocol.h
// there. It answers nobody else, listens nowhere, and writes nothing.
//
// Exit status: 0 when the daemon has closed the connection; 2 when it was not started by a sluiced
// that speaks the same protocol, or cannot protect its memory; 3 when it was sent what is no
// request.
#include <openssl/crypto.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

#include "tls/signer/protocol.h"
#include "tools/signer/hardening.h"
#include "tools/signer/private_keys.h"
#include "tools/signer/service.h"

namespace sluice::signer {
namespace {

constexpr int kSocket = 3;
constexpr int kMostThreads = 1024;
constexpr int kNiceness = 5;
constexpr int kNotStartedRightly = 2;
constexpr int kMalformed = 3;

// The number behind `name` in an argument such as --threads=4.
std::optional<int> Number(std::string_view argument, std::string_view name) {
  if (argument.substr(0, name.size()) != name) return std::nullopt;
  argument.remove_prefix(name.size());
  int number = 0;
  const char* const end = argument.data() + argument.size();
  const auto [stopped, error] = std::from_chars(argument.data(), end, number);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return number;
}

bool IsStreamSocket(int descriptor) {
  int type = 0;
  socklen_t size = sizeof(type);
  return getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int Main(const std::vector<std::string_view>& arguments) {
  const auto version = arguments.size() == 3 ? Number(arguments[1], "--protocol=") : std::nullopt;
  const auto threads = arguments.size() == 3 ? Number(arguments[2], "--threads=") : std::nullopt;
  if (!version.has_value() || !threads.has_value() || *threads < 1 || *threads > kMostThreads ||
      !IsStreamSocket(kSocket)) {
    std::fputs(
        "sluice-signer holds private keys for sluiced, which starts it (--signer); "
        "by itself it does nothing.\n",
        stderr);
    return kNotStartedRightly;
  }
  if (*version != kProtocolVersion) {
    std::fprintf(stderr,
                 "sluice-signer: speaks version %d of its protocol, sluiced version %d: "
                 "restart sluiced after an upgrade.\n",
                 kProtocolVersion, *version);
    return kNotStartedRightly;
  }
  if (!Harden()) {
    std::perror("sluice-signer: its memory cannot be protected");
    return kNotStartedRightly;
  }
  // The cores go first: they need the CPU for moments, and every session of theirs waits meanwhile.
  // Of this thread, and so of those that it starts. To be nicer is allowed to everybody.
  [[maybe_unused]] const int niceness = nice(kNiceness);
  // No file of settings decides what signs here.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  PrivateKeys keys;
  Service service(kSocket, keys);
  std::vector<std::thread> others;
  for (int i = 1; i < *threads; ++i) others.emplace_back([&service] { service.Run(); });
  service.Run();
  for (std::thread& other : others) other.join();
  return service.malformed() ? kMalformed : 0;
}

}  // namespace
}  // namespace sluice::signer

int main(int argc, char** argv) { return sluice::signer::Main({argv, argv + argc}); }
