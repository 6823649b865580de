// The chain of hashes through the history: each row carries the SHA-256 of itself and of the chain in
// front of it, so that a row that is changed, taken out, put in or moved breaks the chain from there
// on, in the store and in what is exported from it.
//
//   row   = entry seal
//   seal  = %xFA %x01 %x20 32OCTET          a protobuf field (31) of storage.HistoryEntry: the chain
//   chain = SHA-256(chain of the row in front, key, entry)
//
// In front of the first row there ever was, the chain is 32 zero octets. What is trimmed takes its
// rows along; the chain behind the last of them is kept (kHistoryChainKey), so that the rest still
// hangs on it. Rows of a version before the chain have no seal: the chain behind them is zero octets
// again. (One of those may end as if it had a seal; it is then read as a row whose chain is broken.
// Rows written since are never taken amiss: the seal is what stands last.)
//
// What it cannot show is that the end was cut off, or that all of it was forged by somebody who can
// write the store: for that the head of the chain is told in the log each day ("history_head"), which
// is kept elsewhere.
//
// Pure functions.
#ifndef SLUICE_QUEUE_HISTORY_CHAIN_H_
#define SLUICE_QUEUE_HISTORY_CHAIN_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/base/sha256.h"

namespace sluice::queue {

inline constexpr size_t kChainBytes = kSha256Bytes;

std::string ChainStart();
std::string NextChain(absl::string_view previous, absl::string_view key, absl::string_view entry);

std::string SealRow(absl::string_view entry, absl::string_view chain);

struct SealedRow {
  absl::string_view entry;
  absl::string_view chain;  // empty: it has no seal
};
// Points into `row`.
SealedRow OpenRow(absl::string_view row);

// The chain behind a row, which begins anew where it has no seal.
std::string ChainBehind(absl::string_view row);

// Whether `row` under `key` is what was written behind `previous`.
bool Holds(absl::string_view previous, absl::string_view key, absl::string_view row);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_HISTORY_CHAIN_H_
