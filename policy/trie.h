// Patterns compiled for lookup: which of a million of them decides for a name, in nanoseconds.
//
// A trie over the labels of names, read from the right. Its nodes stand in a hash table under the
// hash of their whole path from the root, so the place of every suffix of a name is known before
// the first of them is looked at: all are fetched from memory at once, and a lookup waits for
// memory once, however many labels the name has. The walk then goes from the right and ends at the
// first label that has no node.
//
//   filters  uint32 for each bucket: each of its nodes sets one bit, chosen by its hash. Small
//            enough to stay in the caches, so that a name on no entry seldom waits for a bucket.
//   buckets  two cache lines each: rest: uint32, then nodes, three on average and five at most of
//            usual size, one behind the other:
//              parent: uint32, size: uint8, rules: uint8, label: size octets, value: uint32 each
//   root     a node without a label
//   rests    the nodes for which their buckets had no room (one or two in a hundred, more where
//            labels are long), one behind the other where `rest` says (0: none), up to a size of 0
//
// Nodes are told by their offset from the first bucket. `rules` has two bits for each kind of
// pattern that ends at the node, exact lowest: for which audiences (bit 0, bit 1) it applies. A
// pattern that does not apply to the audience of a lookup is passed over, so it never hides a wider
// one that does. There is one value for each kind present, in the same order. 50 to 60 bytes a
// pattern; half of that is room left in buckets, which is what it costs to wait once and not twice.
//
// Immutable, thread-safe. Lookups do not allocate.
#ifndef SLUICE_POLICY_TRIE_H_
#define SLUICE_POLICY_TRIE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/domain_name.h"
#include "policy/lookup_memory.h"
#include "policy/pattern.h"

namespace sluice::policy {

class Trie {
 public:
  // A set of audiences is one or both of two bits; what they stand for is the caller's.
  using Audiences = uint8_t;
  static constexpr Audiences kFirst = 1;
  static constexpr Audiences kSecond = 2;

  struct Rule {
    const Pattern* pattern;
    Audiences audiences;
    uint32_t value;
  };
  struct Match {
    uint32_t value;
    // How much the pattern says about the name: the greater decides, also between two tries. Two
    // patterns that match one name never have the same rank.
    int rank;
  };

  Trie() = default;  // matches nothing
  // `rules` in the order of their patterns, no pattern twice (checked). ResourceExhausted when they
  // do not fit into 4 GiB.
  static absl::StatusOr<Trie> Build(absl::Span<const Rule> rules);

  // The pattern that decides for `name` (an empty one matches nothing), passing over those whose
  // bit in `hidden` is set: bit v%64 of hidden[v/64] for value v; an empty span hides none.
  std::optional<Match> Lookup(const LookupName& name, Audiences audiences,
                              absl::Span<const uint64_t> hidden = {}) const;

  // All that match, weakest first.
  std::vector<Match> LookupAll(const LookupName& name, Audiences audiences) const;

  // The value of exactly this pattern.
  std::optional<uint32_t> Find(const Pattern& pattern) const;

  size_t memory_bytes() const { return filters_.size() + memory_.size(); }

 private:
  class Builder;
  class Path;
  struct Node {
    const char* bytes;
    uint32_t parent() const;
    uint8_t rules() const;
    absl::string_view label() const;
    size_t size() const;
    Audiences audiences(Pattern::Kind kind) const;
    uint32_t value(Pattern::Kind kind) const;
  };

  static constexpr size_t kBucketBytes = 128;
  static_assert(kBucketBytes % LookupMemory::kAlignment == 0);

  Node node(size_t offset) const { return Node{memory_.at(offset)}; }
  size_t BucketOf(uint64_t path_hash) const;  // its index
  bool MayHold(size_t bucket, uint64_t path_hash) const;
  // The child of `parent` by this label, or kNoNode.
  uint32_t Child(uint32_t parent, uint64_t path_hash, absl::string_view label) const;
  // Among the nodes from `begin` on.
  uint32_t FindAmong(size_t begin, size_t end, uint32_t parent, absl::string_view label) const;
  template <typename Visitor>
  void Walk(const LookupName& name, Audiences audiences, Visitor visit) const;

  size_t buckets_ = 0;  // none: matches nothing
  uint32_t root_ = 0;
  LookupMemory filters_;
  LookupMemory memory_;  // buckets, root, rests; labels are readable by words (LookupName)
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_TRIE_H_
