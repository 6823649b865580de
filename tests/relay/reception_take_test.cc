// The promise of 250, over a store that is quick, slow, late, full or gone.
#include "absl/strings/str_cat.h"
#include "tests/relay/reception_fixture.h"

namespace sluice::relay {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class ReceptionTakeTest : public ReceptionTest {
 protected:
  static constexpr absl::Duration kNever = absl::InfiniteDuration();

  // The reply to the body, when the store does what it is asked `store_after`.
  std::string Take(smtp::Transaction transaction, absl::Duration store_after) {
    smtp::Reply reply;
    core_.RunToEnd(Run(std::move(transaction), store_after, reply));
    return reply.ToString();
  }
  std::vector<queue::QueueItem> Queued(const std::string& id) {
    return *spool_->Find(*queue::MessageId::Parse(id));
  }

  // The code of the reply to a small message, a second after the one before.
  std::string TakeOnce() {
    return Take(TransactionTo({"a@one.example"}), absl::Seconds(1)).substr(0, 3);
  }
  void ExpectToRecover() {
    disk_.SetFault(queue::LossyDisk::Fault::kNone);
    std::string reply;
    for (int second = 0; second < 5 && reply != "250"; ++second) reply = TakeOnce();
    EXPECT_EQ(reply, "250");
    EXPECT_THAT(sent_, SizeIs(2));
  }

  absl::Duration took_;

 private:
  io::Task<void> Run(smtp::Transaction transaction, absl::Duration store_after,
                     smtp::Reply& reply) {
    if (store_after < kNever) core_.Spawn(Store(store_after));
    co_await core_.SleepUntil(core_.Now());  // its wait begins first, and ends first
    const MonoTime begun = core_.Now();
    reply = co_await reception_.Take(std::move(transaction));
    took_ = core_.Now() - begun;
  }
  io::Task<void> Store(absl::Duration after) {
    co_await core_.SleepUntil(core_.Now() + after);
    store_.RunAll();
  }
};

// RFC 3461, RFC 8689: on disk, with whom it belongs to.
TEST_F(ReceptionTakeTest, WhatTheSenderAsksForIsKept) {
  smtp::Transaction transaction = TransactionTo({"a@one.example", "b@two.example"},
                                                "TLS-Required: No\r\n\r\nhello\r\n");
  transaction.parameters.envid = "QQ1";
  transaction.parameters.ret = "FULL";
  transaction.recipient_parameters[1] = {"NEVER", "rfc822;old@two.example"};
  std::string id = transaction.id;
  Take(std::move(transaction), absl::Milliseconds(3));
  std::vector<queue::QueueItem> queued = Queued(id);
  ASSERT_THAT(queued, SizeIs(2));
  for (const queue::QueueItem& item : queued) {
    EXPECT_EQ(item.envelope.envid, "QQ1");
    EXPECT_EQ(item.envelope.ret, "FULL");
    EXPECT_TRUE(item.envelope.tls_optional);
    EXPECT_FALSE(item.envelope.require_tls);
  }
  EXPECT_EQ(queued[0].envelope.recipients[0].notify, std::nullopt);
  EXPECT_EQ(queued[1].envelope.recipients[0].notify, "NEVER");
  EXPECT_EQ(queued[1].envelope.recipients[0].orcpt, "rfc822;old@two.example");

  // REQUIRETLS takes precedence over the header.
  transaction = TransactionTo({"a@one.example"}, "TLS-Required: No\r\n\r\nhello\r\n");
  transaction.parameters.require_tls = true;
  id = transaction.id;
  Take(std::move(transaction), absl::Milliseconds(3));
  queued = Queued(id);
  ASSERT_THAT(queued, SizeIs(1));
  EXPECT_TRUE(queued[0].envelope.require_tls);
  EXPECT_FALSE(queued[0].envelope.tls_optional);
}

TEST_F(ReceptionTakeTest, A250IsOnDiskAndOnItsWay) {
  client_.tls = &tls13_;
  smtp::Transaction transaction =
      TransactionTo({"a@One.example", "b@two.example", "c@one.EXAMPLE", "d@[192.0.2.1]"});
  transaction.parameters.eight_bit = true;
  const std::string id = transaction.id;
  const size_t syncs = disk_.syncs();
  EXPECT_EQ(Take(std::move(transaction), absl::Milliseconds(3)),
            absl::StrCat("250 2.0.0 Ok: queued as ", id));
  EXPECT_EQ(took_, absl::Milliseconds(3));
  EXPECT_GT(disk_.syncs(), syncs);
  EXPECT_EQ(counters_.messages_accepted.value(), 1u);

  // One envelope for each destination.
  const std::vector<queue::QueueItem> queued = Queued(id);
  ASSERT_THAT(queued, SizeIs(3));
  ASSERT_THAT(sent_, SizeIs(3));
  const std::vector<std::string> destinations = {"[192.0.2.1]", "one.example", "two.example"};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(queued[i].in_flight);
    EXPECT_EQ(queued[i].envelope.destination, destinations[i]);
    const queue::Envelope& envelope = sent_[i].envelope;
    EXPECT_EQ(envelope.destination, destinations[i]);
    EXPECT_EQ(envelope.id.ToString(), id);
    EXPECT_EQ(envelope.sender, "alice@sender.example");
    EXPECT_TRUE(envelope.eight_bit);
    EXPECT_FALSE(envelope.smtputf8);
    EXPECT_EQ(envelope.received_from.client_address, "192.0.2.7:40123");
    EXPECT_EQ(envelope.received_from.helo, "client.example");
    EXPECT_EQ(envelope.received_from.tls_version, "TLSv1.3");
    EXPECT_EQ(envelope.received_from.tls_cipher, "TLS_AES_256_GCM_SHA384");
    EXPECT_EQ(envelope.deadline - envelope.accepted_at, settings_.queue_lifetime);
    EXPECT_EQ(sent_[i].body->Flatten(), "Subject: x\r\n\r\nhello\r\n");
  }
  ASSERT_THAT(sent_[1].envelope.recipients, SizeIs(2));
  EXPECT_EQ(sent_[1].envelope.recipients[0].address, "a@One.example");
  EXPECT_EQ(sent_[1].envelope.recipients[1].address, "c@one.EXAMPLE");
  // The body is shared, not copied.
  EXPECT_EQ(sent_[0].body->chunks()[0].view().data(), sent_[2].body->chunks()[0].view().data());
}

TEST_F(ReceptionTakeTest, AStoreThatIsTooSlowMeansComeAgainAndNothingIsKept) {
  smtp::Transaction transaction = TransactionTo({"a@one.example"});
  const std::string id = transaction.id;
  EXPECT_EQ(Take(std::move(transaction), kNever),
            "451 4.3.0 The queue cannot be written to now; try again later");
  EXPECT_EQ(took_, settings_.store_timeout);
  EXPECT_THAT(sent_, IsEmpty());
  EXPECT_EQ(counters_.messages_refused.value(), 1u);
  EXPECT_EQ(counters_.messages_accepted.value(), 0u);
  // The client has been told to keep it: when the store wakes up, it must not store it any more.
  store_.RunAll();
  EXPECT_THAT(Queued(id), IsEmpty());
  EXPECT_EQ(spool_->Count(0)->in_flight, 0u);
}

TEST_F(ReceptionTakeTest, AStoreThatIsDoneInTheMomentOfTheTimeoutMeans250) {
  // Both waits end in the same tick, the store's first: the message is on disk when the reception
  // hears that its time is up, and the answer has yet to be delivered.
  smtp::Transaction transaction = TransactionTo({"a@one.example"});
  const std::string id = transaction.id;
  EXPECT_EQ(Take(std::move(transaction), settings_.store_timeout),
            absl::StrCat("250 2.0.0 Ok: queued as ", id));
  EXPECT_EQ(took_, settings_.store_timeout);
  EXPECT_THAT(Queued(id), SizeIs(1));
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].envelope.id.ToString(), id);
}

TEST_F(ReceptionTakeTest, AStoreWithTooMuchWaitingMeansNoRoom) {
  CloseSpool();
  OpenSpool(/*max_pending_bytes=*/100'000);
  // One that is too large for all that may wait is taken as long as nothing else waits.
  EXPECT_EQ(Take(TransactionTo({"a@one.example"}, std::string(200'000, 'x')), kNever).substr(0, 3),
            "451");
  smtp::Transaction transaction = TransactionTo({"a@one.example"});
  const std::string id = transaction.id;
  EXPECT_EQ(Take(std::move(transaction), kNever),
            "452 4.3.1 Not enough room in the queue; try again later");
  EXPECT_EQ(took_, absl::ZeroDuration());
  EXPECT_THAT(Queued(id), IsEmpty());
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(ReceptionTakeTest, ADiskThatIsFullMeansNoRoomUntilThereIsSome) {
  EXPECT_EQ(TakeOnce(), "250");  // the store's files are there
  disk_.SetFault(queue::LossyDisk::Fault::kFull);
  EXPECT_EQ(TakeOnce(), "452");
  EXPECT_THAT(sent_, SizeIs(1));
  ExpectToRecover();
}

TEST_F(ReceptionTakeTest, ADiskThatIsBrokenMeansComeAgainUntilItIsMended) {
  EXPECT_EQ(TakeOnce(), "250");
  disk_.SetFault(queue::LossyDisk::Fault::kBroken);
  EXPECT_EQ(TakeOnce(), "451");
  EXPECT_THAT(sent_, SizeIs(1));
  ExpectToRecover();
}

TEST_F(ReceptionTakeTest, WhatIsNotSyncedIsNotTaken) {
  EXPECT_EQ(TakeOnce(), "250");
  disk_.SetFault(queue::LossyDisk::Fault::kSyncFails);
  EXPECT_EQ(TakeOnce(), "451");
  EXPECT_THAT(sent_, SizeIs(1));
  ExpectToRecover();
}

TEST_F(ReceptionTakeTest, AStoreThatIsClosedMeansComeAgain) {
  spool_->Close([](const absl::Status&) {});
  store_.RunAll();
  EXPECT_EQ(Take(TransactionTo({"a@one.example"}), absl::Milliseconds(1)),
            "451 4.3.0 The queue cannot be written to now; try again later");
  EXPECT_THAT(sent_, IsEmpty());
}

TEST_F(ReceptionTakeTest, TheNullSenderIsKeptAsSuch) {
  smtp::Transaction transaction = TransactionTo({"a@one.example"});
  transaction.sender = smtp::Address();
  Take(std::move(transaction), absl::ZeroDuration());
  ASSERT_THAT(sent_, SizeIs(1));
  EXPECT_EQ(sent_[0].envelope.sender, "");
}

}  // namespace
}  // namespace sluice::relay
