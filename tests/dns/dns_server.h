// DNS servers on loopback for tests: a real one (dnsmasq) with a few names, and one that is silent.
#ifndef SLUICE_TESTS_DNS_DNS_SERVER_H_
#define SLUICE_TESTS_DNS_DNS_SERVER_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace sluice::dns {

// dnsmasq (Debian: dnsmasq-base) with `records` as further arguments, on a port that the kernel
// picks. It answers when the constructor returns; what it cannot answer from `records` it refuses.
class DnsServer {
 public:
  explicit DnsServer(std::vector<std::string> records);
  ~DnsServer();
  DnsServer(const DnsServer&) = delete;
  DnsServer& operator=(const DnsServer&) = delete;

  bool running() const { return pid_ > 0; }
  // For --dns_config: "127.0.0.1@5353".
  std::string forwarder() const;

 private:
  pid_t pid_ = -1;
  int port_ = 0;
};

// Takes questions and answers none.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;

  std::string forwarder() const;
  // Waits until a question has come.
  void AwaitQuestion() const;

 private:
  int socket_;
};

}  // namespace sluice::dns

#endif  // SLUICE_TESTS_DNS_DNS_SERVER_H_
