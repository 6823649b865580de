#include "policy/table.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace sluice::policy {
namespace {

const Pattern& PatternOf(const Written& written) {
  return written.after != nullptr ? written.after->pattern : written.before->pattern;
}

const Pattern& PatternOf(const EntryPtr& entry) { return entry->pattern; }

// Into the list's order. A million patterns lie all over memory: most comparisons are decided by
// prefixes that lie side by side.
template <typename T>
void SortByPattern(std::vector<T>& items) {
  struct Key {
    unsigned __int128 prefix;
    size_t index;
  };
  std::vector<Key> keys;
  keys.reserve(items.size());
  for (const T& item : items) keys.push_back({PatternOf(item).order_prefix(), keys.size()});
  std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix
                                : PatternOf(items[a.index]) < PatternOf(items[b.index]);
  });
  std::vector<T> sorted;
  sorted.reserve(items.size());
  for (const Key& key : keys) sorted.push_back(std::move(items[key.index]));
  items = std::move(sorted);
}

Trie::Audiences AudiencesOf(const Entry& entry) {
  return static_cast<Trie::Audiences>((entry.applies_inbound() ? Trie::kFirst : 0) |
                                      (entry.applies_outbound() ? Trie::kSecond : 0));
}

// `entries` with `written` carried out on them; both in the list's order.
std::vector<EntryPtr> Merge(const std::vector<EntryPtr>& entries,
                            const std::vector<Written>& written) {
  std::vector<EntryPtr> merged;
  merged.reserve(entries.size() + written.size());
  size_t i = 0;
  for (const Written& write : written) {
    const Pattern& pattern = PatternOf(write);
    while (i < entries.size() && entries[i]->pattern < pattern) merged.push_back(entries[i++]);
    if (i < entries.size() && entries[i]->pattern == pattern) ++i;
    if (write.after != nullptr) merged.push_back(write.after);
  }
  merged.insert(merged.end(), entries.begin() + static_cast<std::ptrdiff_t>(i), entries.end());
  return merged;
}

// The same in everything that an administrator sets.
bool SameSettings(const Entry& a, Entry b) {
  b.created = a.created;
  b.changed = a.changed;
  b.generation = a.generation;
  b.last_ping = a.last_ping;
  return a == b;
}

void CheckChange(const Change& change, const Entry* existing, std::vector<Fault>& faults) {
  const std::string text = change.entry.pattern.text();
  if (change.kind == Change::Kind::kAdd && existing != nullptr) {
    faults.push_back({change.line, absl::StrCat(text, " is on the list already; set changes it")});
  }
  if (change.kind == Change::Kind::kSet && existing == nullptr) {
    faults.push_back({change.line, absl::StrCat(text, " is not on the list; add puts it there")});
  }
  if (change.kind == Change::Kind::kRemove) {
    if (existing == nullptr) {
      faults.push_back({change.line, absl::StrCat(text, " is not on the list")});
    }
    return;
  }
  for (const std::string& fault : Validate(change.entry)) {
    faults.push_back({change.line, absl::StrCat(text, ": ", fault)});
  }
}

// The entry that `change` leaves in the place of `existing`.
EntryPtr Result(const Change& change, const Entry* existing, const Stamp& author,
                uint64_t generation) {
  if (change.kind == Change::Kind::kRemove) return nullptr;
  auto entry = std::make_shared<Entry>(change.entry);
  entry->created = existing != nullptr ? existing->created : author;
  entry->changed = author;
  entry->generation = generation;
  entry->last_ping = existing != nullptr ? existing->last_ping : std::nullopt;
  return entry;
}

}  // namespace

absl::StatusOr<Snapshot::Tier> Table::Compile(std::vector<EntryPtr> in_order) {
  std::vector<Trie::Rule> rules;
  rules.reserve(in_order.size());
  for (const EntryPtr& entry : in_order) {
    rules.push_back({&entry->pattern, AudiencesOf(*entry), static_cast<uint32_t>(rules.size())});
  }
  Snapshot::Tier tier;
  SLUICE_ASSIGN_OR_RETURN(tier.trie, Trie::Build(rules));
  tier.entries = std::move(in_order);
  return tier;
}

absl::StatusOr<std::shared_ptr<const Snapshot>> Table::Next(const Snapshot& last,
                                                            const std::vector<Written>& written,
                                                            uint64_t generation) {
  auto next = std::make_shared<Snapshot>(last);
  next->generation_ = generation;
  next->overlay_.entries = Merge(last.overlay_.entries, written);
  for (const Written& write : written) {
    next->size_ += static_cast<size_t>(write.after != nullptr);
    next->size_ -= static_cast<size_t>(write.before != nullptr);
    const auto index = next->base_->trie.Find(PatternOf(write));
    if (!index || next->IsHidden(*index)) continue;
    next->hidden_.resize(next->base_->entries.size() / 64 + 1);
    next->hidden_[*index / 64] |= uint64_t{1} << (*index % 64);
    ++next->hidden_count_;
  }

  const size_t most = std::max(kSmallestOverlay, next->base_->entries.size() / 256);
  if (next->overlay_.entries.size() + next->hidden_count_ <= most) {
    SLUICE_ASSIGN_OR_RETURN(next->overlay_, Compile(std::move(next->overlay_.entries)));
    return next;
  }
  std::vector<EntryPtr> all;
  all.reserve(next->size_);
  next->ForEach([&](const EntryPtr& entry) {
    all.push_back(entry);
    return true;
  });
  SLUICE_ASSIGN_OR_RETURN(Snapshot::Tier base, Compile(std::move(all)));
  next->base_ = std::make_shared<const Snapshot::Tier>(std::move(base));
  next->overlay_ = Snapshot::Tier();
  next->hidden_.clear();
  next->hidden_count_ = 0;
  return next;
}

void Table::Finish(uint64_t generation, Proposal& proposal) {
  SortByPattern(proposal.written);
  auto next = proposal.written.empty() ? proposal.replaced
                                       : Next(*proposal.replaced, proposal.written, generation);
  if (next.ok() && (*next)->size() > kMaxEntries) {
    next = absl::ResourceExhaustedError(absl::StrCat("the list would have ", (*next)->size(),
                                                     " entries, at most ", kMaxEntries,
                                                     " are allowed"));
  }
  if (next.ok()) {
    proposal.next = *std::move(next);
  } else {
    proposal.faults.push_back({0, std::string(next.status().message())});
    proposal.written.clear();
  }
}

absl::StatusOr<std::unique_ptr<Table>> Table::Load(std::vector<Entry> entries,
                                                   uint64_t generation) {
  std::vector<EntryPtr> in_order;
  in_order.reserve(entries.size());
  for (Entry& entry : entries) {
    generation = std::max(generation, entry.generation);
    in_order.push_back(std::make_shared<const Entry>(std::move(entry)));
  }
  SortByPattern(in_order);
  const auto twice = std::adjacent_find(
      in_order.begin(), in_order.end(),
      [](const EntryPtr& a, const EntryPtr& b) { return a->pattern == b->pattern; });
  if (twice != in_order.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat((*twice)->pattern.text(), " is on the list twice"));
  }
  auto first = std::make_shared<Snapshot>();
  first->size_ = in_order.size();
  first->generation_ = generation;
  SLUICE_ASSIGN_OR_RETURN(Snapshot::Tier base, Compile(std::move(in_order)));
  first->base_ = std::make_shared<const Snapshot::Tier>(std::move(base));
  return std::unique_ptr<Table>(new Table(std::move(first)));
}

std::shared_ptr<const Snapshot> Table::current() const {
  absl::MutexLock lock(&mutex_);
  return current_;
}

Proposal Table::Propose(const Transaction& transaction) const {
  Proposal proposal;
  proposal.replaced = current();
  const Snapshot& last = *proposal.replaced;
  const uint64_t generation = last.generation() + 1;

  absl::flat_hash_map<std::string, int> line_of;  // by pattern
  for (const Change& change : transaction.changes) {
    const std::string text = change.entry.pattern.text();
    const auto [first, is_new] = line_of.try_emplace(text, change.line);
    if (!is_new) {
      proposal.faults.push_back(
          {change.line, absl::StrCat(text, " is there twice, first in line ", first->second)});
      continue;
    }
    EntryPtr existing = last.Find(change.entry.pattern);
    CheckChange(change, existing.get(), proposal.faults);
    if (!proposal.faults.empty()) continue;
    if (existing != nullptr && change.kind != Change::Kind::kRemove &&
        SameSettings(*existing, change.entry)) {
      continue;
    }
    EntryPtr result = Result(change, existing.get(), transaction.author, generation);
    proposal.written.push_back({std::move(existing), std::move(result)});
  }
  if (transaction.replace_all) {
    last.ForEach([&](const EntryPtr& entry) {
      if (!line_of.contains(entry->pattern.text())) proposal.written.push_back({entry, nullptr});
      return true;
    });
  }
  if (!proposal.faults.empty()) {
    proposal.written.clear();
    return proposal;
  }
  Finish(generation, proposal);
  return proposal;
}

Proposal Table::ProposePing(const Pattern& pattern, const PingRecord& ping) const {
  Proposal proposal;
  proposal.replaced = current();
  EntryPtr existing = proposal.replaced->Find(pattern);
  if (existing == nullptr) {
    proposal.faults.push_back({0, absl::StrCat(pattern.text(), " is not on the list")});
    return proposal;
  }
  auto noted = std::make_shared<Entry>(*existing);
  noted->last_ping = ping;
  for (const std::string& fault : Validate(*noted)) {
    proposal.faults.push_back({0, absl::StrCat(pattern.text(), ": ", fault)});
  }
  if (!proposal.faults.empty()) return proposal;
  proposal.written.push_back({std::move(existing), std::move(noted)});
  Finish(proposal.replaced->generation(), proposal);
  return proposal;
}

void Table::Publish(const Proposal& proposal) {
  SLUICE_CHECK(proposal.faults.empty() && proposal.next != nullptr);
  absl::MutexLock lock(&mutex_);
  SLUICE_CHECK(current_ == proposal.replaced);
  current_ = proposal.next;
}

}  // namespace sluice::policy
