#include "tests/dns/dns_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

extern char** environ;

namespace sluice::dns {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// -1 when the port is taken.
int BoundSocket(int type, int port) {
  const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  SLUICE_CHECK(fd >= 0);
  const sockaddr_in address = Loopback(port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

int PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  SLUICE_CHECK(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  return ntohs(address.sin_port);
}

// A port that is free for UDP and TCP.
int FreePort() {
  for (;;) {
    const int udp = BoundSocket(SOCK_DGRAM, 0);
    const int port = PortOf(udp);
    const int tcp = BoundSocket(SOCK_STREAM, port);
    close(udp);
    if (tcp < 0) continue;
    close(tcp);
    return port;
  }
}

// Reads until `text` has come, for at most 10 s.
bool AwaitOutput(int fd, const std::string& text) {
  std::string output;
  while (!absl::StrContains(output, text)) {
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, 10'000) != 1) return false;
    char bytes[1024];
    const ssize_t size = read(fd, bytes, sizeof(bytes));
    if (size <= 0) return false;
    output.append(bytes, static_cast<size_t>(size));
  }
  return true;
}

}  // namespace

DnsServer::DnsServer(std::vector<std::string> records) : port_(FreePort()) {
  std::vector<std::string> arguments = {"dnsmasq",
                                        "--keep-in-foreground",
                                        "--log-facility=-",
                                        "--conf-file=/dev/null",
                                        "--no-resolv",
                                        "--no-hosts",
                                        "--pid-file=",
                                        "--user=",
                                        "--bind-interfaces",
                                        "--listen-address=127.0.0.1",
                                        absl::StrCat("--port=", port_)};
  arguments.insert(arguments.end(), records.begin(), records.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  int output[2];
  SLUICE_CHECK(pipe2(output, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDERR_FILENO);
  int error = posix_spawn(&pid_, "/usr/sbin/dnsmasq", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  if (error != 0) {
    pid_ = -1;
  } else if (!AwaitOutput(output[0], "started, version")) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  close(output[0]);
}

DnsServer::~DnsServer() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

std::string DnsServer::forwarder() const { return absl::StrCat("127.0.0.1@", port_); }

SilentServer::SilentServer() : socket_(BoundSocket(SOCK_DGRAM, 0)) { SLUICE_CHECK(socket_ >= 0); }
SilentServer::~SilentServer() { close(socket_); }

std::string SilentServer::forwarder() const { return absl::StrCat("127.0.0.1@", PortOf(socket_)); }

void SilentServer::AwaitQuestion() const {
  char byte;
  SLUICE_CHECK(recv(socket_, &byte, 1, MSG_PEEK) >= 0);
}

}  // namespace sluice::dns
