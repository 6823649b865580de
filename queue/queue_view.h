// What an administrator asks of the queue, and what comes back. Plain data.
//
// An item is a message on its way to one destination: one envelope.
#ifndef SLUICE_QUEUE_QUEUE_VIEW_H_
#define SLUICE_QUEUE_QUEUE_VIEW_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "queue/envelope.h"
#include "queue/message_id.h"

namespace sluice::queue {

enum class ItemState : uint8_t {
  kWaiting,  // for its next try
  kActive,   // in flight: taken by TakeDue, TakeExpired or Accept, and not given back yet
  kHeld,     // on hold
  kParked,   // for its destination, whose TLS fails
};

struct QueueItem {
  Envelope envelope;
  bool in_flight = false;
  std::optional<absl::Time> next_probe;  // of its destination; filled in for what is parked

  ItemState state() const {
    if (in_flight) return ItemState::kActive;
    if (envelope.held.has_value()) return ItemState::kHeld;
    return envelope.parked ? ItemState::kParked : ItemState::kWaiting;
  }
};

// Which items something is done to; without either field all of them.
struct Selection {
  std::optional<MessageId> message_id;
  std::string destination;

  bool Matches(const MessageId& id, absl::string_view of_destination) const {
    return (!message_id.has_value() || *message_id == id) &&
           (destination.empty() || destination == of_destination);
  }
};

// Empty and unset fields match everything.
struct QueueQuery {
  std::string destination;
  std::optional<MessageId> message_id;
  std::string sender;     // whole address, whatever the case
  std::string recipient;  // whole address, whatever the case
  std::optional<ItemState> state;
  std::string cursor;  // QueuePage::next of the page before; empty: from the start
  size_t limit = 100;  // most items on a page
  // Most items that are looked at for one page, which bounds how long a call takes: half a second
  // or so. A page may be short, even empty, and yet have a next one.
  size_t most_scanned = 100'000;
};

struct QueuePage {
  std::vector<QueueItem> items;  // oldest message first
  std::string next;              // empty: no more
};

struct DestinationTotals {
  std::string destination;
  uint64_t items = 0;
  uint64_t body_bytes = 0;
};

struct QueueTotals {
  uint64_t items = 0;
  uint64_t body_bytes = 0;  // a body that goes to three destinations counts three times
  uint64_t in_flight = 0;
  uint64_t parked = 0;
  std::optional<absl::Time> oldest_accepted_at;
  // Those with most items first. Complete up to Totals::kMostDestinations of them.
  std::vector<DestinationTotals> destinations;
};

// Who does something to the queue, and why: for the history.
struct Reason {
  std::string by;
  std::string why;  // may be empty

  std::string ToString() const;  // "by alice: asked for by its sender"
};

// One destination's share of what waits, by how long it has done so and by why.
struct DestinationSummary {
  static constexpr size_t kAges = 10;

  std::string destination;
  uint64_t items = 0;
  uint64_t held = 0;
  uint64_t tls = 0;  // whose last attempt failed for TLS
  uint64_t parked = 0;
  std::optional<absl::Time> next_probe;  // filled in where something is parked
  // Filled in: its servers are left alone until then; its mail waits for its rate.
  std::optional<absl::Time> paused_until;
  bool rate_limited = false;
  // Accepted within the last 5, 10, 20, 40, 80, 160, 320, 640 and 1280 minutes and no shorter time;
  // the last: longer ago.
  std::array<uint64_t, kAges> by_age{};
  // By the reason of TLS's or the stage where the last attempt failed; "": not tried to its end yet.
  std::map<std::string, uint64_t> by_reason;
};

struct QueueSummary {
  DestinationSummary all;                        // its destination is empty
  std::vector<DestinationSummary> destinations;  // those with most items first
  uint64_t destinations_total = 0;               // as far as they were told apart
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_VIEW_H_
