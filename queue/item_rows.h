// The rows of an item, put, moved and erased: in one place, since the promise that nothing is lost
// and nothing is left over hangs on their being changed together.
//
// All of these add to a batch on the store thread.
#ifndef SLUICE_QUEUE_ITEM_ROWS_H_
#define SLUICE_QUEUE_ITEM_ROWS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/io/chunk.h"
#include "queue/batch.h"
#include "queue/envelope.h"
#include "queue/in_flight.h"

namespace sluice::queue {

// OK for envelopes that PutMessage can put: there are some, all of one id, with a destination and a
// pending recipient each, and no destination twice.
absl::Status CheckMessage(const std::vector<Envelope>& envelopes);

// Why an order that names a message by itself is refused.
absl::Status NotQueued(const MessageId& id);
absl::Status BeingSent(const MessageId& id, absl::string_view destination);

// All rows of a new message, due at `due`; fills in what the spool keeps in the envelopes.
void PutMessage(Batch& batch, const io::Body& body, absl::Time due,
                std::vector<Envelope>& envelopes);

// On hold, and parked: the row in `due` stands behind the deadline, so it is never come upon before
// that. They are not the same time, so that the row, which carries a note of which it is, moves from
// one to the other.
absl::Time DueOfHeld(absl::Time deadline);
absl::Time DueOfParked(absl::Time deadline);

// The envelope as it is now, due at envelope.next_due instead of `facts.due`; `facts` becomes what
// it is then.
void RewriteItem(Batch& batch, ItemFacts& facts, Envelope& envelope);

// All rows of the item, and those of the body when no other item needs it. On an error nothing has
// been added.
absl::Status EraseItem(Batch& batch, absl::string_view item, const ItemFacts& facts);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_ITEM_ROWS_H_
