// Patterns compiled for lookup: which of a million of them decides for a name, in nanoseconds.
//
// A trie over the labels of names, read from the right. Its nodes stand in a hash table under the
// hash of their whole path from the root, so the place of every suffix of a name is known before
// the first of them is looked at: all are fetched from memory at once, and a lookup waits for
// memory twice, however many labels the name has: for buckets, then for nodes. The walk then goes
// from the right and ends at the first label that has no node.
//
//   buckets  array of { start: uint32, filter: uint32 }, and one more that only ends the last.
//            Its nodes begin at `start`, two on average; each sets one bit of `filter`, chosen by
//            its hash, so that a name on no entry seldom goes further than this.
//   nodes    the root, then the nodes of each bucket, one behind the other:
//              parent: uint32, rules: uint8, size: uint8, label: size octets, value: uint32 each
//
// `rules` has two bits for each kind of pattern that ends at the node, exact lowest: for which
// audiences (bit 0, bit 1) it applies. A pattern that does not apply to the audience of a lookup is
// passed over, so it never hides a wider one that does. There is one value for each kind present,
// in the same order. Nothing but the two arrays is kept: 25 to 35 bytes a pattern.
//
// Immutable, thread-safe. Lookups do not allocate.
#ifndef SLUICE_POLICY_TRIE_H_
#define SLUICE_POLICY_TRIE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "policy/domain_name.h"
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

  size_t memory_bytes() const { return buckets_.capacity() * sizeof(Bucket) + nodes_.capacity(); }

 private:
  class Builder;
  class Path;
  struct Bucket {
    uint32_t start;
    uint32_t filter;
  };
  struct Node {
    const char* bytes;
    uint32_t parent() const;
    uint8_t rules() const;
    absl::string_view label() const;
    size_t size() const;
    Audiences audiences(Pattern::Kind kind) const;
    uint32_t value(Pattern::Kind kind) const;
  };

  Node node(uint32_t offset) const { return Node{nodes_.data() + offset}; }
  size_t BucketOf(uint64_t path_hash) const;
  static bool MayHold(const Bucket& bucket, uint64_t path_hash) {
    return (bucket.filter >> (path_hash % 32) & 1) != 0;
  }
  // The child of `parent` by this label; the root, which is nobody's child, when there is none.
  uint32_t Child(uint32_t parent, uint64_t path_hash, absl::string_view label) const;
  template <typename Visitor>
  void Walk(const LookupName& name, Audiences audiences, Visitor visit) const;

  std::vector<Bucket> buckets_;
  std::string nodes_;  // empty: matches nothing. Labels are readable by words (LookupName)
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_TRIE_H_
