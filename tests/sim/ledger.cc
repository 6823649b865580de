#include "tests/sim/ledger.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/log.h"

namespace sluice::sim {
namespace {

// The lines that say that a domain's mail is stopped, that it goes on, and that its MTA-STS policy
// was fetched, for the first time or another one than before.
constexpr absl::string_view kBreakerOpened = "breaker_opened domain=";
constexpr absl::string_view kBreakerClosed = "breaker_closed domain=";
constexpr absl::string_view kPolicyTaken = "mta_sts_policy domain=";
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

}  // namespace

absl::string_view FieldOf(absl::string_view message, absl::string_view name) {
  const std::string start = absl::StrCat("\r\n", name, ": ");
  const size_t at = message.find(start);
  if (at == absl::string_view::npos) return "";
  const absl::string_view rest = message.substr(at + start.size());
  return rest.substr(0, rest.find("\r\n"));
}

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

void Ledger::Broken(absl::string_view promise, absl::string_view what) const {
  const std::string text = absl::StrCat(promise, ": ", what);
  world_.Tell(absl::StrCat("BROKEN ", text));
  if (on_broken_) on_broken_(text);
  std::abort();
}

Letter* Ledger::FindLetter(absl::string_view token) {
  const auto found = letters_.find(token);
  return found == letters_.end() ? nullptr : &found->second;
}

const Letter* Ledger::FindLetter(absl::string_view token) const {
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
  const Heard heard = {recipient, *town_.FindHost(host), tls, proof, mail_from_at};
  if (tls != nullptr && !town_.ciphers().Approves(tls->cipher)) {
    Broken("what goes over TLS goes under an approved cipher",
           absl::StrCat(recipient, " went to ", host, " under ", tls->cipher));
  }
  CheckPublished(heard);
  CheckList(heard);
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

void Ledger::GatewayLogs(absl::string_view line) {
  const absl::Time now = world_.clock().WallNow();
  const auto domain_behind = [line](absl::string_view event) -> std::optional<std::string> {
    const size_t found = line.find(event);
    if (found == absl::string_view::npos) return std::nullopt;
    const absl::string_view rest = line.substr(found + event.size());
    return std::string(rest.substr(0, rest.find(' ')));
  };
  if (const auto domain = domain_behind(kBreakerClosed)) {
    wanted_.emplace_back(now, *domain);
    for (Stop& stop : stops_) {
      if (stop.domain == *domain) stop.to = std::min(stop.to, now);
    }
  }
  if (const auto domain = domain_behind(kBreakerOpened)) stops_.push_back({*domain, now});
  const auto policy = domain_behind(kPolicyTaken);
  if (policy.has_value() && !policies_.Taken(*policy, world_.Now())) {
    Broken("a policy is taken of nobody but its domain's host", *policy);
  }
}

void Ledger::GatewayStarts() {
  const absl::Time now = world_.clock().WallNow();
  starts_.push_back(now);
  for (Stop& stop : stops_) stop.to = std::min(stop.to, now);
}

}  // namespace sluice::sim
