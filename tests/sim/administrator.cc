#include "tests/sim/administrator.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::sim {
namespace {

const queue::Reason kReason = {.by = "simulated administrator", .why = "a test"};

}  // namespace

void Administrator::ReadList(relay::Control& control) {
  std::vector<policy::Entry> entries;
  control.PolicyList()->ForEach([&entries](const policy::EntryPtr& entry) {
    entries.push_back(*entry);
    return true;
  });
  ledger_.ListIs(std::move(entries));
}

policy::Entry Administrator::SomeEntry() {
  Random& random = world_.random();
  const Domain& domain = town_.domains()[random.Below(town_.domains().size())];
  std::string pattern = domain.name;
  switch (random.Below(8)) {
    case 0:
      pattern = "*.group.example";
      break;
    case 1:
      pattern = ".example";
      break;
    case 2:
      pattern = "*";
      break;
    default:
      break;
  }
  policy::Entry entry;
  entry.pattern = *policy::Pattern::Parse(pattern);
  entry.direction = static_cast<policy::Direction>(random.Below(3));
  if (random.Below(3) > 0) entry.direction = policy::Direction::kBoth;
  if (random.Below(4) == 0) entry.mode = static_cast<policy::Mode>(random.Below(3));
  entry.level = static_cast<policy::Level>(random.Below(3));
  if (random.Below(4) == 0) entry.minimum_version = policy::TlsVersion::kTls13;
  if (random.Below(3) == 0) entry.inbound_action = policy::InboundAction::kReject;
  if (random.Below(6) == 0 && !domain.mx.empty() &&
      entry.pattern.kind() == policy::Pattern::Kind::kExact) {
    entry.level = policy::Level::kFingerprint;
    for (const Host* host : domain.mx) entry.fingerprints.push_back(host->faces->fingerprint());
  }
  if (town_.signed_dns() && random.Below(5) == 0) {
    entry.level = policy::Level::kDaneOnly;
    entry.fingerprints.clear();
  }
  return entry;
}

void Administrator::Begin(relay::Control& control) {
  const uint64_t count = 1 + world_.random().Below(4);
  for (uint64_t i = 0; i < count; ++i) ChangeList(control);
}

std::vector<policy::Change> Administrator::SomeChanges(relay::Control& control) {
  policy::Change change;
  if (world_.OneIn(4)) {
    const policy::Snapshot::Page page = control.PolicyList()->Search({});
    if (page.entries.empty()) return {};
    change.kind = policy::Change::Kind::kRemove;
    change.entry = *page.entries[world_.random().Below(page.entries.size())];
    return {std::move(change)};
  }
  change.kind = policy::Change::Kind::kPut;
  change.entry = SomeEntry();
  std::vector<policy::Change> changes = {change};
  if (!world_.OneIn(6)) return changes;
  // Most of them of domains that nobody writes to.
  std::set<std::string> patterns = {change.entry.pattern.text()};
  for (uint64_t more = world_.random().Below(300); more > 0; --more) {
    change.entry = SomeEntry();
    if (!world_.OneIn(8)) {
      change.entry.pattern = *policy::Pattern::Parse(absl::StrCat("d", more, ".elsewhere.example"));
    }
    if (patterns.insert(change.entry.pattern.text()).second) changes.push_back(change);
  }
  return changes;
}

void Administrator::ChangeList(relay::Control& control) {
  policy::Transaction transaction;
  transaction.author.by = "simulated administrator";
  transaction.author.at = world_.clock().WallNow();
  transaction.changes = SomeChanges(control);
  if (transaction.changes.empty()) return;
  const policy::Change& first = transaction.changes[0];
  const bool remove = first.kind == policy::Change::Kind::kRemove;
  const std::string what =
      absl::StrCat(remove ? "removes " : "puts ", first.entry.pattern.text(), " ",
                   policy::DirectionName(first.entry.direction), " ",
                   policy::ModeName(first.entry.mode), " ", policy::LevelName(first.entry.level),
                   " ", policy::TlsVersionName(first.entry.minimum_version));
  world_.Tell(
      absl::StrCat("administrator ", what, ", and ", transaction.changes.size() - 1, " more"));
  ledger_.ListChanging(transaction.changes);
  const absl::StatusOr<relay::PolicyResult> result =
      control.ApplyPolicy(std::move(transaction), relay::DryRun::kNo, Deadline());
  world_.Tell(absl::StrCat("administrator: ", !result.ok()             ? result.status().ToString()
                                              : result->faults.empty() ? "done"
                                                                       : result->faults[0].reason));
  // On an error it may have been made or not: both remain possible until the list is known again.
  if (result.ok()) ReadList(control);
}

std::optional<queue::Selection> Administrator::SomeItem(relay::Control& control) {
  queue::QueueQuery query;
  query.limit = 20;
  const absl::StatusOr<queue::QueuePage> page = control.ListQueue(query, Deadline());
  if (!page.ok() || page->items.empty()) return std::nullopt;
  const queue::Envelope& chosen = page->items[world_.random().Below(page->items.size())].envelope;
  queue::Selection selection;
  selection.message_id = chosen.id;
  selection.destination = chosen.destination;
  return selection;
}

void Administrator::TellOrder(absl::string_view order, const queue::Selection& selection,
                              const absl::StatusOr<uint64_t>& count) {
  world_.Tell(absl::StrCat("administrator ", order, " ", selection.message_id->ToString(), " to ",
                           selection.destination, ": ",
                           count.ok() ? absl::StrCat(*count) : count.status().ToString()));
}

void Administrator::RemoveSomething(relay::Control& control) {
  std::optional<queue::Selection> item = SomeItem(control);
  if (!item.has_value()) return;
  if (world_.OneIn(2)) item->destination.clear();
  ledger_.RemovedByAdmin(item->message_id->ToString());
  TellOrder("removes", *item, control.RemoveQueued(*item, kReason, Deadline()));
}

void Administrator::ReturnSomething(relay::Control& control) {
  const std::optional<queue::Selection> item = SomeItem(control);
  if (!item.has_value()) return;
  ledger_.ReturnedByAdmin(item->message_id->ToString());
  TellOrder("gives back", *item, control.ReturnQueued(*item, kReason, Deadline()));
}

// What is held is released some time; what is not, for the gateway was down, is on hold until its
// deadline.
void Administrator::HoldOrRelease(relay::Control& control) {
  if (!held_.empty() && world_.OneIn(2)) {
    const queue::Selection item = std::move(held_.back());
    held_.pop_back();
    ledger_.HoldEnds(item.message_id->ToString(), item.destination);
    TellOrder("releases", item, control.ReleaseQueued(item, Deadline()));
    return;
  }
  const std::optional<queue::Selection> item = SomeItem(control);
  if (!item.has_value()) return;
  // Held or not, if its answer does not come.
  ledger_.MayBeHeld(item->message_id->ToString(), item->destination);
  const absl::StatusOr<uint64_t> count = control.HoldQueued(*item, kReason, Deadline());
  TellOrder("holds", *item, count);
  if (!count.ok() || *count != 1) return;
  ledger_.HeldByAdmin(item->message_id->ToString(), item->destination);
  held_.push_back(*item);
}

void Administrator::Act(relay::Control& control) {
  switch (world_.random().Below(11)) {
    case 0:
    case 1:
    case 2:
      ChangeList(control);
      break;
    case 3: {
      queue::Selection selection;
      if (world_.OneIn(2)) {
        selection.destination = town_.domains()[world_.random().Below(town_.domains().size())].name;
      }
      ledger_.RetriedByAdmin(selection.destination);
      const absl::StatusOr<uint64_t> retried = control.RetryQueued(selection, Deadline());
      world_.Tell(
          absl::StrCat("administrator retries ", selection.destination, ": ",
                       retried.ok() ? absl::StrCat(*retried) : retried.status().ToString()));
      break;
    }
    case 4:
      RemoveSomething(control);
      break;
    case 5: {
      const Domain& domain = town_.domains()[world_.random().Below(town_.domains().size())];
      const absl::StatusOr<relay::PingResult> ping = control.Ping(domain.name, Deadline());
      world_.Tell(absl::StrCat("administrator pings ", domain.name, ": ",
                               ping.ok() ? "answered" : ping.status().ToString()));
      break;
    }
    case 6: {
      town_.RenewGatewayCredentials();
      const absl::Status reloaded = control.ReloadCertificates("a test", Deadline());
      world_.Tell(absl::StrCat("administrator reloads certificates: ", reloaded.ToString()));
      break;
    }
    case 7:
    case 8:
      HoldOrRelease(control);
      break;
    case 9:
      ReturnSomething(control);
      break;
    default: {
      (void)control.GetStatus(Deadline());
      (void)control.QueryHistory({}, Deadline());
      (void)control.CountQueue(10, Deadline());
      break;
    }
  }
}

}  // namespace sluice::sim
