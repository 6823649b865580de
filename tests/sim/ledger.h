// The books of a run: what every client was told, what every next hop got, what the gateway says of
// it, and whether the promises were kept. It knows nothing of how the gateway works.
//
// The promises
//   Mail answered with 250 is delivered, bounced, deleted on time or still queued, never lost.
//   Mail of an enforced domain never travels in clear, nor under less than its entry demands, nor
//   to another host than one that its domain's MTA-STS policy names and that proves to be it.
// And what follows from them: delivered twice only where a crash or a lost reply excuses it; bodies
// byte for byte; a history entry for each attempt and one for each end; retries by the timetable;
// what is parked tried when its domain is let go on, and not before, nor anything else of that
// domain; a policy in mode testing or none in nobody's way; expiry at the deadline.
//
// To add an invariant: note what it needs where it happens, and call Broken() where it does not
// hold, at once or in Audit().
#ifndef SLUICE_TESTS_SIM_LEDGER_H_
#define SLUICE_TESTS_SIM_LEDGER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/io/simulation/simulation.h"
#include "engine/relay/control.h"
#include "policy/entry.h"
#include "policy/table.h"
#include "queue/history.h"
#include "queue/retry_timetable.h"
#include "tests/sim/policy_book.h"
#include "tests/sim/scenario.h"
#include "tests/sim/town.h"
#include "tls/stream.h"

namespace sluice::sim {

// A message as its client made it.
struct Letter {
  std::string token;  // "m17"
  std::string sender;
  std::vector<std::string> recipients;
  std::string body;  // before dot-stuffing
  bool secure = false;  // came in over TLS
  bool tls_optional = false;  // "TLS-Required: No" (RFC 8689)

  enum class Answer {
    kNone,
    kAccepted,
    kRefused,
    kPutOff,   // 451 or 452 behind the body: the store could not take it
    kUnheard,  // the body went out, and no answer came
  };
  Answer answer = Answer::kNone;
  std::string queue_id;  // of kAccepted
  absl::Time answered_at;
};

// A message as a next hop took it.
struct Delivery {
  std::string token;
  std::string host;
  std::string sender;
  std::vector<std::string> recipients;
  std::string body;
  bool secure = false;
  bool notification = false;  // of what became of the message, to its sender
  bool delay_notice = false;  // one that says that it waits
  std::string notification_id;
  MonoTime at;
  bool answer_heard = false;  // the gateway went on after our 250
};

class Ledger {
 public:
  Ledger(io::Simulation& world, const Scenario& scenario, const Town& town);

  // Clients.
  Letter& NewLetter(Letter letter);
  // MAIL FROM was answered with 250, now.
  void SenderTaken(const Letter& letter, MonoTime said_at);
  void Answered(Letter& letter, Letter::Answer answer, absl::string_view reply);

  // Next hops. MAIL FROM has come, on this connection, for these recipients.
  void EnvelopeSeen(absl::string_view host, absl::string_view recipient,
                    const tls::ConnectionInfo* tls, Proof proof, MonoTime mail_from_at);
  size_t Delivered(Delivery delivery);
  void AnswerHeard(size_t delivery) { deliveries_[delivery].answer_heard = true; }
  void RefusedForGood(absl::string_view recipient) { refused_.emplace(recipient); }
  // DNS has said that there is no such domain, truly or not.
  void DomainDenied(absl::string_view domain) { denied_.emplace(domain); }
  // A host has refused everybody.
  void HostRefused(absl::string_view host) { refusing_hosts_.emplace(host); }

  // The host of a domain's MTA-STS policy begins to hand it out, under this certificate.
  void PolicyServed(absl::string_view domain, const StsPolicy& policy, Proof proof) {
    policies_.Served(domain, policy, proof, world_.Now());
  }

  // The list. While a change is under way either may hold; afterwards what is said here does.
  void ListChanging(std::vector<policy::Change> changes);
  void ListIs(std::vector<policy::Entry> entries);

  // Asked, when a next hop hears an envelope, what each core of the gateway holds.
  void set_cores(std::function<std::vector<relay::CoreStatus>()> cores) { cores_ = std::move(cores); }

  // An administrator has removed items of a message.
  void RemovedByAdmin(absl::string_view queue_id) { removed_.emplace(queue_id); }
  // An administrator gives items of a message back to its sender.
  void ReturnedByAdmin(absl::string_view queue_id) { returned_.emplace(queue_id); }
  // One message is on hold for one destination: perhaps from when that is asked for, certainly from
  // when it is answered, until it is to end.
  void MayBeHeld(absl::string_view queue_id, absl::string_view domain) {
    ever_held_.emplace(queue_id, domain);
  }
  void HeldByAdmin(absl::string_view queue_id, absl::string_view domain) {
    held_.emplace(queue_id, domain);
  }
  void HoldEnds(absl::string_view queue_id, absl::string_view domain) {
    held_.erase({std::string(queue_id), std::string(domain)});
  }

  // An administrator has asked for mail of a domain (empty: all mail) to be tried.
  void RetriedByAdmin(absl::string_view domain) {
    wanted_.emplace_back(world_.clock().WallNow(), domain);
  }
  // A line of the gateway's log: the only thing that says when it stops the mail of a domain, when it
  // lets it go on, and that it has taken a policy.
  void GatewayLogs(absl::string_view line);
  void GatewayStarts();

  // An order is on disk with the next message that is accepted: after a crash it may be forgotten.
  void Crashed() {
    crashes_.push_back(world_.Now());
    held_.clear();
    policies_.MemoryIsGone(world_.Now());
  }
  // The gateway did not run for so long.
  void WasDown(absl::Duration how_long) { down_ += how_long; }

  // All of the history, oldest first; the queue is empty.
  void Audit(const std::vector<queue::HistoryEntry>& history);

  // The run has failed. Ends it.
  [[noreturn]] void Broken(absl::string_view promise, absl::string_view what) const;
  void set_on_broken(std::function<void(absl::string_view)> on_broken) {
    on_broken_ = std::move(on_broken);
  }

  size_t letters() const { return letters_.size(); }
  size_t accepted() const;
  size_t deliveries() const { return deliveries_.size(); }
  size_t twice() const { return twice_; }
  size_t parked() const { return parked_; }  // times that a message was
  size_t ends(queue::Outcome outcome) const;

 private:
  // What became of one recipient of one message, according to the history.
  struct End {
    queue::Outcome outcome;
    absl::Time time;
  };
  using Recipient = std::pair<std::string, std::string>;  // queue id, address

  struct ListAt {
    MonoTime from;
    std::vector<policy::Entry> entries;
    // Transactions under way since then: each may have been made, whole, or not.
    std::vector<std::vector<policy::Change>> uncertain;
  };
  // The weakest of what may have been demanded at some moment since `since`.
  std::vector<const policy::Entry*> PossibleEntries(absl::string_view domain, policy::Direction way,
                                                    MonoTime since) const;
  // What is demanded of a connection that an envelope is heard on, from `mail_from_at` on.
  struct Heard {
    absl::string_view recipient;
    const Host& host;
    const tls::ConnectionInfo* tls;
    Proof proof;
    MonoTime mail_from_at;
  };
  // Why it is less than what the entry demands; empty: it is not.
  std::string BreachOf(const policy::Entry& entry, const Heard& heard) const;
  void CheckList(const Heard& heard) const;
  void CheckPublished(const Heard& heard) const;
  bool MayBounce(absl::string_view recipient) const;
  void CheckHold(absl::string_view recipient);
  void CheckBody(const Delivery& delivery, const Letter& letter);
  void CheckNotification(const Delivery& delivery, const Letter& letter);
  bool TimeIsUncertain() const;
  void CheckAttempts(const std::vector<queue::HistoryEntry>& history);
  void CheckEnds(const std::vector<queue::HistoryEntry>& history);
  void CheckLetter(const Letter& letter);
  // What is parked waits for its domain.
  void CheckParked(const std::vector<queue::HistoryEntry>& history);
  // And while it does, a probe is what tries it.
  void CheckStopped(const std::vector<queue::HistoryEntry>& history) const;
  void CheckPolicies(const std::vector<queue::HistoryEntry>& history) const;
  absl::Duration MostDelay() const;
  void CheckTriedToTheEnd(const std::vector<queue::HistoryEntry>& history);
  // A sender who is owed a notification gets one.
  void CheckNotified(const Letter& letter);
  void CheckDelayNotice(const Delivery& delivery, const Letter& letter);
  // Each notice of delay once, and one at least for mail that has waited so long.
  void CheckDelaysTold(const std::vector<queue::HistoryEntry>& history);
  void CheckTwice();
  void CheckLimits();
  Letter* FindLetter(absl::string_view token);
  const Letter* FindLetter(absl::string_view token) const;

  io::Simulation& world_;
  const Scenario& scenario_;
  const Town& town_;
  const queue::RetryTimetable timetable_;
  std::map<std::string, Letter, std::less<>> letters_;  // by token
  std::vector<Delivery> deliveries_;
  std::set<std::string, std::less<>> refused_;  // recipients
  std::set<std::string, std::less<>> refusing_hosts_;
  std::set<std::string, std::less<>> denied_;  // domains
  std::set<std::string, std::less<>> removed_;   // queue ids
  std::set<std::string, std::less<>> returned_;  // queue ids
  std::set<Recipient> held_;                     // queue id and domain
  std::set<Recipient> ever_held_;
  // When mail of a domain (empty: all mail) may be tried though it was parked.
  std::vector<std::pair<absl::Time, std::string>> wanted_;
  size_t parked_ = 0;
  // Whose mail is stopped, from when to when.
  struct Stop {
    std::string domain;
    absl::Time from;
    absl::Time to = absl::InfiniteFuture();
  };
  std::vector<Stop> stops_;
  std::vector<absl::Time> starts_;
  PolicyBook policies_;
  std::vector<ListAt> list_;
  std::vector<MonoTime> crashes_;
  absl::Duration down_;
  std::map<Recipient, End> ends_;
  // By sender: the notifications to it that have had an end.
  std::map<std::string, std::set<std::string>> notified_;
  std::set<std::string> delay_notices_;  // ids of those that said no more than that mail waits
  size_t twice_ = 0;
  std::function<void(absl::string_view)> on_broken_;
  std::function<std::vector<relay::CoreStatus>()> cores_;
};

// The local part up to '-' or '@', which is a message's token: "m17-2@d1.example" is of "m17".
std::string TokenOf(absl::string_view address);
absl::string_view DomainOf(absl::string_view address);
// The value of a field of a notification, which is ASCII and not folded; empty: not there.
absl::string_view FieldOf(absl::string_view message, absl::string_view name);

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_LEDGER_H_
