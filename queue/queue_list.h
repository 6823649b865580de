// Looking through the queue, for people: reads on the calling thread, from a snapshot, and bounded.
//
// Any thread but a core's: it may wait for the disk.
#ifndef SLUICE_QUEUE_QUEUE_LIST_H_
#define SLUICE_QUEUE_QUEUE_LIST_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "queue/database.h"
#include "queue/in_flight.h"
#include "queue/message_id.h"
#include "queue/queue_view.h"

namespace sluice::queue {

absl::StatusOr<QueuePage> ListQueue(std::shared_ptr<const Tables> tables, const InFlight& in_flight,
                                    const QueueQuery& query);

// What is shown of a message's header.
inline constexpr size_t kShownHeaderBytes = 64 * 1024;

// The header of a message that is queued (RFC 5322 §2.1): whole lines up to the empty one,
// kShownHeaderBytes at most. Empty when it is not queued any more. What stands in it came from
// strangers, in whatever encoding.
absl::StatusOr<std::string> ReadMessageHeader(const Tables& tables, const MessageId& id);

// When the oldest message was accepted; unset when there is none.
absl::StatusOr<std::optional<absl::Time>> OldestMessage(std::shared_ptr<const Tables> tables);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_QUEUE_LIST_H_
