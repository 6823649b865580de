// The network of a simulated world: connections in memory, which carry bytes late, in pieces, in
// part, or not at all, as their link was told when they were opened.
//
//   network.set_weather([&](const SocketAddress& from, const SocketAddress& to) {
//     Link link;
//     if (world.OneIn(20)) link.connect = Link::Connect::kBlackHole;
//     return link;
//   });
//
// Bytes of one direction keep their order, as with TCP. What a Send has given away stands in a
// buffer of the sender's kernel: that the Send is over says nothing of the other end.
#ifndef SLUICE_ENGINE_IO_SIMULATION_NETWORK_H_
#define SLUICE_ENGINE_IO_SIMULATION_NETWORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/io/simulation/simulation.h"
#include "engine/io/socket_address.h"

namespace sluice::io {

class SimulatedCore;
class SimulatedListener;
class SimulatedProcess;
struct Wire;

// How one connection fares.
struct Link {
  enum class Connect { kAccepted, kRefused, kBlackHole };
  Connect connect = Connect::kAccepted;
  // Of each segment.
  absl::Duration least_latency = absl::Microseconds(50);
  absl::Duration most_latency = absl::Milliseconds(2);
  // Segments have 1 to so many bytes; 1 cuts at every byte. Behind the first few kilobytes of a
  // direction they are larger, so that a long body is not a million steps.
  size_t most_segment = 1400;
  // Bytes of one direction that have been sent and not been read.
  size_t window = 64 * 1024;

  // What becomes of one direction.
  struct Fate {
    size_t resets_after = SIZE_MAX;  // bytes delivered; then both ends are told
    size_t stalls_after = SIZE_MAX;  // bytes delivered; then silence
    absl::Duration stall = absl::InfiniteDuration();
    absl::Duration drip;  // between two segments
  };
  Fate outward;  // from the side that connected
  Fate inward;
  // Closing loses what the closing side had sent and the other had not received.
  bool reset_on_close = false;
};

class SimulatedNetwork {
 public:
  explicit SimulatedNetwork(Simulation& world) : world_(world) {}
  ~SimulatedNetwork();  // nobody listens any more (checked)
  SimulatedNetwork(const SimulatedNetwork&) = delete;
  SimulatedNetwork& operator=(const SimulatedNetwork&) = delete;

  // Asked at each connect. Without it every link is a good one.
  using Weather = std::function<Link(const SocketAddress& from, const SocketAddress& to)>;
  void set_weather(Weather weather) { weather_ = std::move(weather); }

  // Sees every byte at the moment in which it is sent. `connection` counts from 1.
  struct Sent {
    uint64_t connection;
    const SocketAddress& from;
    const SocketAddress& to;
    bool outward;  // by the side that connected
    absl::string_view bytes;
  };
  using Tap = std::function<void(const Sent& sent)>;
  void set_tap(Tap tap) { tap_ = std::move(tap); }

  uint64_t connections() const { return connections_; }

 private:
  friend class SimulatedConnection;
  friend class SimulatedCore;
  friend class SimulatedListener;
  friend class SimulatedProcess;

  Link Plan(const SocketAddress& from, const SocketAddress& to);
  // A listener of a living process at that address, or null.
  SimulatedListener* Find(const SocketAddress& address);
  uint16_t FreePort() { return next_port_++; }
  void Keep(const std::shared_ptr<Wire>& wire);
  void Forget(SimulatedListener& listener);
  // What a kernel does for a process that was killed, or cannot do when the power fails.
  void Orphan(SimulatedProcess& process, bool silently);

  Simulation& world_;
  Weather weather_;
  Tap tap_;
  std::vector<SimulatedListener*> listeners_;
  std::vector<std::weak_ptr<Wire>> wires_;
  uint64_t connections_ = 0;
  size_t living_wires_ = 0;  // of wires_, when it was last swept
  uint16_t next_port_ = 30000;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SIMULATION_NETWORK_H_
