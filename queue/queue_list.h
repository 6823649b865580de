// Looking through the queue, for people: reads on the calling thread, from a snapshot, and bounded.
//
// Any thread but a core's: it may wait for the disk.
#ifndef SLUICE_QUEUE_QUEUE_LIST_H_
#define SLUICE_QUEUE_QUEUE_LIST_H_

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "queue/database.h"
#include "queue/in_flight.h"
#include "queue/queue_view.h"

namespace sluice::queue {

absl::StatusOr<QueuePage> ListQueue(std::shared_ptr<const Tables> tables, const InFlight& in_flight,
                                    const QueueQuery& query);

// When the oldest message was accepted; unset when there is none.
absl::StatusOr<std::optional<absl::Time>> OldestMessage(std::shared_ptr<const Tables> tables);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_LIST_H_
