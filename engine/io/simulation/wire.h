// One simulated connection: two flows of bytes, and the two ends that see them.
#ifndef SLUICE_ENGINE_IO_SIMULATION_WIRE_H_
#define SLUICE_ENGINE_IO_SIMULATION_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/io/connection.h"
#include "engine/io/core.h"
#include "engine/io/simulation/network.h"
#include "engine/io/simulation/process.h"
#include "engine/io/simulation/simulation.h"

namespace sluice::io {

// One direction.
struct Flow {
  Flow(Core& sender, Core& receiver) : writable(sender), readable(receiver) {}

  std::string queued;       // in the sender's kernel
  size_t in_the_air = 0;    // bytes
  std::string arrived;      // in the receiver's kernel
  size_t left = 0;          // bytes that have left the sender's kernel, in all
  size_t delivered = 0;     // bytes that have arrived, in all
  MonoTime last_arrival;    // of what is in the air
  bool pump_waits = false;  // an event will pump again
  bool stalled = false;
  bool had_stall = false;

  bool ended = false;     // by the sender: behind `queued` comes the end
  bool end_sent = false;  // … and it is in the air, or has arrived
  bool end_arrived = false;
  bool unwanted = false;  // the receiver has closed: what arrives is answered with a reset

  Event writable;
  Event readable;
};

struct Wire : std::enable_shared_from_this<Wire> {
  Wire(Simulation& world_, SimulatedNetwork& network_, SimulatedCore& client, SimulatedCore& server,
       const Link& link_, SocketAddress client_address_, SocketAddress server_address_,
       uint64_t number_);

  Flow& flow(bool outward_flow) { return outward_flow ? outward : inward; }
  const Link::Fate& fate(bool outward_flow) const {
    return outward_flow ? link.outward : link.inward;
  }

  // Sends off what may go.
  void Pump(bool outward_flow);
  void Deliver(bool outward_flow, std::string bytes);
  // Both ends learn of it; what is under way is lost.
  void Reset();
  // One end is closed, by its process or by the kernel for it.
  void Close(bool by_client);
  // One end is gone without a word, and its host is back after `away`.
  void Vanish(bool client, absl::Duration away);

  Simulation& world;
  SimulatedNetwork& network;
  SimulatedProcess& client_process;
  SimulatedProcess& server_process;
  const Link link;
  const SocketAddress client_address;
  const SocketAddress server_address;
  const uint64_t number;
  Flow outward;
  Flow inward;
  bool was_reset = false;
  bool client_closed = false;
  bool server_closed = false;
};

class SimulatedConnection final : public Connection {
 public:
  SimulatedConnection(SimulatedCore& core, std::shared_ptr<Wire> wire, bool is_client);
  ~SimulatedConnection() override;  // Close() comes first (checked)

  const SocketAddress& local() const override {
    return is_client_ ? wire_->client_address : wire_->server_address;
  }
  const SocketAddress& remote() const override {
    return is_client_ ? wire_->server_address : wire_->client_address;
  }
  Task<absl::StatusOr<Input>> Receive(MonoTime deadline) override;
  Task<absl::Status> Send(absl::Span<const absl::string_view> pieces, MonoTime deadline) override;
  void Abort() override;
  Task<void> Close() override;

 private:
  class Operation;
  Flow& in() { return wire_->flow(!is_client_); }
  Flow& out() { return wire_->flow(is_client_); }
  // Takes as much as there is room for.
  void Queue(absl::string_view& bytes);

  SimulatedCore& core_;
  const std::shared_ptr<Wire> wire_;
  const bool is_client_;
  bool aborted_ = false;
  bool closed_ = false;
  int operations_ = 0;
  Event idle_;
};

// Who waits to be accepted at one address, on one core.
class SimulatedListener final : public Listener {
 public:
  // More are refused, as by a full backlog.
  static constexpr size_t kMostWaiting = 64;

  SimulatedListener(SimulatedCore& core, SocketAddress address);
  ~SimulatedListener() override;

  const SocketAddress& address() const override { return address_; }
  Task<absl::StatusOr<std::unique_ptr<Connection>>> Accept() override;
  void Stop() override;
  Task<void> Close() override;

  SimulatedCore& core() { return core_; }
  bool Offer(std::shared_ptr<Wire> wire);
  bool stopped() const { return stopped_; }

 private:
  friend class SimulatedNetwork;

  SimulatedCore& core_;
  const SocketAddress address_;
  std::vector<std::shared_ptr<Wire>> waiting_;
  Event changed_;
  bool stopped_ = false;
  bool closed_ = false;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_SIMULATION_WIRE_H_
