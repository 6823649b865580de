#include "tests/sim/administrator.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::sim {

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
    for (const Host* host : domain.mx) entry.fingerprints.push_back(host->fingerprint);
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

void Administrator::RemoveSomething(relay::Control& control) {
  queue::QueueQuery query;
  query.limit = 20;
  const absl::StatusOr<queue::QueuePage> page = control.ListQueue(query, Deadline());
  if (!page.ok() || page->items.empty()) return;
  const queue::Envelope& chosen = page->items[world_.random().Below(page->items.size())].envelope;
  queue::Selection selection;
  selection.message_id = chosen.id;
  if (world_.OneIn(2)) selection.destination = chosen.destination;
  const queue::Reason reason = {.by = "simulated administrator", .why = "a test"};
  ledger_.RemovedByAdmin(chosen.id.ToString());
  const absl::StatusOr<uint64_t> removed = control.RemoveQueued(selection, reason, Deadline());
  world_.Tell(absl::StrCat("administrator removes ", chosen.id.ToString(), ": ",
                           removed.ok() ? absl::StrCat(*removed) : removed.status().ToString()));
}

void Administrator::Act(relay::Control& control) {
  switch (world_.random().Below(8)) {
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
    default: {
      (void)control.GetStatus(Deadline());
      (void)control.QueryHistory({}, Deadline());
      (void)control.CountQueue(10, Deadline());
      break;
    }
  }
}

}  // namespace sluice::sim
