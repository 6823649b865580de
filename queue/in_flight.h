// The items that are in somebody's hands: nobody else is given them, and only they can be finished.
//
// What the spool has to know of such an item in order to erase or rewrite its rows is kept here, so
// that the outcome of an attempt is written without reading anything. Thread-safe.
#ifndef SLUICE_QUEUE_IN_FLIGHT_H_
#define SLUICE_QUEUE_IN_FLIGHT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "queue/envelope.h"

namespace sluice::queue {

// An item's rows.
struct ItemFacts {
  absl::Time due;  // under which its row in `due` stands
  absl::Time deadline;
  int attempts = 0;
  uint64_t body_bytes = 0;
  uint32_t body_chunks = 0;
  bool sole_destination = false;
  uint32_t revision = 0;
  bool parked = false;  // has a row in `parked`
};
ItemFacts FactsOf(const Envelope& envelope);

class InFlight {
 public:
  // `item` is the key of its envelope (ItemKey). False: it is in here already, and stays as it is.
  bool Add(absl::string_view item, const ItemFacts& facts);
  // In here, free to be changed (checked).
  void Set(absl::string_view item, const ItemFacts& facts);
  void Remove(absl::string_view item);  // if it is in here

  bool Contains(absl::string_view item) const;
  std::optional<ItemFacts> Find(absl::string_view item) const;
  // Without the lock, which cores take: as of a moment ago.
  size_t size() const { return size_.load(std::memory_order_relaxed); }
  std::vector<std::string> Items() const;  // in the order of keys

  // While an outcome is on its way to the disk, a second one is refused: unset when it is not in
  // here, or reserved already.
  std::optional<ItemFacts> Reserve(absl::string_view item);
  void Unreserve(absl::string_view item);

 private:
  struct Entry {
    ItemFacts facts;
    bool reserved = false;
  };

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> items_ ABSL_GUARDED_BY(mutex_);
  std::atomic<size_t> size_{0};  // of items_
};

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_IN_FLIGHT_H_
