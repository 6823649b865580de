#include "policy/trie.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "policy/domain_name.h"

namespace sluice::policy {
namespace {

// No pattern has more labels; of a stranger name, made of dots, the rightmost are enough.
constexpr size_t kMaxLabels = 127;
constexpr size_t kNodeHeaderBytes = 6;  // parent, size, rules
constexpr size_t kValueBytes = 4;
constexpr size_t kNodesPerBucket = 3;
constexpr size_t kBucketHeaderBytes = 4;  // rest
constexpr size_t kFilterBytes = 4;
constexpr size_t kCacheLine = 64;
constexpr size_t kReadAhead = 8;  // behind the last node: words
constexpr uint32_t kNoNode = 0;   // the first bucket's header stands there
constexpr uint64_t kRootHash = 0;

uint32_t Load32(const char* bytes) {
  uint32_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

void Store32(uint32_t value, char* bytes) { std::memcpy(bytes, &value, sizeof(value)); }

// Labels are hashed and compared by words of eight octets, the last of them masked: the octets
// behind a label are readable in a LookupName and in Trie::nodes_ alike. The first octet of a label
// is the lowest of a word.
static_assert(std::endian::native == std::endian::little);
static_assert(LookupName::kReadableBehind >= sizeof(uint64_t));

uint64_t Load64(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

// The lowest `octets` of a word, 1 to 8.
uint64_t Lowest(uint64_t word, size_t octets) { return word << (64 - 8 * octets); }

bool SameOctets(const char* a, const char* b, size_t size) {
  for (; size > 8; size -= 8, a += 8, b += 8) {
    if (Load64(a) != Load64(b)) return false;
  }
  return size == 0 || Lowest(Load64(a) ^ Load64(b), size) == 0;
}

// A folded multiplication, as in wyhash (Wang Yi): every bit of the input reaches every bit of the
// result. No defence against chosen collisions, which cost time and never a wrong answer; a list is
// the administrator's own.
uint64_t Mix(uint64_t word) {
  const auto product =
      static_cast<unsigned __int128>(word ^ 0xa0761d6478bd642f) * 0xe7037ed1a0b428db;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// The hash of a path and one more label.
uint64_t Extend(uint64_t path_hash, absl::string_view label) {
  uint64_t hash = path_hash + label.size();
  const char* octets = label.data();
  size_t size = label.size();
  for (; size > 8; size -= 8, octets += 8) hash = Mix(hash ^ Load64(octets));
  return Mix(size == 0 ? hash : hash ^ Lowest(Load64(octets), size));
}

// Where a kind stands among the rules of a node; kAny stands alone, at the root.
int RuleShift(Pattern::Kind kind) {
  switch (kind) {
    case Pattern::Kind::kExact:
      return 0;
    case Pattern::Kind::kBelow:
      return 2;
    case Pattern::Kind::kSelfAndBelow:
    case Pattern::Kind::kAny:
      return 4;
  }
  SLUICE_CHECK(false);
}

// How many kinds are present in rules, each of which has two bits.
size_t KindsIn(unsigned rules) {
  static constexpr std::array<uint8_t, 64> kKinds = [] {
    std::array<uint8_t, 64> kinds{};
    for (unsigned i = 0; i < kinds.size(); ++i) {
      kinds[i] = static_cast<uint8_t>(std::popcount((i | i >> 1) & 0b010101u));
    }
    return kinds;
  }();
  return kKinds[rules % kKinds.size()];
}

int RankOf(size_t labels, Pattern::Kind kind) {
  return static_cast<int>(labels) * 4 + static_cast<int>(kind);
}

bool IsHidden(absl::Span<const uint64_t> hidden, uint32_t value) {
  return !hidden.empty() && (hidden[value / 64] >> (value % 64) & 1) != 0;
}

}  // namespace

uint32_t Trie::Node::parent() const { return Load32(bytes); }
uint8_t Trie::Node::rules() const { return static_cast<uint8_t>(bytes[5]); }
absl::string_view Trie::Node::label() const {
  return absl::string_view(bytes + kNodeHeaderBytes, static_cast<uint8_t>(bytes[4]));
}
Trie::Audiences Trie::Node::audiences(Pattern::Kind kind) const {
  return static_cast<Audiences>(rules() >> RuleShift(kind) & 3);
}
uint32_t Trie::Node::value(Pattern::Kind kind) const {
  const unsigned before = rules() & ((1u << RuleShift(kind)) - 1);
  return Load32(label().end() + kValueBytes * KindsIn(before));
}
size_t Trie::Node::size() const {
  return kNodeHeaderBytes + label().size() + kValueBytes * KindsIn(rules());
}

// The labels of a name from the right, and the hash of the path to each.
class Trie::Path {
 public:
  explicit Path(const LookupName& lookup_name) : name_(lookup_name.view()) {
    uint64_t hash = kRootHash;
    size_t end = name_.size();
    while (size_ < kMaxLabels) {
      const size_t begin = lookup_name.LabelBegin(end);
      hash = Extend(hash, absl::string_view(name_.data() + begin, end - begin));
      hashes_[size_] = hash;
      begins_[size_] = static_cast<uint8_t>(begin);
      ends_[size_] = static_cast<uint8_t>(end);
      ++size_;
      complete_ = begin == 0;
      if (complete_) break;
      end = begin - 1;
    }
  }

  size_t size() const { return size_; }
  absl::string_view label(size_t i) const {
    return absl::string_view(name_.data() + begins_[i], static_cast<size_t>(ends_[i] - begins_[i]));
  }
  uint64_t hash(size_t i) const { return hashes_[i]; }
  // The path to label `i` is the whole name.
  bool ends_at(size_t i) const { return complete_ && i + 1 == size_; }

 private:
  const absl::string_view name_;
  size_t size_ = 0;
  bool complete_ = false;
  // Only the first size_ of each are written or read.
  uint64_t hashes_[kMaxLabels];
  uint8_t begins_[kMaxLabels];
  uint8_t ends_[kMaxLabels];
};

size_t Trie::BucketOf(uint64_t path_hash) const {
  return static_cast<size_t>(static_cast<unsigned __int128>(path_hash) * buckets_ >> 64);
}

bool Trie::MayHold(size_t bucket, uint64_t path_hash) const {
  return (Load32(filters_.at(bucket * kFilterBytes)) >> (path_hash % 32) & 1) != 0;
}

uint32_t Trie::FindAmong(size_t begin, size_t end, uint32_t parent, absl::string_view label) const {
  const uint64_t wanted = parent | uint64_t{label.size()} << 32;
  for (size_t at = begin; at + kNodeHeaderBytes <= end;) {
    const Node found = node(at);
    // They stand side by side: one comparison for both.
    const uint64_t parent_and_size = Lowest(Load64(found.bytes), 5) >> 24;
    if (parent_and_size == wanted && SameOctets(found.label().data(), label.data(), label.size())) {
      return static_cast<uint32_t>(at);
    }
    if (parent_and_size >> 32 == 0) break;
    at += found.size();
  }
  return kNoNode;
}

uint32_t Trie::Child(uint32_t parent, uint64_t path_hash, absl::string_view label) const {
  const size_t bucket = BucketOf(path_hash);
  if (!MayHold(bucket, path_hash)) return kNoNode;
  const size_t begin = bucket * kBucketBytes;
  const uint32_t found = FindAmong(begin + kBucketHeaderBytes, begin + kBucketBytes, parent, label);
  const uint32_t rest = Load32(memory_.at(begin));
  if (found != kNoNode || rest == 0) return found;
  return FindAmong(rest, memory_.size(), parent, label);
}

// Calls visit(Match) for every pattern that matches, weakest first.
template <typename Visitor>
void Trie::Walk(const LookupName& name, Audiences audiences, Visitor visit) const {
  if (buckets_ == 0 || name.view().empty()) return;
  const auto offer = [&](Node at, Pattern::Kind kind, size_t depth) {
    if ((at.audiences(kind) & audiences) != 0) visit(Match{at.value(kind), RankOf(depth, kind)});
  };
  offer(node(root_), Pattern::Kind::kAny, 0);

  const Path path(name);
  // A bucket is asked for before its filter has been seen: that would be waiting twice.
  for (size_t i = 0; i < path.size(); ++i) {
    const size_t bucket = BucketOf(path.hash(i));
    __builtin_prefetch(filters_.at(bucket * kFilterBytes));
    for (size_t line = 0; line < kBucketBytes; line += kCacheLine) {
      __builtin_prefetch(memory_.at(bucket * kBucketBytes + line));
    }
  }
  uint32_t at = root_;
  for (size_t i = 0; i < path.size(); ++i) {
    at = Child(at, path.hash(i), path.label(i));
    if (at == kNoNode) return;
    const Node here = node(at);
    if (here.rules() == 0) continue;
    offer(here, Pattern::Kind::kSelfAndBelow, i + 1);
    offer(here, path.ends_at(i) ? Pattern::Kind::kExact : Pattern::Kind::kBelow, i + 1);
  }
}

std::optional<Trie::Match> Trie::Lookup(const LookupName& name, Audiences audiences,
                                        absl::Span<const uint64_t> hidden) const {
  std::optional<Match> best;
  Walk(name, audiences, [&](const Match& match) {
    if (!IsHidden(hidden, match.value)) best = match;
  });
  return best;
}

std::vector<Trie::Match> Trie::LookupAll(const LookupName& name, Audiences audiences) const {
  std::vector<Match> all;
  Walk(name, audiences, [&](const Match& match) { all.push_back(match); });
  return all;
}

std::optional<uint32_t> Trie::Find(const Pattern& pattern) const {
  if (buckets_ == 0) return std::nullopt;
  uint32_t at = root_;
  if (pattern.kind() != Pattern::Kind::kAny) {
    const LookupName name(pattern.domain());
    const Path path(name);
    for (size_t i = 0; i < path.size(); ++i) {
      at = Child(at, path.hash(i), path.label(i));
      if (at == kNoNode) return std::nullopt;
    }
  }
  if (node(at).audiences(pattern.kind()) == 0) return std::nullopt;
  return node(at).value(pattern.kind());
}

// Takes rules in the list's order, in which a domain stands in front of all that are below it, so
// the nodes a rule hangs from are those of the rule before it: a stack of them is enough.
class Trie::Builder {
 public:
  explicit Builder(size_t rules) {
    nodes_.reserve(rules + rules / 8 + 1);
    nodes_.push_back({.hash = kRootHash, .label = "", .parent = 0, .rules = {}});
  }

  // All rules of one domain.
  void Add(absl::Span<const Rule> rules) {
    const absl::string_view domain = rules.front().pattern->domain();
    if (domain.empty()) {
      nodes_.front().rules = rules;  // "*"
      return;
    }
    const LookupName name(domain);
    const Path path(name);
    size_t shared = 0;
    while (shared < path.size() && shared + 1 < stack_.size() &&
           path.label(shared) == nodes_[stack_[shared + 1]].label) {
      ++shared;
    }
    stack_.resize(shared + 1);
    for (size_t i = shared; i < path.size(); ++i) {
      // The label as it stands in the pattern, which outlives `name`.
      const auto begin = static_cast<size_t>(path.label(i).data() - name.view().data());
      const uint32_t parent = stack_.back();
      stack_.push_back(static_cast<uint32_t>(nodes_.size()));
      nodes_.push_back({.hash = path.hash(i),
                        .label = domain.substr(begin, path.label(i).size()),
                        .parent = parent,
                        .rules = path.ends_at(i) ? rules : absl::Span<const Rule>()});
    }
  }

  absl::StatusOr<Trie> Finish() && {
    Trie trie;
    trie.buckets_ = nodes_.size() / kNodesPerBucket + 1;
    const uint64_t total = Place(trie);
    if (total > std::numeric_limits<uint32_t>::max()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the compiled list would take ", total, " bytes, at most ",
                       std::numeric_limits<uint32_t>::max(), " are allowed"));
    }
    trie.root_ = static_cast<uint32_t>(nodes_.front().at);
    trie.memory_ = LookupMemory(total);
    trie.filters_ = LookupMemory(trie.buckets_ * kFilterBytes);
    for (const PlannedNode& node : nodes_) {
      Write(node, static_cast<uint32_t>(nodes_[node.parent].at), trie.memory_.at(node.at));
      if (&node == &nodes_.front()) continue;
      char* const filter = trie.filters_.at(trie.BucketOf(node.hash) * kFilterBytes);
      Store32(Load32(filter) | uint32_t{1} << (node.hash % 32), filter);
    }
    for (const auto& [bucket, rest] : rests_) {
      Store32(static_cast<uint32_t>(rest), trie.memory_.at(bucket * kBucketBytes));
    }
    return trie;
  }

 private:
  struct PlannedNode {
    uint64_t hash;  // of the path from the root
    absl::string_view label;
    uint32_t parent;  // index in nodes_
    absl::Span<const Rule> rules;
    uint64_t at = 0;  // offset in memory_
  };

  // Gives each node its place; returns how many octets all take.
  uint64_t Place(const Trie& trie) {
    static_assert(kBucketBytes <= std::numeric_limits<uint8_t>::max());
    std::vector<uint8_t> filled(trie.buckets_, kBucketHeaderBytes);
    std::vector<std::pair<size_t, size_t>> left;  // bucket and index of those that find no room
    for (size_t i = 1; i < nodes_.size(); ++i) {
      const size_t bucket = trie.BucketOf(nodes_[i].hash);
      uint8_t& used = filled[bucket];
      if (used + SizeOf(nodes_[i]) > kBucketBytes) {
        left.emplace_back(bucket, i);
        continue;
      }
      nodes_[i].at = bucket * kBucketBytes + used;
      used = static_cast<uint8_t>(used + SizeOf(nodes_[i]));
    }
    uint64_t end = trie.buckets_ * kBucketBytes;
    nodes_.front().at = end;
    end += SizeOf(nodes_.front());
    std::sort(left.begin(), left.end());
    for (const auto& [bucket, i] : left) {
      if (rests_.empty() || rests_.back().first != bucket) {
        end += kNodeHeaderBytes;  // ends what stands in front of it
        rests_.emplace_back(bucket, end);
      }
      nodes_[i].at = end;
      end += SizeOf(nodes_[i]);
    }
    return end + kNodeHeaderBytes + kReadAhead;
  }

  static size_t SizeOf(const PlannedNode& node) {
    return kNodeHeaderBytes + node.label.size() + kValueBytes * node.rules.size();
  }

  static void Write(const PlannedNode& node, uint32_t parent, char* out) {
    unsigned mask = 0;
    for (const Rule& rule : node.rules) {
      mask |= static_cast<unsigned>(rule.audiences) << RuleShift(rule.pattern->kind());
    }
    Store32(parent, out);
    out[4] = static_cast<char>(node.label.size());
    out[5] = static_cast<char>(mask);
    out += kNodeHeaderBytes;
    out = std::copy(node.label.begin(), node.label.end(), out);
    for (const Rule& rule : node.rules) {
      Store32(rule.value, out);
      out += kValueBytes;
    }
  }

  std::vector<PlannedNode> nodes_;                  // the root, then each behind its parent
  std::vector<std::pair<size_t, uint64_t>> rests_;  // bucket, and where the rest of it stands
  std::vector<uint32_t> stack_ = {0};               // the root, and the nodes of the last domain
};

absl::StatusOr<Trie> Trie::Build(absl::Span<const Rule> rules) {
  if (rules.empty()) return Trie();
  Builder builder(rules.size());
  for (size_t begin = 0; begin < rules.size();) {
    size_t end = begin + 1;
    while (end < rules.size() && rules[end].pattern->domain() == rules[begin].pattern->domain()) {
      SLUICE_CHECK(*rules[end - 1].pattern < *rules[end].pattern);
      ++end;
    }
    SLUICE_CHECK(begin == 0 || *rules[begin - 1].pattern < *rules[begin].pattern);
    builder.Add(rules.subspan(begin, end - begin));
    begin = end;
  }
  return std::move(builder).Finish();
}

}  // namespace sluice::policy
