#include "engine/relay/reception.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/io/answer.h"
#include "engine/relay/outcome.h"
#include "engine/smtp/message_header.h"
#include "policy/demand.h"
#include "policy/domain_name.h"

namespace sluice::relay {
namespace {

constexpr int kRecordedPerSecond = 50;

smtp::Reply Make(int code, smtp::EnhancedStatus status, std::string text) {
  return smtp::Reply{code, status, std::move(text)};
}

// The reason in the words of the history; empty: the connection has what is demanded. Which ciphers
// are negotiated at all is TLS's own policy.
absl::string_view Shortfall(const tls::ConnectionInfo* tls, const policy::InboundDemand& demand) {
  if (tls == nullptr) return "not_offered";
  const bool wants_13 = demand.minimum_version == policy::TlsVersion::kTls13;
  return wants_13 && tls->version != tls::Version::kTls13 ? "version" : "";
}

// What the reply to the client names a domain by: as it was looked up, nothing of the client's own.
std::string NameOf(absl::string_view domain) { return log::Printable(DestinationOf(domain)); }

}  // namespace

std::optional<smtp::Reply> Reception::CheckSender(const smtp::Client& client,
                                                  const smtp::Address& sender,
                                                  const smtp::MailParameters& /*parameters*/) {
  if (sender.null()) return std::nullopt;  // it has no domain
  if (sender.domain.empty()) {
    return Make(553, {5, 1, 7}, "The sender's address has no domain");
  }
  // What a notification could not be sent to.
  if (!queue::CheckDestination(DestinationOf(sender.domain)).ok()) {
    return Make(553, {5, 1, 8}, "The sender's domain is no domain name");
  }
  const policy::Entry* const entry = host_.list().Lookup(
      sender.domain, SLUICE_PLANTED_BUG(InboundAsOutbound) ? policy::Flow::kOutbound
                                                           : policy::Flow::kInbound);
  if (entry == nullptr) return std::nullopt;
  const policy::InboundDemand demand = policy::InboundDemandOf(*entry);
  const absl::string_view reason = Shortfall(client.tls, demand);
  if (reason.empty()) return std::nullopt;
  if (!demand.enforced) {
    host_.counters().tls_would_be_required.Add();
    RecordMonitored(client, sender, *entry, reason);
    return std::nullopt;
  }
  const std::string wanted =
      reason == "version"
          ? absl::StrCat("TLS 1.3 required for ", NameOf(sender.domain))
          : absl::StrCat("TLS required for ", NameOf(sender.domain), "; use STARTTLS");
  const smtp::Reply reply = demand.action == policy::InboundAction::kReject
                                ? Make(530, {5, 7, 10}, wanted)
                                : Make(451, {4, 7, 10}, wanted);
  host_.counters().tls_required.Add();
  RecordTlsRefusal(client, sender, *entry, reason, reply);
  return reply;
}

void Reception::RecordTlsRefusal(const smtp::Client& client, const smtp::Address& sender,
                                 const policy::Entry& entry, absl::string_view reason,
                                 const smtp::Reply& reply) {
  log::InfoSome("tls_required", client.remote.ip(),
                {{"client", client.remote.ToString()},
                 {"from", sender.text},
                 {"entry", entry.pattern.text()},
                 {"reason", reason}});
  queue::HistoryEntry row = ShortfallRow(client, sender, entry, reason);
  row.outcome = queue::Outcome::kRefused;
  row.tls = true;
  row.detail = reply.ToString();
  Record(std::move(row));
}

void Reception::RecordMonitored(const smtp::Client& client, const smtp::Address& sender,
                                const policy::Entry& entry, absl::string_view reason) {
  log::InfoSome("tls_would_be_required", client.remote.ip(),
                {{"client", client.remote.ToString()},
                 {"domain", sender.domain},
                 {"entry", entry.pattern.text()},
                 {"reason", reason}});
  queue::HistoryEntry row = ShortfallRow(client, sender, entry, reason);
  row.outcome = queue::Outcome::kWouldRefuse;
  row.monitored = true;
  row.detail = "taken; enforcement would have refused it";
  Record(std::move(row));
}

queue::HistoryEntry Reception::ShortfallRow(const smtp::Client& client,
                                            const smtp::Address& sender,
                                            const policy::Entry& entry, absl::string_view reason) {
  queue::HistoryEntry row;
  row.direction = queue::Direction::kInbound;
  row.sender = sender.text;
  row.domain = DestinationOf(sender.domain);
  row.entry = entry.pattern.text();
  row.entry_generation = entry.generation;
  row.mx = client.helo;
  row.address = client.remote.ToString();
  row.stage = "mail";
  row.reason = std::string(reason.data(), reason.size());
  if (client.tls != nullptr) {
    row.tls_version = client.tls->version_name;
    row.cipher = client.tls->cipher;
  }
  return row;
}

// Whoever is refused again and again does not fill the history with it.
void Reception::Record(queue::HistoryEntry row) {
  const int64_t second = absl::ToUnixSeconds(host_.core().WallNow());
  if (std::exchange(recorded_second_, second) != second) recorded_in_second_ = 0;
  if (++recorded_in_second_ > kRecordedPerSecond) return;
  host_.spool().AppendHistory(std::move(row), [](absl::Status status) {
    if (!status.ok()) log::Error("history_not_written", {{"error", status.message()}});
  });
}

std::optional<smtp::Reply> Reception::CheckRecipient(const smtp::Client& client,
                                                     const smtp::Address& /*sender*/,
                                                     const smtp::Address& recipient) {
  const Settings& settings = host_.settings();
  if (!settings.relay_networks.Contains(client.remote) &&
      !(!recipient.domain.empty() && settings.relay_domains.Contains(recipient.domain))) {
    log::InfoSome("relay_denied", client.remote.ip(),
                  {{"client", client.remote.ToString()}, {"to", recipient.text}});
    return Make(554, {5, 7, 1}, "Relay access denied");
  }
  if (recipient.domain.empty()) {
    return Make(550, {5, 1, 1}, "This gateway has no mailboxes: give the address with its domain");
  }
  if (!queue::CheckDestination(DestinationOf(recipient.domain)).ok()) {
    return Make(553, {5, 1, 2}, "The recipient's domain is no domain name");
  }
  return std::nullopt;
}

std::string Reception::NewMessageId() {
  return host_.ids().Next(host_.spool().Now()).ToString();
}

queue::NewMessage Reception::MessageOf(smtp::Transaction transaction) {
  queue::NewMessage message;
  const absl::StatusOr<queue::MessageId> id = queue::MessageId::Parse(transaction.id);
  SLUICE_CHECK(id.ok());  // we made it
  message.id = *id;
  message.body = std::move(transaction.body);
  const absl::Time now = host_.spool().Now();
  // Where REQUIRETLS is said, the header is not asked (RFC 8689 §4.1).
  const bool require_tls = transaction.parameters.require_tls;
  const bool tls_optional = !require_tls && smtp::SaysTlsRequiredNo(message.body);
  std::map<std::string, std::vector<queue::Recipient>> by_destination;
  for (size_t i = 0; i < transaction.recipients.size(); ++i) {
    smtp::Address& address = transaction.recipients[i];
    queue::Recipient recipient;
    recipient.address = std::move(address.text);
    recipient.notify = std::move(transaction.recipient_parameters[i].notify);
    recipient.orcpt = std::move(transaction.recipient_parameters[i].orcpt);
    by_destination[DestinationOf(address.domain)].push_back(std::move(recipient));
  }
  for (auto& [destination, recipients] : by_destination) {
    queue::Envelope envelope;
    envelope.id = message.id;
    envelope.destination = destination;
    envelope.sender = transaction.sender.text;
    envelope.recipients = std::move(recipients);
    envelope.smtputf8 = transaction.parameters.smtputf8;
    envelope.eight_bit = transaction.parameters.eight_bit;
    envelope.require_tls = require_tls;
    envelope.tls_optional = tls_optional;
    envelope.envid = transaction.parameters.envid;
    envelope.ret = transaction.parameters.ret;
    envelope.received_from.client_address = transaction.client->remote.ToString();
    envelope.received_from.helo = transaction.client->helo;
    if (transaction.client->tls != nullptr) {
      envelope.received_from.tls_version = transaction.client->tls->version_name;
      envelope.received_from.tls_cipher = transaction.client->tls->cipher;
    }
    envelope.accepted_at = now;
    envelope.deadline = now + host_.settings().queue_lifetime;
    message.envelopes.push_back(std::move(envelope));
  }
  return message;
}

io::Task<smtp::Reply> Reception::Take(smtp::Transaction transaction) {
  const std::string id = transaction.id;
  const std::string client = transaction.client->remote.ToString();
  queue::NewMessage message = MessageOf(std::move(transaction));
  std::vector<Attempt> attempts;
  for (const queue::Envelope& envelope : message.envelopes) {
    attempts.push_back({envelope, message.body});
  }
  io::Core& core = host_.core();
  io::Answer<absl::Status> stored(core);
  queue::AcceptTicket ticket = host_.spool().Accept(std::move(message), stored.Sender());
  const MonoTime deadline = core.Now() + host_.settings().store_timeout;
  const std::optional<absl::Status> answer = co_await stored.Wait(deadline);
  const absl::Status status =
      answer.value_or(absl::DeadlineExceededError("the store did not answer in time"));
  // After a time-out it may have been stored all the same, and cannot be taken back any more.
  const bool on_disk = status.ok() || (!answer.has_value() && !SLUICE_PLANTED_BUG(WithdrawForgotten) &&
                                        !ticket.Withdraw());
  if (on_disk) {
    host_.counters().messages_accepted.Add();
    log::Info("accepted", {{"id", id},
                           {"client", client},
                           {"from", attempts[0].envelope.sender},
                           {"destinations", attempts.size()},
                           {"bytes", attempts[0].body->size()}});
    host_.Send(std::move(attempts));
    co_return Make(250, {2, 0, 0}, absl::StrCat("Ok: queued as ", id));
  }
  host_.counters().messages_refused.Add();
  log::WarningSome("not_accepted", status.message(),
                   {{"id", id}, {"client", client}, {"error", status.message()}});
  co_return absl::IsResourceExhausted(status)
      ? Make(452, {4, 3, 1}, "Not enough room in the queue; try again later")
      : Make(451, {4, 3, 0}, "The queue cannot be written to now; try again later");
}

void Reception::OnHandshake(const smtp::Client& client, absl::Duration took) {
  Counters& counters = host_.counters();
  counters.handshakes.Add();
  if (client.tls->resumed) counters.handshakes_resumed.Add();
  counters.inbound_handshakes
      .of(client.tls->resumed ? smtp::HandshakeEnd::kResumed : smtp::HandshakeEnd::kFull)
      .Observe(took);
}

void Reception::OnHandshakeFailed(const smtp::Client& client, const tls::Failure& failure,
                                  absl::Duration took) {
  Counters& counters = host_.counters();
  counters.handshakes_failed.Add();
  counters.handshakes_failed_by_reason[static_cast<size_t>(failure.reason)].Add();
  counters.inbound_handshakes.of(smtp::HandshakeEnd::kFailed).Observe(took);
  log::InfoSome("handshake_failed", client.remote.ip(),
                {{"client", client.remote.ToString()},
                 {"reason", tls::ReasonName(failure.reason)},
                 {"detail", failure.detail}});
}

void Reception::OnRefused(const smtp::Client& client, const smtp::Reply& reply) {
  host_.counters().messages_refused.Add();
  log::InfoSome("refused", client.remote.ip(),
                {{"client", client.remote.ToString()}, {"reply", reply.ToString()}});
}

}  // namespace sluice::relay
