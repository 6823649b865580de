// The books at the end of a run: what became of every message, held against every promise.
#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/ledger.h"

namespace sluice::sim {
namespace {

// --tls_probe_interval.
constexpr absl::Duration kLongestProbeWait = absl::Minutes(30);
// How much later than its deadline an item may end: an attempt that runs may finish.
constexpr absl::Duration kMostAttempt = absl::Hours(3);

bool IsEnd(queue::Outcome outcome) {
  return outcome != queue::Outcome::kDeferred && outcome != queue::Outcome::kRefused;
}

}  // namespace

size_t Ledger::accepted() const {
  return static_cast<size_t>(std::count_if(letters_.begin(), letters_.end(), [](const auto& item) {
    return item.second.answer == Letter::Answer::kAccepted;
  }));
}

size_t Ledger::ends(queue::Outcome outcome) const {
  return static_cast<size_t>(
      std::count_if(ends_.begin(), ends_.end(),
                    [outcome](const auto& item) { return item.second.outcome == outcome; }));
}

void Ledger::Audit(const std::vector<queue::HistoryEntry>& history) {
  CheckAttempts(history);
  CheckParked(history);
  CheckStopped(history);
  CheckPolicies(history);
  CheckEnds(history);
  CheckTriedToTheEnd(history);
  for (const auto& [token, letter] : letters_) {
    CheckLetter(letter);
    CheckNotified(letter);
  }
  CheckTwice();
  CheckDelaysTold(history);
}

void Ledger::CheckDelaysTold(const std::vector<queue::HistoryEntry>& history) {
  // Distinct ones: a notification that arrives twice is one all the same.
  std::map<Recipient, std::set<std::string>> told;  // by token and recipients' domain
  for (const Delivery& delivery : deliveries_) {
    if (!delivery.delay_notice) continue;
    const absl::string_view about = FieldOf(delivery.body, "Final-Recipient");  // "rfc822; a@b"
    told[{delivery.token, std::string(DomainOf(about))}].insert(delivery.notification_id);
  }
  for (const auto& [about, notices] : told) {
    // A crash may lose that one was sent, as it may any other delivery.
    if (notices.size() > scenario_.delay_notices.size() + crashes_.size()) {
      Broken("each notice of delay comes once",
             absl::StrCat(about.first, " to ", about.second, ": ", notices.size(), " of them"));
    }
  }
  // Where memory is short, or the disk does not answer, a notice may be put off again and again.
  if (scenario_.delay_notices.empty() || scenario_.tight || scenario_.disk_faults > 0) return;
  for (const queue::HistoryEntry& entry : history) {
    if (entry.outcome != queue::Outcome::kDeferred || !entry.message_id.has_value()) continue;
    // The entry is written later than the age was worked out, and the deadline may come in between.
    const bool late = entry.time - entry.message_id->time() >
                      scenario_.delay_notices.front() + kMostAttempt;
    const bool over = !entry.deadline.has_value() || entry.time >= *entry.deadline;
    if (entry.sender.empty() || !late || over || TimeIsUncertain()) continue;
    if (notified_.find(entry.sender) == notified_.end()) {
      Broken("a sender learns that mail waits",
             absl::StrCat(entry.message_id->ToString(), " to ", entry.domain));
    }
  }
}

// A clock that was set while the gateway was down: how much time has passed nobody can tell.
bool Ledger::TimeIsUncertain() const {
  return scenario_.clock_steps > 0 && scenario_.crashes + scenario_.restarts > 0;
}

// By how much later an entry may be written than what it tells of has happened: by what the store was
// busy with.
absl::Duration Ledger::MostDelay() const {
  if (scenario_.disk_faults > 0) return absl::Hours(2);
  return scenario_.slow_jobs > 0 ? absl::Minutes(20) : absl::Minutes(2);
}

void Ledger::CheckParked(const std::vector<queue::HistoryEntry>& history) {
  std::map<Recipient, absl::Time> parked;  // since; by queue id and domain
  for (const queue::HistoryEntry& entry : history) {
    const absl::Time latest = entry.time + kLongestProbeWait + absl::Minutes(2);
    if (entry.parked && entry.next_attempt.value_or(absl::InfiniteFuture()) > latest) {
      Broken("a domain whose mail waits is probed", absl::StrCat(entry.domain, " in time"));
    }
    if (!entry.message_id.has_value()) continue;
    const Recipient item = {entry.message_id->ToString(), entry.domain};
    const auto since = parked.find(item);
    const bool tried = entry.attempt > 0 && (entry.outcome == queue::Outcome::kDeferred ||
                                             entry.outcome == queue::Outcome::kDelivered ||
                                             entry.outcome == queue::Outcome::kFailed);
    // (A clock that is set is not the queue's, which the history is in.)
    if (since != parked.end() && tried && scenario_.clock_steps == 0) {
      const auto lets_go = [&](const std::pair<absl::Time, std::string>& wanted) {
        return (wanted.second.empty() || wanted.second == entry.domain) &&
               wanted.first >= since->second - MostDelay() && wanted.first <= entry.time;
      };
      if (std::none_of(wanted_.begin(), wanted_.end(), lets_go)) {
        Broken("what is parked waits for its domain",
               absl::StrCat(item.first, " to ", entry.domain, ": attempt ", entry.attempt, " at ",
                            absl::FormatTime(entry.time), ", parked at ",
                            absl::FormatTime(since->second)));
      }
    }
    if (tried || !entry.parked) parked.erase(item);
    if (entry.parked) {
      parked[item] = entry.time;
      ++parked_;
    }
  }
}

void Ledger::CheckStopped(const std::vector<queue::HistoryEntry>& history) const {
  if (scenario_.clock_steps > 0) return;
  for (const queue::HistoryEntry& entry : history) {
    const bool failed = entry.attempt > 0 && entry.outcome == queue::Outcome::kDeferred;
    if (!failed || !entry.message_id.has_value()) continue;
    // It may have begun before its domain was stopped.
    const absl::Time began = entry.time - kMostAttempt;
    const auto stopped = [&](const Stop& stop) {
      return stop.domain == entry.domain && stop.from < began && stop.to > entry.time;
    };
    // An order to try it goes past that, and so does what another gateway left behind.
    const auto during = [&](absl::Time time) { return time >= began && time <= entry.time; };
    const auto ordered = [&](const std::pair<absl::Time, std::string>& wanted) {
      return (wanted.second.empty() || wanted.second == entry.domain) && during(wanted.first);
    };
    if (std::any_of(stops_.begin(), stops_.end(), stopped) &&
        std::none_of(wanted_.begin(), wanted_.end(), ordered) &&
        std::none_of(starts_.begin(), starts_.end(), during)) {
      Broken("a domain that is stopped is probed, and its mail is not tried",
             absl::StrCat(entry.message_id->ToString(), " to ", entry.domain, ": attempt ",
                          entry.attempt, " at ", absl::FormatTime(entry.time)));
    }
  }
}

void Ledger::CheckPolicies(const std::vector<queue::HistoryEntry>& history) const {
  if (scenario_.clock_steps > 0) return;
  for (const queue::HistoryEntry& entry : history) {
    const bool held_to = absl::StrContains(entry.decided_by, "mta-sts");
    const MonoTime ended = world_.Now() + (entry.time - world_.clock().WallNow());
    if (held_to && !policies_.MayEnforce(entry.domain, ended + -kMostAttempt, ended)) {
      Broken("a policy is enforced only where it says so",
             absl::StrCat(entry.domain, " at ", absl::FormatTime(entry.time), ": ",
                          entry.decided_by, ", ", entry.reason));
    }
  }
}

void Ledger::CheckAttempts(const std::vector<queue::HistoryEntry>& history) {
  std::map<Recipient, int> attempts;  // by queue id and domain
  // What a failing disk took although it said that it had not is counted twice.
  const int most_skipped = scenario_.disk_faults > 0 ? 1 : 0;
  for (const queue::HistoryEntry& entry : history) {
    if (entry.attempt == 0 || !entry.message_id.has_value()) continue;
    if (entry.outcome == queue::Outcome::kExpired ||
        entry.outcome == queue::Outcome::kDeletedTlsPolicy ||
        entry.outcome == queue::Outcome::kDeletedByAdmin ||
        entry.outcome == queue::Outcome::kReturnedByAdmin) {
      continue;
    }
    const std::string id = entry.message_id->ToString();
    int& last = attempts[{id, entry.domain}];
    if (entry.attempt < last || entry.attempt > last + 1 + most_skipped) {
      Broken("a history entry for each attempt",
             absl::StrCat(id, " to ", entry.domain, ": attempt ", entry.attempt, " follows ", last));
    }
    last = entry.attempt;
    if (entry.outcome != queue::Outcome::kDeferred) continue;
    if (!entry.next_attempt.has_value() || !entry.deadline.has_value()) {
      Broken("a deferral says when it is tried again", id);
    }
    if (entry.parked) continue;  // by another one: CheckParked
    const auto& waits = timetable_.waits();
    const size_t step = std::min(static_cast<size_t>(entry.attempt) - 1, waits.size() - 1);
    const absl::Duration wait = *entry.next_attempt - entry.time;
    const double jitter = queue::RetryTimetable::kJitter;
    const bool in_time =
        wait <= waits[step] * (1 + jitter) + absl::Minutes(2) &&
        (wait >= waits[step] * (1 - jitter) - MostDelay() || *entry.next_attempt == *entry.deadline);
    if (!in_time && !TimeIsUncertain()) {
      Broken("retries keep to the timetable",
             absl::StrCat(id, ": attempt ", entry.attempt, " at ", absl::FormatTime(entry.time),
                          ", the next at ", absl::FormatTime(*entry.next_attempt)));
    }
  }
}

void Ledger::CheckEnds(const std::vector<queue::HistoryEntry>& history) {
  for (const queue::HistoryEntry& entry : history) {
    if (!entry.message_id.has_value() || !IsEnd(entry.outcome)) continue;
    const std::string id = entry.message_id->ToString();
    for (const std::string& address : entry.recipients) {
      if (entry.sender.empty()) notified_[address].insert(id);
      if (!ends_.emplace(Recipient{id, address}, End{entry.outcome, entry.time}).second) {
        Broken("one end for each recipient", absl::StrCat(id, ": ", address, " ended twice"));
      }
    }
    const bool over = entry.outcome == queue::Outcome::kExpired ||
                      entry.outcome == queue::Outcome::kDeletedTlsPolicy;
    if (!over || TimeIsUncertain()) continue;
    if (!entry.deadline.has_value()) Broken("an expiry names its deadline", id);
    const absl::Time deadline = *entry.deadline;
    if (entry.time < deadline || entry.time > deadline + kMostAttempt + down_) {
      Broken("expiry at the deadline", absl::StrCat(id, ": ", absl::FormatDuration(
                                                                  entry.time - deadline),
                                                    " after it"));
    }
  }
}

// Mail that is deleted for its age has been tried as long as it was there.
void Ledger::CheckTriedToTheEnd(const std::vector<queue::HistoryEntry>& history) {
  if (TimeIsUncertain()) return;
  std::map<Recipient, absl::Time> last_tried;  // by queue id and domain
  std::map<std::string, absl::Time> last_probed;
  std::set<Recipient> parked;
  const absl::Duration longest = *std::max_element(timetable_.waits().begin(), timetable_.waits().end()) *
                                 (1 + queue::RetryTimetable::kJitter);
  for (const queue::HistoryEntry& entry : history) {
    if (!entry.message_id.has_value()) {
      if (entry.parked) last_probed[entry.domain] = entry.time;
      continue;
    }
    const Recipient item = {entry.message_id->ToString(), entry.domain};
    if (entry.outcome == queue::Outcome::kDeferred) {
      last_tried[item] = entry.time;
      entry.parked ? (void)parked.insert(item) : (void)parked.erase(item);
    }
    if (entry.outcome != queue::Outcome::kExpired &&
        entry.outcome != queue::Outcome::kDeletedTlsPolicy) {
      continue;
    }
    if (ever_held_.count(item) > 0) continue;
    const auto tried = last_tried.find(item);
    absl::Time since = tried == last_tried.end() ? entry.message_id->time() : tried->second;
    // A domain that is probed is tried for all that waits for it.
    const auto probed = last_probed.find(entry.domain);
    if (parked.contains(item) && probed != last_probed.end()) {
      since = std::max(since, probed->second);
    }
    if (entry.time - since > longest + kMostAttempt + down_) {
      Broken("mail is tried until its deadline",
             absl::StrCat(item.first, " to ", item.second, " was not tried for ",
                          absl::FormatDuration(entry.time - since)));
    }
  }
}

void Ledger::CheckNotified(const Letter& letter) {
  if (letter.answer != Letter::Answer::kAccepted || letter.sender.empty()) return;
  for (const std::string& recipient : letter.recipients) {
    const queue::Outcome outcome = ends_.at({letter.queue_id, recipient}).outcome;
    const bool owed = outcome == queue::Outcome::kFailed || outcome == queue::Outcome::kExpired ||
                      outcome == queue::Outcome::kReturnedByAdmin ||
                      (outcome == queue::Outcome::kDeletedTlsPolicy && scenario_.bounce);
    const auto told = notified_.find(letter.sender);
    const bool of_its_end =
        told != notified_.end() && std::any_of(told->second.begin(), told->second.end(),
                                               [this](const std::string& id) {
                                                 return delay_notices_.count(id) == 0;
                                               });
    if (owed && !of_its_end) {
      Broken("a sender learns of what was not delivered",
             absl::StrCat(letter.token, " to ", recipient));
    }
  }
}

bool Ledger::MayBounce(absl::string_view recipient) const {
  if (refused_.find(recipient) != refused_.end()) return true;
  const Domain* const domain = town_.Find(DomainOf(recipient));
  if (domain == nullptr || domain->missing || domain->null_mx) return true;
  if (denied_.find(domain->name) != denied_.end()) return true;
  // Which hosts a domain's mail went to changes with time.
  return !refusing_hosts_.empty();
}

void Ledger::CheckLetter(const Letter& letter) {
  const auto delivered = [&](const std::string& recipient, bool heard_only) {
    return std::any_of(deliveries_.begin(), deliveries_.end(), [&](const Delivery& delivery) {
      return delivery.token == letter.token && !delivery.notification &&
             (delivery.answer_heard || !heard_only) &&
             std::find(delivery.recipients.begin(), delivery.recipients.end(), recipient) !=
                 delivery.recipients.end();
    });
  };
  for (const std::string& recipient : letter.recipients) {
    // What a broken disk or a crash left half done may be found again: its sender sends it twice.
    const bool not_taken =
        letter.answer == Letter::Answer::kRefused ||
        (letter.answer == Letter::Answer::kPutOff && scenario_.disk_faults == 0 &&
         crashes_.empty());
    if (not_taken && delivered(recipient, false)) {
      Broken("what was refused is not delivered", absl::StrCat(letter.token, ": ", recipient));
    }
    if (letter.answer != Letter::Answer::kAccepted) continue;
    const auto end = ends_.find({letter.queue_id, recipient});
    if (end == ends_.end()) {
      Broken("mail answered with 250 is never lost",
             absl::StrCat(letter.token, " (", letter.queue_id, ") to ", recipient,
                          delivered(recipient, false) ? " was delivered, but has no end"
                                                      : " is gone without a trace"));
    }
    switch (end->second.outcome) {
      case queue::Outcome::kDelivered:
        if (!delivered(recipient, false)) {
          Broken("what is called delivered has been",
                 absl::StrCat(letter.token, " to ", recipient, " reached nobody"));
        }
        break;
      case queue::Outcome::kFailed:
        if (!MayBounce(recipient)) {
          Broken("only what a next hop refuses bounces",
                 absl::StrCat(letter.token, " to ", recipient, " was never refused"));
        }
        break;
      case queue::Outcome::kReturnedByAdmin:
        if (returned_.find(letter.queue_id) == returned_.end()) {
          Broken("only an administrator gives mail back before its time", letter.token);
        }
        break;
      case queue::Outcome::kDeletedByAdmin:
        if (removed_.find(letter.queue_id) == removed_.end()) {
          Broken("only an administrator deletes", letter.token);
        }
        break;
      default:
        break;
    }
  }
}

// Each copy beyond the first needs an excuse: a crash after a copy was made, or an answer of the
// next hop that the gateway did not hear.
void Ledger::CheckTwice() {
  std::map<std::pair<std::string, std::string>, std::vector<const Delivery*>> copies;
  for (const Delivery& delivery : deliveries_) {
    if (delivery.notification) continue;  // one message may cause several notifications
    for (const std::string& recipient : delivery.recipients) {
      copies[{delivery.token, recipient}].push_back(&delivery);
    }
  }
  for (const auto& [what, made] : copies) {
    if (made.size() < 2) continue;
    ++twice_;
    size_t excuses = 0;
    for (const Delivery* delivery : made) excuses += delivery->answer_heard ? 0 : 1;
    for (const MonoTime crash : crashes_) excuses += crash >= made.front()->at ? 1 : 0;
    if (made.size() - 1 > excuses) {
      Broken("delivered twice only where a crash or a lost reply excuses it",
             absl::StrCat(what.second, " got ", made.size(), " copies, with ", excuses, " excuses"));
    }
  }
}

}  // namespace sluice::sim
