#include "queue/envelope_codec.h"

#include <climits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "queue/key_codec.h"
#include "queue/spool.pb.h"

namespace sluice::queue {
namespace {

storage::Recipient::State ToStorage(RecipientState state) {
  switch (state) {
    case RecipientState::kPending:
      return storage::Recipient::PENDING;
    case RecipientState::kDelivered:
      return storage::Recipient::DELIVERED;
    case RecipientState::kFailed:
      return storage::Recipient::FAILED;
  }
  SLUICE_CHECK(false);
}

std::optional<RecipientState> FromStorage(storage::Recipient::State state) {
  switch (state) {
    case storage::Recipient::PENDING:
      return RecipientState::kPending;
    case storage::Recipient::DELIVERED:
      return RecipientState::kDelivered;
    case storage::Recipient::FAILED:
      return RecipientState::kFailed;
    default:
      return std::nullopt;
  }
}

void ToStorage(const AttemptFailure& failure, storage::AttemptFailure& row) {
  row.set_at_ns(KeyNanos(failure.at));
  row.set_tls(failure.tls);
  row.set_stage(failure.stage);
  row.set_reason(failure.reason);
  row.set_mx(failure.mx);
  row.set_address(failure.address);
  row.set_text(failure.text);
}

AttemptFailure FromStorage(storage::AttemptFailure& row) {
  return {.at = absl::FromUnixNanos(row.at_ns()),
          .tls = row.tls(),
          .stage = std::move(*row.mutable_stage()),
          .reason = std::move(*row.mutable_reason()),
          .mx = std::move(*row.mutable_mx()),
          .address = std::move(*row.mutable_address()),
          .text = std::move(*row.mutable_text())};
}

// No time that EncodeEnvelope writes is before 1970 (key_codec.h).
bool HasTimesOfKeys(const storage::Envelope& row) {
  return row.accepted_at_ns() >= 0 && row.deadline_ns() >= 0 && row.next_due_ns() >= 0 &&
         row.last_failure().at_ns() >= 0;
}

absl::Status Damaged(absl::string_view item_key) {
  const std::optional<Item> item = ParseItemKey(item_key);
  return absl::DataLossError(absl::StrCat("the envelope of message ",
                                          item ? item->id.ToString() : "(unknown)", " for ",
                                          item ? item->destination : "(unknown)", " is damaged"));
}

}  // namespace

absl::Status CheckDestination(absl::string_view destination) {
  bool valid = !destination.empty() && destination.size() <= kMostDestinationBytes;
  for (const char c : destination) {
    valid = valid && absl::ascii_isgraph(static_cast<unsigned char>(c)) &&
            !absl::ascii_isupper(static_cast<unsigned char>(c));
  }
  if (valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a destination is 1 to 255 printable ASCII characters, without upper case or spaces");
}

std::string EncodeEnvelope(const Envelope& envelope) {
  thread_local storage::Envelope row;  // what its strings have allocated serves the next one
  row.Clear();
  row.set_sender(envelope.sender);
  for (const Recipient& recipient : envelope.recipients) {
    storage::Recipient* to = row.add_recipients();
    to->set_address(recipient.address);
    to->set_state(ToStorage(recipient.state));
    to->set_last_reply(recipient.last_reply);
    if (recipient.notify) to->set_notify(*recipient.notify);
    if (recipient.orcpt) to->set_orcpt(*recipient.orcpt);
  }
  if (envelope.envid) row.set_envid(*envelope.envid);
  if (envelope.ret) row.set_ret(*envelope.ret);
  row.set_smtputf8(envelope.smtputf8);
  row.set_eight_bit(envelope.eight_bit);
  row.mutable_received_from()->set_client_address(envelope.received_from.client_address);
  row.mutable_received_from()->set_helo(envelope.received_from.helo);
  row.mutable_received_from()->set_tls_version(envelope.received_from.tls_version);
  row.mutable_received_from()->set_tls_cipher(envelope.received_from.tls_cipher);
  row.set_accepted_at_ns(KeyNanos(envelope.accepted_at));
  row.set_deadline_ns(KeyNanos(envelope.deadline));
  if (envelope.last_failure) ToStorage(*envelope.last_failure, *row.mutable_last_failure());
  row.set_policy_digest(envelope.policy_digest);
  row.set_next_due_ns(KeyNanos(envelope.next_due));
  row.set_attempts(static_cast<uint32_t>(envelope.attempts));
  row.set_body_bytes(envelope.body_bytes);
  row.set_body_chunks(envelope.body_chunks);
  row.set_sole_destination(envelope.sole_destination);
  row.set_revision(envelope.revision);
  if (envelope.held) row.set_held(*envelope.held);
  row.set_require_tls(envelope.require_tls);
  row.set_tls_optional(envelope.tls_optional);
  row.set_delays_told(static_cast<uint32_t>(envelope.delays_told));
  row.set_parked(envelope.parked);
  row.set_past_breaker(envelope.past_breaker);
  return row.SerializeAsString();
}

absl::StatusOr<Envelope> DecodeEnvelope(absl::string_view item_key, absl::string_view bytes) {
  const std::optional<Item> item = ParseItemKey(item_key);
  storage::Envelope row;
  if (!item.has_value() || !CheckDestination(item->destination).ok() || bytes.size() > INT_MAX ||
      !row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      row.attempts() > INT_MAX || row.delays_told() > INT_MAX || !HasTimesOfKeys(row)) {
    return Damaged(item_key);
  }
  Envelope envelope;
  envelope.id = item->id;
  envelope.destination = std::string(item->destination);
  envelope.sender = std::move(*row.mutable_sender());
  envelope.recipients.reserve(static_cast<size_t>(row.recipients_size()));
  for (storage::Recipient& from : *row.mutable_recipients()) {
    const std::optional<RecipientState> state = FromStorage(from.state());
    if (!state.has_value()) return Damaged(item_key);
    Recipient& recipient = envelope.recipients.emplace_back();
    recipient.address = std::move(*from.mutable_address());
    recipient.state = *state;
    recipient.last_reply = std::move(*from.mutable_last_reply());
    if (from.has_notify()) recipient.notify = std::move(*from.mutable_notify());
    if (from.has_orcpt()) recipient.orcpt = std::move(*from.mutable_orcpt());
  }
  if (row.has_envid()) envelope.envid = std::move(*row.mutable_envid());
  if (row.has_ret()) envelope.ret = std::move(*row.mutable_ret());
  envelope.smtputf8 = row.smtputf8();
  envelope.eight_bit = row.eight_bit();
  storage::ReceivedFrom& received_from = *row.mutable_received_from();
  envelope.received_from = {.client_address = std::move(*received_from.mutable_client_address()),
                            .helo = std::move(*received_from.mutable_helo()),
                            .tls_version = std::move(*received_from.mutable_tls_version()),
                            .tls_cipher = std::move(*received_from.mutable_tls_cipher())};
  envelope.accepted_at = absl::FromUnixNanos(row.accepted_at_ns());
  envelope.deadline = absl::FromUnixNanos(row.deadline_ns());
  if (row.has_last_failure()) envelope.last_failure = FromStorage(*row.mutable_last_failure());
  envelope.policy_digest = std::move(*row.mutable_policy_digest());
  envelope.next_due = absl::FromUnixNanos(row.next_due_ns());
  envelope.attempts = static_cast<int>(row.attempts());
  envelope.body_bytes = row.body_bytes();
  envelope.body_chunks = row.body_chunks();
  envelope.sole_destination = row.sole_destination();
  envelope.revision = row.revision();
  if (row.has_held()) envelope.held = std::move(*row.mutable_held());
  envelope.require_tls = row.require_tls();
  envelope.tls_optional = row.tls_optional();
  envelope.delays_told = static_cast<int>(row.delays_told());
  envelope.parked = row.parked();
  envelope.past_breaker = row.past_breaker();
  return envelope;
}

}  // namespace sluice::queue
