// Rows of envelopes and of the history, and what is made of damaged ones.
#include <string>

#include "gtest/gtest.h"
#include "queue/envelope_codec.h"
#include "queue/history_codec.h"
#include "queue/key_codec.h"

namespace sluice::queue {
namespace {

const MessageId kId = MessageId::Of(1'700'000'000'000'000'001, 42);

Envelope FullEnvelope() {
  Envelope envelope;
  envelope.id = kId;
  envelope.destination = "example.com";
  envelope.sender = "alice@sender.example";
  envelope.recipients = {
      {.address = "bob@example.com",
       .state = RecipientState::kDelivered,
       .last_reply = "250 2.0.0 ok",
       .notify = "SUCCESS,FAILURE",
       .orcpt = "rfc822;bob@example.com"},
      {.address = "c\xc3\xa9line@example.com", .state = RecipientState::kPending},
      {.address = "x@example.com",
       .state = RecipientState::kFailed,
       .last_reply = std::string("550 \0\xff", 6)}};
  envelope.envid = "QQ314159";
  envelope.ret = "HDRS";
  envelope.smtputf8 = true;
  envelope.eight_bit = true;
  envelope.require_tls = true;
  envelope.tls_optional = true;
  envelope.received_from = {.client_address = "192.0.2.1:40123",
                            .helo = "mail.sender.example",
                            .tls_version = "TLSv1.3",
                            .tls_cipher = "TLS_AES_256_GCM_SHA384"};
  envelope.accepted_at = absl::FromUnixNanos(1'700'000'000'000'000'001);
  envelope.deadline = envelope.accepted_at + absl::Hours(168);
  envelope.last_failure = {.at = envelope.accepted_at + absl::Seconds(1),
                           .tls = true,
                           .stage = "handshake",
                           .reason = "alert",
                           .mx = "mx.example.com",
                           .address = "198.51.100.1:25",
                           .text = "handshake failure"};
  envelope.policy_digest = "digest";
  envelope.next_due = envelope.accepted_at + absl::Minutes(5);
  envelope.attempts = 3;
  envelope.delays_told = 2;
  envelope.body_bytes = uint64_t{5} << 32;
  envelope.body_chunks = 7;
  envelope.sole_destination = true;
  envelope.parked = true;
  envelope.past_breaker = true;
  envelope.revision = 2;
  return envelope;
}

TEST(EnvelopeCodecTest, EveryFieldIsReadBack) {
  const Envelope in = FullEnvelope();
  const Envelope out = DecodeEnvelope(ItemKey(in.id, in.destination), EncodeEnvelope(in)).value();
  EXPECT_EQ(out.id, in.id);
  EXPECT_EQ(out.destination, in.destination);
  EXPECT_EQ(out.sender, in.sender);
  ASSERT_EQ(out.recipients.size(), in.recipients.size());
  for (size_t i = 0; i < in.recipients.size(); ++i) {
    EXPECT_EQ(out.recipients[i].address, in.recipients[i].address);
    EXPECT_EQ(out.recipients[i].state, in.recipients[i].state);
    EXPECT_EQ(out.recipients[i].last_reply, in.recipients[i].last_reply);
    EXPECT_EQ(out.recipients[i].notify, in.recipients[i].notify);
    EXPECT_EQ(out.recipients[i].orcpt, in.recipients[i].orcpt);
  }
  EXPECT_EQ(out.envid, in.envid);
  EXPECT_EQ(out.ret, in.ret);
  EXPECT_EQ(out.smtputf8, in.smtputf8);
  EXPECT_EQ(out.eight_bit, in.eight_bit);
  EXPECT_EQ(out.require_tls, in.require_tls);
  EXPECT_EQ(out.tls_optional, in.tls_optional);
  EXPECT_EQ(out.delays_told, in.delays_told);
  EXPECT_EQ(out.received_from.client_address, in.received_from.client_address);
  EXPECT_EQ(out.received_from.helo, in.received_from.helo);
  EXPECT_EQ(out.received_from.tls_version, in.received_from.tls_version);
  EXPECT_EQ(out.received_from.tls_cipher, in.received_from.tls_cipher);
  EXPECT_EQ(out.accepted_at, in.accepted_at);
  EXPECT_EQ(out.deadline, in.deadline);
  ASSERT_TRUE(out.last_failure.has_value());
  EXPECT_EQ(out.last_failure->at, in.last_failure->at);
  EXPECT_EQ(out.last_failure->tls, in.last_failure->tls);
  EXPECT_EQ(out.last_failure->stage, in.last_failure->stage);
  EXPECT_EQ(out.last_failure->reason, in.last_failure->reason);
  EXPECT_EQ(out.last_failure->mx, in.last_failure->mx);
  EXPECT_EQ(out.last_failure->address, in.last_failure->address);
  EXPECT_EQ(out.last_failure->text, in.last_failure->text);
  EXPECT_EQ(out.policy_digest, in.policy_digest);
  EXPECT_EQ(out.next_due, in.next_due);
  EXPECT_EQ(out.attempts, in.attempts);
  EXPECT_EQ(out.body_bytes, in.body_bytes);
  EXPECT_EQ(out.body_chunks, in.body_chunks);
  EXPECT_EQ(out.sole_destination, in.sole_destination);
  EXPECT_EQ(out.revision, in.revision);
  EXPECT_EQ(out.parked, in.parked);
  EXPECT_EQ(out.past_breaker, in.past_breaker);
}

TEST(EnvelopeCodecTest, UnsetAndEmptyAreKeptApart) {
  Envelope in = FullEnvelope();
  in.sender = "";
  in.envid = "";
  in.ret.reset();
  in.last_failure.reset();
  const Envelope out = DecodeEnvelope(ItemKey(in.id, in.destination), EncodeEnvelope(in)).value();
  EXPECT_EQ(out.envid, "");
  EXPECT_FALSE(out.ret.has_value());
  EXPECT_FALSE(out.last_failure.has_value());
  EXPECT_EQ(out.sender, "");
}

TEST(EnvelopeCodecTest, NothingOfTheOneBeforeIsInARow) {
  Envelope bare;
  bare.accepted_at = bare.deadline = bare.next_due = absl::FromUnixNanos(1);
  bare.recipients = {{.address = "bob@example.com"}};
  const std::string row = EncodeEnvelope(bare);
  const std::string other = EncodeEnvelope(FullEnvelope());
  EXPECT_EQ(EncodeEnvelope(bare), row);
  EXPECT_EQ(EncodeEnvelope(FullEnvelope()), other);
}

TEST(EnvelopeCodecTest, DamageIsFoundNeverGuessedAt) {
  const Envelope in = FullEnvelope();
  const std::string item = ItemKey(in.id, in.destination);
  const std::string row = EncodeEnvelope(in);
  EXPECT_EQ(DecodeEnvelope(item.substr(0, 12), row).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeEnvelope(item, row.substr(0, row.size() - 1)).status().code(),
            absl::StatusCode::kDataLoss);
  // A recipient without a state: field 2, length 3, an address of one octet.
  EXPECT_EQ(DecodeEnvelope(item, "\x12\x03\x0a\x01x").status().code(), absl::StatusCode::kDataLoss);
}

TEST(EnvelopeCodecTest, ChecksDestinations) {
  EXPECT_TRUE(CheckDestination("example.com").ok());
  EXPECT_TRUE(CheckDestination("[ipv6:2001:db8::1]").ok());
  EXPECT_TRUE(CheckDestination(std::string(255, 'a')).ok());
  for (const std::string& bad : {std::string(), std::string(256, 'a'), std::string("Example.com"),
                                 std::string("a b"), std::string("a\0b", 3), std::string("\xff")}) {
    EXPECT_EQ(CheckDestination(bad).code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(HistoryCodecTest, EveryFieldIsReadBack) {
  HistoryEntry in;
  in.outcome = Outcome::kDeletedTlsPolicy;
  in.tls = true;
  in.direction = Direction::kInbound;
  in.message_id = kId;
  in.sender = "alice@sender.example";
  in.recipients = {"bob@example.com", "carol@example.com"};
  in.domain = "example.com";
  in.entry = "*.example.com";
  in.entry_generation = 17;
  in.decided_by = "entry+dane";
  in.source_address = "192.0.2.7";
  in.attempt = 4;
  in.next_attempt = absl::FromUnixNanos(1'700'000'000'000'000'002);
  in.deadline = absl::FromUnixNanos(1'700'600'000'000'000'002);
  in.mx = "mx.example.com";
  in.address = "198.51.100.1:25";
  in.stage = "verify";
  in.reason = "name_mismatch";
  in.detail = "the certificate is for other.example";
  in.tls_version = "TLSv1.3";
  in.cipher = "TLS_AES_256_GCM_SHA384";
  in.certificate = "CN=other.example 12:34";
  in.parked = true;
  const HistoryEntry out =
      DecodeHistoryEntry({.nanos = 7, .sequence = 9}, EncodeHistoryEntry(in)).value();
  EXPECT_EQ(out.time, absl::FromUnixNanos(7));
  EXPECT_EQ(out.sequence, 9u);
  EXPECT_EQ(out.outcome, in.outcome);
  EXPECT_EQ(out.tls, in.tls);
  EXPECT_EQ(out.direction, in.direction);
  EXPECT_EQ(out.message_id, in.message_id);
  EXPECT_EQ(out.sender, in.sender);
  EXPECT_EQ(out.recipients, in.recipients);
  EXPECT_EQ(out.domain, in.domain);
  EXPECT_EQ(out.entry, in.entry);
  EXPECT_EQ(out.entry_generation, in.entry_generation);
  EXPECT_EQ(out.decided_by, in.decided_by);
  EXPECT_EQ(out.source_address, in.source_address);
  EXPECT_EQ(out.attempt, in.attempt);
  EXPECT_EQ(out.next_attempt, in.next_attempt);
  EXPECT_EQ(out.deadline, in.deadline);
  EXPECT_EQ(out.mx, in.mx);
  EXPECT_EQ(out.address, in.address);
  EXPECT_EQ(out.stage, in.stage);
  EXPECT_EQ(out.reason, in.reason);
  EXPECT_EQ(out.detail, in.detail);
  EXPECT_EQ(out.tls_version, in.tls_version);
  EXPECT_EQ(out.cipher, in.cipher);
  EXPECT_EQ(out.certificate, in.certificate);
  EXPECT_EQ(out.parked, in.parked);
}

TEST(HistoryCodecTest, EveryOutcomeIsReadBack) {
  for (const Outcome outcome :
       {Outcome::kDeferred, Outcome::kDelivered, Outcome::kFailed, Outcome::kExpired,
        Outcome::kDeletedTlsPolicy, Outcome::kDeletedByAdmin,
        Outcome::kReturnedByAdmin, Outcome::kRefused}) {
    HistoryEntry in;
    in.outcome = outcome;
    const HistoryEntry out = DecodeHistoryEntry({}, EncodeHistoryEntry(in)).value();
    EXPECT_EQ(out.outcome, outcome);
    EXPECT_FALSE(out.message_id.has_value());
    EXPECT_FALSE(out.next_attempt.has_value());
    EXPECT_FALSE(out.deadline.has_value());
    EXPECT_EQ(out.sender, "");  // nothing of the one before
    EXPECT_TRUE(out.recipients.empty());
    EXPECT_EQ(out.detail, "");
    in.sender = "alice@sender.example";
    in.recipients = {"bob@example.com"};
    in.detail = "said before";
    EXPECT_EQ(DecodeHistoryEntry({}, EncodeHistoryEntry(in))->detail, "said before");
  }
  EXPECT_EQ(DecodeHistoryEntry({}, "").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeHistoryEntry({}, "\xff").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sluice::queue
