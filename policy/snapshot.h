// The enforced-TLS list as it stands at one moment: what every lookup reads.
//
//   std::shared_ptr<const Snapshot> list = table.current();
//   const Entry* entry = list->Lookup("mail.example.com", Flow::kOutbound);
//   if (entry != nullptr) …                 // lives as long as the snapshot
//
// Which entry decides. Of the entries whose pattern matches and whose direction includes the flow,
// the one whose pattern says most (policy/pattern.h):
//   - an entry for the other direction alone does not take part: `example.com, inbound` does not
//     hide `*, outbound` from mail to example.com;
//   - an entry that is off does take part: it exempts its names from every wider pattern. Where it
//     decides, Lookup returns null, and the domain is treated as on no entry.
//
// Shape. A big compiled base, shared by many snapshots, and a small overlay of what has changed
// since, with one bit for each entry of the base that the overlay replaces or removes. A lookup
// asks both. So one change costs a rebuild of the overlay, not of the list (policy/table.h).
//
// Immutable, thread-safe.
#ifndef SLUICE_POLICY_SNAPSHOT_H_
#define SLUICE_POLICY_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "policy/domain_name.h"
#include "policy/entry.h"
#include "policy/trie.h"

namespace sluice::policy {

// Which way a message goes: in from the domain, or out to it.
enum class Flow : uint8_t { kInbound, kOutbound };

class Snapshot {
 public:
  // What matched a name and its flow, and why one of them decides; for people.
  struct Explanation {
    struct Candidate {
      EntryPtr entry;
      bool decides;
      std::string why;  // "the longest suffix that matches", "beaten by a longer suffix", …
    };
    std::string name;                   // as it was compared
    std::vector<Candidate> candidates;  // strongest first; those of the other direction included
    std::string verdict;                // one sentence
  };

  // How the last ping ended; kWarned: whatever that was, with warnings.
  enum class PingState : uint8_t { kNever, kValid, kPartial, kInvalid, kWarned };

  struct Query {
    std::string text;  // in the pattern (either form) or the note, whatever the case; "": any
    std::optional<Direction> direction;
    std::optional<Mode> mode;
    std::optional<Level> level;
    std::string glob;  // of the pattern's text, as a shell has them: "*.example.*"; "": any
    std::optional<PingState> ping;
    size_t offset = 0;
    size_t limit = 100;
  };
  struct Page {
    std::vector<EntryPtr> entries;  // in the list's order
    size_t total = 0;               // that match, on all pages
  };

  // "never", "valid", "partial", "invalid", "warned".
  static absl::StatusOr<PingState> ParsePingState(absl::string_view name);

  // The deciding entry; null when there is none or it is off. `domain` as it came from the wire:
  // any case, U-labels or A-labels, trailing dot or not; empty (the null sender) is on no entry.
  const Entry* Lookup(absl::string_view domain, Flow flow) const;
  Explanation Explain(absl::string_view domain, Flow flow) const;

  // The entry of exactly this pattern, or null.
  EntryPtr Find(const Pattern& pattern) const;
  Page Search(const Query& query) const;  // reads the whole list: under 1 s for a million entries
  // In the list's order (Pattern's <), until `visit` returns false.
  void ForEach(absl::FunctionRef<bool(const EntryPtr&)> visit) const;

  size_t size() const { return size_; }
  uint64_t generation() const { return generation_; }  // grows with every change of the list
  size_t trie_bytes() const { return base_->trie.memory_bytes() + overlay_.trie.memory_bytes(); }

 private:
  friend class Table;

  // Entries in order, and the trie whose values are their indexes.
  struct Tier {
    std::vector<EntryPtr> entries;
    Trie trie;
  };
  struct Found {
    EntryPtr entry;
    int rank;
  };
  bool IsHidden(size_t base_index) const {
    return !hidden_.empty() && (hidden_[base_index / 64] >> (base_index % 64) & 1) != 0;
  }
  // The deciding entry, off or not; null when there is none.
  const Entry* Deciding(const LookupName& name, Flow flow) const;
  // All whose pattern matches, whatever their direction, strongest first.
  std::vector<Found> AllThatMatch(const LookupName& name) const;

  std::shared_ptr<const Tier> base_ = std::make_shared<Tier>();
  Tier overlay_;
  std::vector<uint64_t> hidden_;  // a bit for each entry of the base; empty when none is hidden
  size_t hidden_count_ = 0;
  size_t size_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_SNAPSHOT_H_
