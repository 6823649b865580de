// Looking through the queue, for people: reads on the calling thread, from a snapshot, and bounded.
//
// Any thread but a core's: it may wait for the disk.
#ifndef SLUICE_QUEUE_QUEUE_LIST_H_
#define SLUICE_QUEUE_QUEUE_LIST_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/io/chunk.h"
#include "queue/database.h"
#include "queue/in_flight.h"
#include "queue/message_id.h"
#include "queue/queue_view.h"

namespace sluice::queue {

absl::StatusOr<QueuePage> ListQueue(std::shared_ptr<const Tables> tables, const InFlight& in_flight,
                                    const QueueQuery& query);

// Whole chunks from the beginning of a body on: `least_bytes` where it has as many. Empty when the
// message is not queued.
absl::StatusOr<io::Body> ReadBeginning(const Tables& tables, const MessageId& id,
                                       size_t least_bytes);

// When the oldest message was accepted; unset when there is none.
absl::StatusOr<std::optional<absl::Time>> OldestMessage(std::shared_ptr<const Tables> tables);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_LIST_H_
