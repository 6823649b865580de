#include "tests/sim/ledger.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"
#include "engine/base/log.h"

namespace sluice::sim {
namespace {

// --tls_probe_interval, and the line that says that a domain's mail goes on.
constexpr absl::Duration kLongestProbeWait = absl::Minutes(30);
constexpr absl::string_view kBreakerClosed = "breaker_closed domain=";
// How much later than its deadline an item may end: an attempt that runs may finish.
constexpr absl::Duration kMostAttempt = absl::Hours(3);
// How much earlier than its client has heard of it a message may have been accepted.
constexpr absl::Duration kMostAnswer = absl::Minutes(30);
// Bytes; what the gateway puts in front of a body.
constexpr uint64_t kTraceFields = 1024;

bool Applies(const policy::Entry& entry, policy::Direction way) {
  return way == policy::Direction::kOutbound ? entry.applies_outbound() : entry.applies_inbound();
}

// The plain definition of precedence (policy/pattern.h): exact before wildcard, longest suffix,
// "*." before ".", "*" last.
const policy::Entry* Decides(const std::vector<const policy::Entry*>& entries,
                             absl::string_view domain, policy::Direction way) {
  const policy::Entry* best = nullptr;
  const auto rank = [](const policy::Entry& entry) {
    const bool exact = entry.pattern.kind() == policy::Pattern::Kind::kExact;
    return std::make_tuple(exact, entry.pattern.domain().size(), entry.pattern.kind());
  };
  for (const policy::Entry* entry : entries) {
    if (!Applies(*entry, way) || !entry->pattern.Matches(domain)) continue;
    if (best == nullptr || rank(*best) < rank(*entry)) best = entry;
  }
  return best;
}

bool IsEnd(queue::Outcome outcome) {
  return outcome != queue::Outcome::kDeferred && outcome != queue::Outcome::kRefused;
}

}  // namespace

namespace {

// The value of a field of a notification, which is ASCII and not folded; empty: not there.
absl::string_view FieldOf(absl::string_view message, absl::string_view name) {
  const std::string start = absl::StrCat("\r\n", name, ": ");
  const size_t at = message.find(start);
  if (at == absl::string_view::npos) return "";
  const absl::string_view rest = message.substr(at + start.size());
  return rest.substr(0, rest.find("\r\n"));
}

}  // namespace

std::string TokenOf(absl::string_view address) {
  return std::string(address.substr(0, address.find_first_of("-@")));
}

absl::string_view DomainOf(absl::string_view address) {
  return address.substr(address.rfind('@') + 1);
}

Ledger::Ledger(io::Simulation& world, const Scenario& scenario, const Town& town)
    : world_(world),
      scenario_(scenario),
      town_(town),
      timetable_(*queue::RetryTimetable::Parse(scenario.retry_schedule)) {
  list_.push_back({world.Now(), {}, {}});
}

void Ledger::Broken(absl::string_view promise, absl::string_view what) {
  const std::string text = absl::StrCat(promise, ": ", what);
  world_.Tell(absl::StrCat("BROKEN ", text));
  if (on_broken_) on_broken_(text);
  std::abort();
}

Letter* Ledger::FindLetter(absl::string_view token) {
  const auto found = letters_.find(token);
  return found == letters_.end() ? nullptr : &found->second;
}

Letter& Ledger::NewLetter(Letter letter) {
  const std::string token = letter.token;
  return letters_.emplace(token, std::move(letter)).first->second;
}

void Ledger::Answered(Letter& letter, Letter::Answer answer, absl::string_view reply) {
  letter.answer = answer;
  letter.answered_at = world_.clock().WallNow();
  if (answer != Letter::Answer::kAccepted) return;
  // "250 2.0.0 Ok: queued as 6A0F4Z8C1M3Q9TBD2KE"
  letter.queue_id = std::string(reply.substr(reply.rfind(' ') + 1));
  if (!queue::MessageId::Parse(letter.queue_id).ok()) {
    Broken("a reply that a client can use", log::Printable(reply));
  }
}

// It is at MAIL FROM that the sender's domain is held against the list: by whichever held at some
// moment between its being said and its being answered.
void Ledger::SenderTaken(const Letter& letter, MonoTime said_at) {
  if (letter.secure || letter.sender.empty()) return;
  bool all_enforce = true;
  for (const policy::Entry* entry :
       PossibleEntries(DomainOf(letter.sender), policy::Direction::kInbound, said_at)) {
    all_enforce &= entry != nullptr && entry->mode == policy::Mode::kEnforce;
  }
  if (all_enforce) {
    Broken("mail of an enforced domain never travels in clear",
           absl::StrCat(letter.token, ": MAIL FROM ", letter.sender, " was taken in clear"));
  }
}

std::vector<const policy::Entry*> Ledger::PossibleEntries(absl::string_view domain,
                                                          policy::Direction way,
                                                          MonoTime since) const {
  std::vector<const policy::Entry*> possible;
  for (size_t i = 0; i < list_.size(); ++i) {
    const bool over = i + 1 < list_.size() && list_[i + 1].from < since;
    if (over) continue;
    const ListAt& at = list_[i];
    // Each change under way may have been made or not; one of them at a time.
    for (size_t made = 0; made <= at.uncertain.size(); ++made) {
      std::vector<const policy::Entry*> entries;
      for (const policy::Entry& entry : at.entries) {
        const auto replaces = [&entry](const policy::Change& change) {
          return change.entry.pattern == entry.pattern;
        };
        const bool replaced = made > 0 && std::any_of(at.uncertain[made - 1].begin(),
                                                      at.uncertain[made - 1].end(), replaces);
        if (!replaced) entries.push_back(&entry);
      }
      if (made > 0) {
        for (const policy::Change& change : at.uncertain[made - 1]) {
          if (change.kind == policy::Change::Kind::kPut) entries.push_back(&change.entry);
        }
      }
      possible.push_back(Decides(entries, domain, way));
    }
  }
  return possible;
}

void Ledger::CheckLimits() {
  if (!scenario_.tight) return;
  // A body that just fitted in may go out with what was put in front of it.
  constexpr uint64_t kMostOut = Scenario::kTightBodyMemory + kTraceFields;
  for (const relay::CoreStatus& core : cores_()) {
    if (core.sessions > Scenario::kTightSessions ||
        core.bodies_in_bytes > Scenario::kTightBodyMemory || core.bodies_out_bytes > kMostOut) {
      Broken("limits hold",
             absl::StrCat(core.sessions, " sessions, ", core.bodies_in_bytes, " bytes of bodies in, ",
                          core.bodies_out_bytes, " out, on one core"));
    }
  }
}

void Ledger::ListChanging(std::vector<policy::Change> changes) {
  list_.back().uncertain.push_back(std::move(changes));
}

void Ledger::ListIs(std::vector<policy::Entry> entries) {
  list_.push_back({world_.Now(), std::move(entries), {}});
}

void Ledger::EnvelopeSeen(absl::string_view host, absl::string_view recipient,
                          const tls::ConnectionInfo* tls, Proof proof, MonoTime mail_from_at) {
  CheckLimits();
  CheckHold(recipient);
  const absl::string_view domain = DomainOf(recipient);
  const bool announces = town_.FindHost(host)->announces;
  if (announces && (tls == nullptr || proof != Proof::kGood)) {
    Broken("mail goes to no certificate but the one that a host announces",
           absl::StrCat(recipient, " went to ", host,
                        tls == nullptr ? " in clear" : ", which showed another"));
  }
  std::vector<std::string> breaches;
  const std::vector<const policy::Entry*> possible =
      PossibleEntries(domain, policy::Direction::kOutbound, mail_from_at);
  for (const policy::Entry* entry : possible) {
    std::string breach;
    if (entry != nullptr && entry->mode == policy::Mode::kEnforce) {
      const bool checked =
          entry->level != policy::Level::kEncrypt;  // by chain and name, or by fingerprint
      if (tls == nullptr) {
        breach = "in clear";
      } else if (entry->minimum_version == policy::TlsVersion::kTls13 &&
                 tls->version != tls::Version::kTls13) {
        breach = absl::StrCat("under ", tls->version_name);
      } else if (checked && proof != Proof::kGood) {
        breach = absl::StrCat("to a certificate that is ", ProofName(proof));
      } else if (entry->level == policy::Level::kDaneOnly && !announces) {
        breach = "to a host that announces no certificate";
      } else if (entry->level == policy::Level::kSecure && !Certifies(host, domain)) {
        breach = "to a certificate of another domain";
      } else if (entry->level == policy::Level::kFingerprint &&
                 std::find(entry->fingerprints.begin(), entry->fingerprints.end(),
                           town_.FindHost(host)->fingerprint) == entry->fingerprints.end()) {
        breach = "to a certificate with another fingerprint";
      }
    }
    breaches.push_back(breach);
  }
  const bool excused = std::any_of(breaches.begin(), breaches.end(),
                                   [](const std::string& breach) { return breach.empty(); });
  if (!excused) {
    Broken("mail of an enforced domain never travels in clear",
           absl::StrCat(recipient, " went to ", host, " ", breaches.front()));
  }
}

void Ledger::CheckHold(absl::string_view recipient) {
  const Letter* const letter = FindLetter(TokenOf(recipient));
  if (letter == nullptr || letter->answer != Letter::Answer::kAccepted) return;
  // A notification to its sender is another message.
  const auto& recipients = letter->recipients;
  if (std::find(recipients.begin(), recipients.end(), recipient) == recipients.end()) return;
  if (held_.count({letter->queue_id, std::string(DomainOf(recipient))}) > 0) {
    Broken("what is on hold is not tried", recipient);
  }
}

bool Ledger::Certifies(absl::string_view host, absl::string_view domain) const {
  const std::vector<std::string>& names = town_.FindHost(host)->certified;
  return std::find(names.begin(), names.end(), domain) != names.end();
}

size_t Ledger::Delivered(Delivery delivery) {
  const Letter* const letter = FindLetter(delivery.token);
  if (letter == nullptr) {
    Broken("only mail that somebody sent is delivered", delivery.token);
  }
  delivery.notification = delivery.sender.empty() && !letter->sender.empty();
  if (delivery.notification) {
    const absl::string_view id = FieldOf(delivery.body, "Message-ID");  // "<id@host>"
    if (id.empty()) Broken("a notification has an id of its own", letter->token);
    delivery.notification_id = std::string(id.substr(1, id.find('@') - 1));
    delivery.delay_notice = FieldOf(delivery.body, "Action") == "delayed";
    CheckNotification(delivery, *letter);
    if (delivery.delay_notice) CheckDelayNotice(delivery, *letter);
  } else {
    CheckBody(delivery, *letter);
  }
  deliveries_.push_back(std::move(delivery));
  return deliveries_.size() - 1;
}

void Ledger::CheckBody(const Delivery& delivery, const Letter& letter) {
  // Ours begins with the Received: field that the gateway puts in front.
  size_t end = 0;
  const std::string& body = delivery.body;
  if (absl::StartsWith(body, "Received:")) {
    do {
      end = body.find("\r\n", end);
      end = end == std::string::npos ? body.size() : end + 2;
    } while (end < body.size() && (body[end] == ' ' || body[end] == '\t'));
  }
  if (end == 0 || body.substr(end) != letter.body) {
    Broken("bodies arrive byte for byte",
           absl::StrCat(letter.token, ": ", body.size() - end, " bytes instead of ",
                        letter.body.size()));
  }
  for (const std::string& recipient : delivery.recipients) {
    if (std::find(letter.recipients.begin(), letter.recipients.end(), recipient) ==
        letter.recipients.end()) {
      Broken("mail goes to its recipients alone", absl::StrCat(letter.token, ": ", recipient));
    }
  }
}

void Ledger::CheckNotification(const Delivery& delivery, const Letter& letter) {
  if (delivery.recipients != std::vector<std::string>{letter.sender}) {
    Broken("a notification goes to the sender", absl::StrJoin(delivery.recipients, ", "));
  }
  if (!absl::StrContains(delivery.body, absl::StrCat("X-Token: ", letter.token, "\r\n"))) {
    Broken("a notification has the headers of what it is about", letter.token);
  }
  if (absl::StrContains(delivery.body, absl::StrCat("body-of-", letter.token))) {
    Broken("a notification has the headers alone", letter.token);
  }
}

void Ledger::CheckDelayNotice(const Delivery& delivery, const Letter& letter) {
  delay_notices_.insert(delivery.notification_id);
  if (scenario_.delay_notices.empty()) {
    Broken("no notice of delay where none is wanted", letter.token);
  }
  if (scenario_.clock_steps > 0 || letter.answer != Letter::Answer::kAccepted) return;
  const absl::Duration age = world_.clock().WallNow() - letter.answered_at;
  if (age + kMostAnswer < scenario_.delay_notices.front()) {
    Broken("a notice of delay is about mail that waits for long",
           absl::StrCat(letter.token, " after ", absl::FormatDuration(age)));
  }
}

// ---- At the end

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

void Ledger::GatewayLogs(absl::string_view line) {
  const size_t found = line.find(kBreakerClosed);
  if (found == absl::string_view::npos) return;
  line.remove_prefix(found + kBreakerClosed.size());
  wanted_.emplace_back(world_.clock().WallNow(), line.substr(0, line.find(' ')));
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

void Ledger::CheckAttempts(const std::vector<queue::HistoryEntry>& history) {
  std::map<Recipient, int> attempts;  // by queue id and domain
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
    if (entry.attempt != last && entry.attempt != last + 1) {
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
