// What the figures were measured on, and what would spoil them.
#ifndef SLUICE_BENCH_LOAD_MACHINE_REPORT_H_
#define SLUICE_BENCH_LOAD_MACHINE_REPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/io/socket_address.h"

namespace sluice::bench {

// The way to the program under test.
struct Nic {
  std::string name;    // "eth0", "lo", "veth0"
  std::string driver;  // "virtio_net", "loopback", "veth"
  int mtu = 0;
  int speed_mbit = 0;  // 0: not told
  int receive_queues = 0;
  int transmit_queues = 0;
  int numa_node = -1;             // -1: not told
  std::vector<std::string> irqs;  // "34 on 0-3"
  bool peer_is_here = false;      // the target's address is one of this machine's
};

struct Machine {
  std::string cpu;
  std::vector<int> cpus;  // that the harness may use; its core i runs on the i-th
  int online_cpus = 0;
  int numa_nodes = 0;
  std::string governor;  // empty: not told (a virtual machine)
  std::string clock_source;
  std::string kernel;
  uint64_t memory_bytes = 0;
  Nic nic;
};

// `peer` is where the load goes to.
Machine DescribeMachine(const io::SocketAddress& peer);

// Each with what to do. `cores` of the harness; `connects`: new connections come as fast as they
// can.
std::vector<std::string> Warnings(const Machine& machine, int cores, bool connects);

// Time of all CPUs together since boot that was taken by other guests of the host.
absl::Duration StolenTime();
// CPU time of this process.
absl::Duration OwnCpuTime();

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_MACHINE_REPORT_H_
