#include "policy/snapshot.h"

#include <fnmatch.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::policy {
namespace {

Trie::Audiences AudienceOf(Flow flow) {
  return flow == Flow::kInbound ? Trie::kFirst : Trie::kSecond;
}

bool AppliesTo(const Entry& entry, Flow flow) {
  return flow == Flow::kInbound ? entry.applies_inbound() : entry.applies_outbound();
}

// Why `winner` decides where `loser` matches as well.
std::string WhyBeaten(const Pattern& winner, const Pattern& loser) {
  absl::string_view rule = "a longer suffix beats a shorter one";
  if (loser.kind() == Pattern::Kind::kAny) {
    rule = "'*' comes last";
  } else if (winner.kind() == Pattern::Kind::kExact) {
    rule = "an exact name beats a wildcard";
  } else if (winner.domain() == loser.domain()) {
    rule = "'*.' beats '.' at the same depth";
  }
  return absl::StrCat("beaten by ", winner.text(), ": ", rule);
}

std::string Verdict(absl::string_view name, Flow flow, const Entry* deciding) {
  const absl::string_view way = flow == Flow::kInbound ? "from " : "to ";
  const std::string mail = absl::StrCat("mail ", way, name);
  if (deciding == nullptr) {
    return absl::StrCat("No entry applies to ", mail, ": the default TLS level holds.");
  }
  if (deciding->mode == Mode::kOff) {
    return absl::StrCat("The entry ", deciding->pattern.text(), " is off, which exempts ", mail,
                        ": the default TLS level holds.");
  }
  const std::string demand =
      flow == Flow::kInbound
          ? absl::StrCat("TLS ", TlsVersionName(deciding->minimum_version), " or later, else ",
                         InboundActionName(deciding->inbound_action))
          : absl::StrCat("level ", LevelName(deciding->level), ", TLS ",
                         TlsVersionName(deciding->minimum_version), " or later");
  return absl::StrCat("The entry ", deciding->pattern.text(), " decides for ", mail, ": ",
                      ModeName(deciding->mode), ", ", demand, ".");
}

// A query's text against entries; keeps its buffer from one to the next.
class TextMatcher {
 public:
  explicit TextMatcher(absl::string_view text) : text_(absl::AsciiStrToLower(text)) {}

  bool Matches(const Entry& entry) {
    if (text_.empty()) return true;
    const std::string pattern = entry.pattern.text();
    if (absl::StrContains(pattern, text_)) return true;
    if (absl::StrContains(pattern, "xn--") && absl::StrContains(entry.pattern.ToUnicode(), text_)) {
      return true;
    }
    note_.assign(entry.note);
    absl::AsciiStrToLower(&note_);
    return absl::StrContains(note_, text_);
  }

 private:
  const std::string text_;
  std::string note_;
};

struct PingStateName {
  Snapshot::PingState state;
  absl::string_view name;
};
constexpr PingStateName kPingStates[] = {{Snapshot::PingState::kNever, "never"},
                                         {Snapshot::PingState::kValid, "valid"},
                                         {Snapshot::PingState::kPartial, "partial"},
                                         {Snapshot::PingState::kInvalid, "invalid"},
                                         {Snapshot::PingState::kWarned, "warned"}};

bool HasPing(Snapshot::PingState wanted, const Entry& entry) {
  if (!entry.last_ping.has_value()) return wanted == Snapshot::PingState::kNever;
  if (wanted == Snapshot::PingState::kWarned) return !entry.last_ping->warnings.empty();
  for (const PingStateName& known : kPingStates) {
    // The verdict is the first word of the summary.
    if (known.state == wanted) return absl::StartsWith(entry.last_ping->summary, known.name);
  }
  return false;
}

bool FiltersMatch(const Snapshot::Query& query, const Entry& entry) {
  return (!query.direction || *query.direction == entry.direction) &&
         (!query.mode || *query.mode == entry.mode) &&
         (!query.level || *query.level == entry.level) &&
         (!query.ping || HasPing(*query.ping, entry)) &&
         (query.glob.empty() || fnmatch(query.glob.c_str(), entry.pattern.text().c_str(), 0) == 0);
}

}  // namespace

const Entry* Snapshot::Deciding(const LookupName& name, Flow flow) const {
  const auto base = base_->trie.Lookup(name, AudienceOf(flow), hidden_);
  const auto overlay = overlay_.trie.Lookup(name, AudienceOf(flow));
  if (overlay && (!base || overlay->rank > base->rank)) {
    return overlay_.entries[overlay->value].get();
  }
  return base ? base_->entries[base->value].get() : nullptr;
}

const Entry* Snapshot::Lookup(absl::string_view domain, Flow flow) const {
  const LookupName name(domain);
  const Entry* const deciding = Deciding(name, flow);
  return deciding != nullptr && deciding->mode != Mode::kOff ? deciding : nullptr;
}

std::vector<Snapshot::Found> Snapshot::AllThatMatch(const LookupName& name) const {
  const Trie::Audiences both = Trie::kFirst | Trie::kSecond;
  std::vector<Found> found;
  for (const Trie::Match& match : base_->trie.LookupAll(name, both)) {
    if (!IsHidden(match.value)) found.push_back({base_->entries[match.value], match.rank});
  }
  for (const Trie::Match& match : overlay_.trie.LookupAll(name, both)) {
    found.push_back({overlay_.entries[match.value], match.rank});
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.rank > b.rank; });
  return found;
}

Snapshot::Explanation Snapshot::Explain(absl::string_view domain, Flow flow) const {
  const LookupName name(domain);
  Explanation explanation;
  explanation.name = std::string(name.view());
  const Entry* deciding = nullptr;
  for (Found& found : AllThatMatch(name)) {
    Explanation::Candidate candidate{std::move(found.entry), false, ""};
    const Entry& entry = *candidate.entry;
    if (!AppliesTo(entry, flow)) {
      candidate.why =
          absl::StrCat("does not take part: its direction is ", DirectionName(entry.direction));
    } else if (deciding == nullptr) {
      deciding = &entry;
      candidate.decides = true;
      candidate.why = "decides: of the patterns that match it says most about the name";
    } else {
      candidate.why = WhyBeaten(deciding->pattern, entry.pattern);
    }
    explanation.candidates.push_back(std::move(candidate));
  }
  explanation.verdict = Verdict(explanation.name, flow, deciding);
  return explanation;
}

EntryPtr Snapshot::Find(const Pattern& pattern) const {
  if (const auto index = overlay_.trie.Find(pattern)) return overlay_.entries[*index];
  const auto index = base_->trie.Find(pattern);
  return index && !IsHidden(*index) ? base_->entries[*index] : nullptr;
}

absl::StatusOr<Snapshot::PingState> Snapshot::ParsePingState(absl::string_view name) {
  for (const PingStateName& known : kPingStates) {
    if (known.name == name) return known.state;
  }
  return absl::InvalidArgumentError("must be never, valid, partial, invalid or warned");
}

Snapshot::Page Snapshot::Search(const Query& query) const {
  Page page;
  TextMatcher matcher(query.text);
  ForEach([&](const EntryPtr& entry) {
    if (!FiltersMatch(query, *entry) || !matcher.Matches(*entry)) return true;
    const size_t position = page.total++;
    if (position >= query.offset && position - query.offset < query.limit) {
      page.entries.push_back(entry);
    }
    return true;
  });
  return page;
}

void Snapshot::ForEach(absl::FunctionRef<bool(const EntryPtr&)> visit) const {
  size_t from_overlay = 0;
  for (size_t i = 0; i < base_->entries.size(); ++i) {
    if (IsHidden(i)) continue;
    const EntryPtr& entry = base_->entries[i];
    while (from_overlay < overlay_.entries.size() &&
           overlay_.entries[from_overlay]->pattern < entry->pattern) {
      if (!visit(overlay_.entries[from_overlay++])) return;
    }
    if (!visit(entry)) return;
  }
  while (from_overlay < overlay_.entries.size()) {
    if (!visit(overlay_.entries[from_overlay++])) return;
  }
}

}  // namespace sluice::policy
