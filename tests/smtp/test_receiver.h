// A receiver for tests of the server side: has a few plain rules, keeps what it takes, and counts.
#ifndef SLUICE_TESTS_SMTP_TEST_RECEIVER_H_
#define SLUICE_TESTS_SMTP_TEST_RECEIVER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/io/core.h"
#include "engine/smtp/receiver.h"

namespace sluice::smtp {

class TestReceiver final : public Receiver {
 public:
  struct Taken {
    Transaction transaction;  // without its client
    std::string helo;
    bool tls = false;
    std::string body;  // trace field and all
  };

  // Rules: mail from here needs TLS; mail to anywhere else is refused. Empty: no such rule.
  std::string tls_domain;
  std::string relay_domain;
  // How long it takes until a message is on disk.
  io::Core* core = nullptr;
  absl::Duration store_time;

  std::vector<Taken> taken;
  std::vector<std::string> refused;          // replies to bodies
  std::vector<tls::Reason> failed_handshakes;
  int handshakes = 0;

  std::optional<Reply> CheckSender(const Client& client, const Address& sender,
                                   const MailParameters&) override {
    if (tls_domain.empty() || client.tls != nullptr || sender.domain != tls_domain) {
      return std::nullopt;
    }
    return Reply{451, EnhancedStatus{4, 7, 10},
                 absl::StrCat("TLS required for ", tls_domain, "; use STARTTLS")};
  }
  std::optional<Reply> CheckRecipient(const Client&, const Address&,
                                      const Address& recipient) override {
    if (relay_domain.empty() || recipient.domain == relay_domain) return std::nullopt;
    return Reply{554, EnhancedStatus{5, 7, 1}, "Relay access denied"};
  }
  std::string NewMessageId() override { return absl::StrCat("ID", ++ids_); }
  io::Task<Reply> Take(Transaction transaction) override {
    if (core != nullptr) co_await core->SleepUntil(core->Now() + store_time);
    Taken& message = taken.emplace_back();
    message.helo = transaction.client->helo;
    message.tls = transaction.client->tls != nullptr;
    message.body = transaction.body.Flatten();
    Reply reply{250, EnhancedStatus{2, 0, 0}, absl::StrCat("Ok: queued as ", transaction.id)};
    message.transaction = std::move(transaction);
    message.transaction.client = nullptr;
    co_return reply;
  }
  void OnHandshake(const Client&, absl::Duration) override { ++handshakes; }
  void OnHandshakeFailed(const Client&, const tls::Failure& failure, absl::Duration) override {
    failed_handshakes.push_back(failure.reason);
  }
  void OnRefused(const Client&, const Reply& reply) override { refused.push_back(reply.ToString()); }

 private:
  int ids_ = 0;
};

// `body` behind the trace field that this hop put in front.
inline std::string WithoutTraceField(absl::string_view body) {
  size_t end = body.find("\r\n");
  while (end != absl::string_view::npos && absl::StartsWith(body.substr(end + 2), "\t")) {
    end = body.find("\r\n", end + 2);
  }
  if (!absl::StartsWith(body, "Received: ") || end == absl::string_view::npos) {
    return absl::StrCat("no trace field in front of: ", body);
  }
  return std::string(body.substr(end + 2));
}

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_TEST_RECEIVER_H_
