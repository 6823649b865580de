// Envelopes as they stand on disk (queue/envelope_codec.h): whatever a row holds, what is read of
// it is written the same again; and an envelope of any content survives being written.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "queue/envelope_codec.h"
#include "queue/key_codec.h"
#include "tests/fuzz/input.h"

namespace sluice::queue {
namespace {

void CheckRow(const std::string& key, absl::string_view row) {
  const absl::StatusOr<Envelope> envelope = DecodeEnvelope(key, row);
  if (!envelope.ok()) {
    SLUICE_CHECK(absl::IsDataLoss(envelope.status()));
    return;
  }
  SLUICE_CHECK(ItemKey(envelope->id, envelope->destination) == key);
  SLUICE_CHECK(CheckDestination(envelope->destination).ok());
  SLUICE_CHECK(envelope->attempts >= 0);
  SLUICE_CHECK(envelope->accepted_at >= absl::UnixEpoch());
  SLUICE_CHECK(envelope->deadline >= absl::UnixEpoch());
  SLUICE_CHECK(envelope->next_due >= absl::UnixEpoch());
  const std::string written = EncodeEnvelope(*envelope);
  const absl::StatusOr<Envelope> again = DecodeEnvelope(key, written);
  SLUICE_CHECK(again.ok() && EncodeEnvelope(*again) == written);
  SLUICE_CHECK(again->accepted_at == envelope->accepted_at);
  SLUICE_CHECK(again->deadline == envelope->deadline && again->next_due == envelope->next_due);
  SLUICE_CHECK(again->last_failure.has_value() == envelope->last_failure.has_value());
}

absl::Time AnyTime(FuzzedDataProvider& provider) {
  return absl::FromUnixNanos(provider.ConsumeIntegralInRange<int64_t>(0, INT64_MAX));
}
std::string AnyText(FuzzedDataProvider& provider) { return provider.ConsumeRandomLengthString(30); }
std::optional<std::string> AnyOptionalText(FuzzedDataProvider& provider) {
  if (!provider.ConsumeBool()) return std::nullopt;
  return AnyText(provider);
}

Envelope AnyEnvelope(FuzzedDataProvider& provider) {
  Envelope envelope;
  envelope.id = MessageId::Of(provider.ConsumeIntegralInRange<int64_t>(0, INT64_MAX),
                              provider.ConsumeIntegral<uint32_t>());
  envelope.destination = "example.com";
  envelope.sender = AnyText(provider);
  for (int n = provider.ConsumeIntegralInRange<int>(0, 3); n > 0; --n) {
    Recipient& recipient = envelope.recipients.emplace_back();
    recipient.address = AnyText(provider);
    recipient.state = provider.PickValueInArray(
        {RecipientState::kPending, RecipientState::kDelivered, RecipientState::kFailed});
    recipient.last_reply = AnyText(provider);
    recipient.notify = AnyOptionalText(provider);
    recipient.orcpt = AnyOptionalText(provider);
  }
  envelope.envid = AnyOptionalText(provider);
  envelope.ret = AnyOptionalText(provider);
  envelope.smtputf8 = provider.ConsumeBool();
  envelope.received_from.helo = AnyText(provider);
  envelope.accepted_at = AnyTime(provider);
  envelope.deadline = AnyTime(provider);
  envelope.next_due = AnyTime(provider);
  if (provider.ConsumeBool()) {
    envelope.last_failure = AttemptFailure{.at = AnyTime(provider), .text = AnyText(provider)};
  }
  envelope.attempts = provider.ConsumeIntegralInRange<int>(0, INT_MAX);
  envelope.body_bytes = provider.ConsumeIntegral<uint64_t>();
  envelope.body_chunks = provider.ConsumeIntegral<uint32_t>();
  envelope.sole_destination = provider.ConsumeBool();
  envelope.revision = provider.ConsumeIntegral<uint32_t>();
  envelope.require_tls = provider.ConsumeBool();
  envelope.tls_optional = provider.ConsumeBool();
  envelope.delays_told = provider.ConsumeIntegralInRange<int>(0, INT_MAX);
  return envelope;
}

void CheckSurvives(const Envelope& before) {
  const std::string key = ItemKey(before.id, before.destination);
  const absl::StatusOr<Envelope> after = DecodeEnvelope(key, EncodeEnvelope(before));
  SLUICE_CHECK(after.ok());
  SLUICE_CHECK(after->id == before.id && after->destination == before.destination);
  SLUICE_CHECK(after->sender == before.sender && after->envid == before.envid);
  SLUICE_CHECK(after->ret == before.ret && after->smtputf8 == before.smtputf8);
  SLUICE_CHECK(after->received_from.helo == before.received_from.helo);
  SLUICE_CHECK(after->accepted_at == before.accepted_at && after->deadline == before.deadline);
  SLUICE_CHECK(after->next_due == before.next_due && after->attempts == before.attempts);
  SLUICE_CHECK(after->body_bytes == before.body_bytes && after->revision == before.revision);
  SLUICE_CHECK(after->body_chunks == before.body_chunks);
  SLUICE_CHECK(after->sole_destination == before.sole_destination);
  SLUICE_CHECK(after->require_tls == before.require_tls);
  SLUICE_CHECK(after->tls_optional == before.tls_optional);
  SLUICE_CHECK(after->delays_told == before.delays_told);
  SLUICE_CHECK(after->last_failure.has_value() == before.last_failure.has_value());
  if (before.last_failure.has_value()) {
    SLUICE_CHECK(after->last_failure->at == before.last_failure->at);
    SLUICE_CHECK(after->last_failure->text == before.last_failure->text);
  }
  SLUICE_CHECK(after->recipients.size() == before.recipients.size());
  for (size_t i = 0; i < before.recipients.size(); ++i) {
    const Recipient& a = after->recipients[i];
    const Recipient& b = before.recipients[i];
    SLUICE_CHECK(a.address == b.address && a.state == b.state && a.last_reply == b.last_reply);
    SLUICE_CHECK(a.notify == b.notify && a.orcpt == b.orcpt);
  }
}

}  // namespace
}  // namespace sluice::queue

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::queue;
  FuzzedDataProvider provider(data, size);
  switch (provider.ConsumeIntegralInRange<int>(0, 2)) {
    case 0:
      CheckSurvives(AnyEnvelope(provider));
      break;
    case 1:
      CheckRow(ItemKey(MessageId::Of(1, 2), "example.com"),
               provider.ConsumeRemainingBytesAsString());
      break;
    default: {
      const std::string key = provider.ConsumeRandomLengthString(300);
      CheckRow(key, provider.ConsumeRemainingBytesAsString());
    }
  }
  return 0;
}
