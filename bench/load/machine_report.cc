#include "bench/load/machine_report.h"

#include <ifaddrs.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "bench/load/proc_file.h"

namespace sluice::bench {
namespace {

namespace fs = std::filesystem;

int FileNumber(const std::string& path, int otherwise) {
  int value = 0;
  return absl::SimpleAtoi(ProcFile(path), &value) ? value : otherwise;
}

int CountEntries(const std::string& directory, absl::string_view prefix) {
  int count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    count += static_cast<int>(absl::StartsWith(entry.path().filename().string(), prefix));
  }
  return count;
}

std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (!absl::StartsWith(line, "model name")) continue;
    return std::string(absl::StripAsciiWhitespace(line.substr(line.find(':') + 1)));
  }
  return "unknown";
}

// The address that this machine has on the way to `peer`: what the kernel binds a socket to that is
// connected there. No packet is sent.
io::SocketAddress LocalAddressTo(const io::SocketAddress& peer) {
  sockaddr_storage local{};
  socklen_t size = sizeof(local);
  const int fd = socket(peer.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return io::SocketAddress();
  const bool known = connect(fd, peer.get(), peer.size()) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0;
  close(fd);
  return known ? io::SocketAddress::FromSockaddr(reinterpret_cast<sockaddr*>(&local), size)
               : io::SocketAddress();
}

// The interface that has `address`; empty when none has.
std::string InterfaceOf(const io::SocketAddress& address) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) return "";
  std::string name;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const sa_family_t family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const io::SocketAddress its = io::SocketAddress::FromSockaddr(
        one->ifa_addr, family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    if (its.ip_bytes() == address.ip_bytes()) name = one->ifa_name;
  }
  freeifaddrs(all);
  return name;
}

Nic DescribeNic(const io::SocketAddress& peer) {
  Nic nic;
  const io::SocketAddress local = LocalAddressTo(peer);
  nic.name = InterfaceOf(local);
  // 127.0.0.2 is of no interface and yet here.
  if (nic.name.empty() && absl::StartsWith(peer.ip(), "127.")) nic.name = "lo";
  nic.peer_is_here = nic.name == "lo" || !InterfaceOf(peer).empty();
  if (nic.peer_is_here) nic.name = "lo";  // whatever the address, that is the way it goes
  if (nic.name.empty()) return nic;
  const std::string base = absl::StrCat("/sys/class/net/", nic.name);
  std::error_code error;
  const std::string driver = fs::read_symlink(base + "/device/driver", error).filename().string();
  const bool is_virtual = driver.empty();
  nic.driver = !is_virtual ? driver : nic.name == "lo" ? "loopback" : "virtual (veth, bridge, …)";
  nic.mtu = FileNumber(base + "/mtu", 0);
  nic.speed_mbit = std::max(0, FileNumber(base + "/speed", 0));
  nic.receive_queues = CountEntries(base + "/queues", "rx-");
  nic.transmit_queues = CountEntries(base + "/queues", "tx-");
  nic.numa_node = FileNumber(base + "/device/numa_node", -1);
  // A virtio device's interrupts belong to the PCI device above it.
  for (const char* device : {"/device/msi_irqs", "/device/../msi_irqs"}) {
    for (const auto& entry : fs::directory_iterator(base + device, error)) {
      const std::string irq = entry.path().filename().string();
      nic.irqs.push_back(absl::StrCat(
          irq, " on ", ProcFile(absl::StrCat("/proc/irq/", irq, "/effective_affinity_list"))));
    }
    if (!nic.irqs.empty()) break;
  }
  return nic;
}

int FirstCpuOf(const std::string& irq) {
  int cpu = -1;
  const std::vector<std::string> words = absl::StrSplit(irq, ' ');
  return absl::SimpleAtoi(words.back(), &cpu) ? cpu : -1;
}

}  // namespace

Machine DescribeMachine(const io::SocketAddress& peer) {
  Machine machine;
  machine.cpu = CpuName();
  cpu_set_t usable;
  CPU_ZERO(&usable);
  sched_getaffinity(0, sizeof(usable), &usable);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) machine.cpus.push_back(cpu);
  }
  machine.online_cpus = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  machine.numa_nodes = std::max(1, CountEntries("/sys/devices/system/node", "node"));
  machine.governor = ProcFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
  machine.clock_source =
      ProcFile("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  utsname kernel{};
  uname(&kernel);
  machine.kernel = kernel.release;
  struct sysinfo memory {};
  sysinfo(&memory);
  machine.memory_bytes = uint64_t{memory.totalram} * memory.mem_unit;
  machine.nic = DescribeNic(peer);
  return machine;
}

std::vector<std::string> Warnings(const Machine& machine, int cores, bool connects) {
  std::vector<std::string> warnings;
  const Nic& nic = machine.nic;
#ifndef NDEBUG
  warnings.push_back("this is a debug build of the harness; build it with tools/build release");
#endif
  if (nic.peer_is_here) {
    warnings.push_back(
        "the target is on this machine: no network card is in the figures, and harness and target "
        "share caches and memory; for a server's figures run between two hosts");
    if (static_cast<int>(machine.cpus.size()) == machine.online_cpus) {
      warnings.push_back(
          "the harness may use every CPU, the target's too; keep them apart with taskset");
    }
  }
  if (!machine.governor.empty() && machine.governor != "performance") {
    warnings.push_back(absl::StrCat("the CPU's clock follows the load (governor ", machine.governor,
                                    "); set it with 'cpupower frequency-set -g performance'"));
  }
  if (machine.clock_source != "tsc" && machine.clock_source != "kvm-clock") {
    warnings.push_back(absl::StrCat("the clock source is ", machine.clock_source,
                                    ": reading the time is a system call"));
  }
  double load = 0;
  if (getloadavg(&load, 1) == 1 && load > 0.5 * machine.online_cpus) {
    warnings.push_back(absl::StrCat("the load average was ", load,
                                    " before the run: something else is using the CPUs"));
  }
  if (!nic.peer_is_here && nic.receive_queues > 0 && nic.receive_queues < cores &&
      ProcFile(absl::StrCat("/sys/class/net/", nic.name, "/queues/rx-0/rps_cpus"))
              .find_first_not_of("0,") == std::string::npos) {
    warnings.push_back(absl::StrCat(nic.name, " has ", nic.receive_queues, " receive queue(s) for ",
                                    cores, " cores, and no packet steering: raise 'ethtool -L ",
                                    nic.name, " combined', or set rps_cpus"));
  }
  for (int core = 0; core < cores && core < static_cast<int>(machine.cpus.size()); ++core) {
    const int cpu = machine.cpus[static_cast<size_t>(core)];
    const std::string node =
        absl::StrCat("/sys/devices/system/cpu/cpu", cpu, "/node", nic.numa_node);
    if (nic.numa_node >= 0 && machine.numa_nodes > 1 && !fs::exists(node)) {
      warnings.push_back(absl::StrCat("core ", core, " is on CPU ", cpu, ", off NUMA node ",
                                      nic.numa_node, " of ", nic.name,
                                      "; choose CPUs of that node with taskset"));
    }
    if (cores > 1 &&
        std::all_of(nic.irqs.begin(), nic.irqs.end(),
                    [cpu](const std::string& irq) { return FirstCpuOf(irq) == cpu; }) &&
        nic.irqs.size() > 1) {
      warnings.push_back(
          absl::StrCat("all interrupts of ", nic.name, " go to CPU ", cpu,
                       "; spread them (irqbalance, or /proc/irq/N/smp_affinity_list)"));
    }
  }
  if (connects && !nic.peer_is_here && ProcFile("/proc/sys/net/ipv4/tcp_tw_reuse") != "1") {
    warnings.push_back(
        "net.ipv4.tcp_tw_reuse is not 1: some 28,000 connections a minute leave from one address; "
        "set it, or name several with --source");
  }
  return warnings;
}

absl::Duration StolenTime() {
  std::ifstream file("/proc/stat");
  std::string line;
  std::getline(file, line);
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ' ', absl::SkipEmpty());
  constexpr size_t kSteal = 8;  // cpu user nice system idle iowait irq softirq steal (proc(5))
  int64_t ticks = 0;
  if (fields.size() <= kSteal || !absl::SimpleAtoi(fields[kSteal], &ticks)) ticks = 0;
  return absl::Seconds(static_cast<double>(ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

absl::Duration OwnCpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

}  // namespace sluice::bench
