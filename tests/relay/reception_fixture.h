// A reception on a core with a clock of its own, over a real spool whose disk is in memory and
// whose thread does its work when the test says so.
#ifndef SLUICE_TESTS_RELAY_RECEPTION_FIXTURE_H_
#define SLUICE_TESTS_RELAY_RECEPTION_FIXTURE_H_

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/relay/reception.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "policy/table.h"
#include "tests/queue/lossy_disk.h"
#include "tests/queue/spool_fixture.h"
#include "tests/relay/test_entries.h"
#include "tests/smtp/client_fake_network.h"

namespace sluice::relay {

class ReceptionTest : public testing::Test, private ReceptionHost {
 protected:

  ReceptionTest() : reception_(*this) {
    settings_.relay_networks = *NetworkSet::Parse("192.0.2.0/24");
    UseList({});
    OpenSpool();
    tls12_.version = tls::Version::kTls12;
    tls12_.version_name = "TLSv1.2";
    tls12_.cipher = "ECDHE-RSA-AES256-GCM-SHA384";
    tls13_.version = tls::Version::kTls13;
    tls13_.version_name = "TLSv1.3";
    tls13_.cipher = "TLS_AES_256_GCM_SHA384";
    client_.remote = *io::SocketAddress::Parse("192.0.2.7:40123");
    client_.helo = "client.example";
    client_.esmtp = true;
  }
  ~ReceptionTest() override {
    CloseSpool();
    core_.RunToEnd(Nothing());  // takes in the answers that nobody waited for any more
  }

  void UseList(std::initializer_list<Fields> entries) {
    std::vector<policy::Entry> list;
    for (const Fields& fields : entries) list.push_back(EntryOf(fields));
    table_ = *policy::Table::Load(std::move(list), 1);
    snapshot_ = table_->current();
  }
  void OpenSpool(size_t max_pending_bytes = size_t{256} << 20) {
    queue::SpoolOptions options;
    options.data_dir = "/var/lib/sluice";
    options.env = disk_.env();
    options.clock = &core_.clock();
    options.store = &store_;
    options.memory_bytes = 16 << 20;
    options.max_pending_bytes = max_pending_bytes;
    absl::StatusOr<std::unique_ptr<queue::Spool>> spool = queue::Spool::Open(options);
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
  }
  void CloseSpool() {
    if (spool_ == nullptr) return;
    spool_->Close([](const absl::Status&) {});
    store_.RunAll();
    spool_.reset();
  }

  static smtp::Address AddressOf(absl::string_view text) {
    const std::string path = text.empty() ? "<>" : "<" + std::string(text) + ">";
    absl::string_view rest = path;
    return *smtp::ParsePath(rest);
  }
  // The reply to MAIL FROM and RCPT TO; "ok" where there is no objection.
  std::string Mail(absl::string_view sender) {
    const std::optional<smtp::Reply> reply = reception_.CheckSender(client_, AddressOf(sender), {});
    return reply.has_value() ? reply->ToString() : "ok";
  }
  std::string Rcpt(absl::string_view recipient) {
    const std::optional<smtp::Reply> reply =
        reception_.CheckRecipient(client_, AddressOf("alice@sender.example"), AddressOf(recipient));
    return reply.has_value() ? reply->ToString() : "ok";
  }
  smtp::Transaction TransactionTo(const std::vector<std::string>& recipients,
                                  absl::string_view body = "Subject: x\r\n\r\nhello\r\n") {
    smtp::Transaction transaction;
    transaction.client = &client_;
    transaction.id = reception_.NewMessageId();
    transaction.sender = AddressOf("alice@sender.example");
    for (const std::string& recipient : recipients) {
      transaction.recipients.push_back(AddressOf(recipient));
      transaction.recipient_parameters.emplace_back();
    }
    transaction.body = io::Body::Copy(body);
    return transaction;
  }
  // The oldest first, once the store has written them.
  std::vector<queue::HistoryEntry> History() {
    store_.RunAll();
    queue::HistoryQuery query;
    query.newest_first = false;
    query.limit = 1000;
    return spool_->QueryHistory(query)->entries;
  }

  smtp::FakeCore core_;
  queue::LossyDisk disk_{1};
  queue::SteppedExecutor store_;
  Settings settings_;
  std::unique_ptr<queue::Spool> spool_;
  Counters counters_;
  std::vector<Attempt> sent_;
  smtp::Client client_;
  tls::ConnectionInfo tls12_;
  tls::ConnectionInfo tls13_;
  Reception reception_;

 private:
  io::Core& core() override { return core_; }
  const Settings& settings() const override { return settings_; }
  const policy::Snapshot& list() const override { return *snapshot_; }
  queue::Spool& spool() override { return *spool_; }
  queue::MessageIdSource& ids() override { return ids_; }
  Counters& counters() override { return counters_; }
  void Send(std::vector<Attempt> attempts) override {
    for (Attempt& attempt : attempts) sent_.push_back(std::move(attempt));
  }

  static io::Task<void> Nothing() { co_return; }

  Random random_{3};
  queue::MessageIdSource ids_{random_};
  std::unique_ptr<policy::Table> table_;
  std::shared_ptr<const policy::Snapshot> snapshot_;
};

}  // namespace sluice::relay

#endif  // SLUICE_TESTS_RELAY_RECEPTION_FIXTURE_H_
