// What an administrator asks of the queue, and what comes back. Plain data.
//
// An item is a message on its way to one destination: one envelope.
#ifndef SLUICE_QUEUE_QUEUE_VIEW_H_
#define SLUICE_QUEUE_QUEUE_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "queue/envelope.h"
#include "queue/message_id.h"

namespace sluice::queue {

struct QueueItem {
  Envelope envelope;
  bool in_flight = false;  // taken by TakeDue, TakeExpired or Accept, and not given back yet
};

// Empty and unset fields match everything.
struct QueueQuery {
  std::string destination;
  std::optional<MessageId> message_id;
  std::string sender;     // whole address, whatever the case
  std::string recipient;  // whole address, whatever the case
  std::optional<bool> in_flight;
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
  std::optional<absl::Time> oldest_accepted_at;
  // Those with most items first. Complete up to Totals::kMostDestinations of them.
  std::vector<DestinationTotals> destinations;
};

// Which items are to be tried now; without either field all of them.
struct RetrySelection {
  std::optional<MessageId> message_id;
  std::string destination;
};

struct Removal {
  MessageId message_id;
  std::string destination;  // empty: all of the message's
  std::string by;           // who does it, and why: for the history
  std::string reason;
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_VIEW_H_
