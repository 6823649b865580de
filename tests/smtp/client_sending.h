// What tests of sending begin with: a server that has greeted, a message, and what each recipient
// of it gets, in words.
#ifndef SLUICE_TESTS_SMTP_CLIENT_SENDING_H_
#define SLUICE_TESTS_SMTP_CLIENT_SENDING_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/smtp/client_script.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::smtp {

inline constexpr char kBody[] = "Subject: hello\r\n\r\nhello\r\n";
inline constexpr char kStuffed[] = "Subject: hello\r\n\r\nhello\r\n.\r\n";

// A server with these keywords, up to where mail may begin.
inline std::vector<Step> Greeted(const std::vector<std::string>& keywords, std::vector<Step> rest) {
  std::string reply;
  for (const std::string& keyword : keywords) absl::StrAppend(&reply, "250-", keyword, "\r\n");
  std::vector<Step> script = {Say("220 mx.example.net ESMTP\r\n"), Hear("EHLO gw.example.com"),
                              Say(absl::StrCat("250-mx.example.net\r\n", reply, "250 HELP\r\n"))};
  script.insert(script.end(), rest.begin(), rest.end());
  return script;
}

inline Mail To(std::vector<std::string> recipients) {
  return {{.sender = "a@example.com", .recipients = std::move(recipients)}, kBody};
}

inline SessionRun Send(FakeCore& core, std::vector<Mail> mails, ClientOptions options = {},
                       absl::Duration pause = absl::ZeroDuration()) {
  static auto& contexts = *new TestTlsContexts;
  return RunSession(core, TlsUse::Never(), contexts.client(), std::move(mails), std::move(options),
                    pause);
}

// "delivered final 250", "failed rcpt 550", ...
inline std::string Said(const RecipientResult& result) {
  using Outcome = RecipientResult::Outcome;
  const absl::string_view outcome = result.outcome == Outcome::kDelivered  ? "delivered "
                                    : result.outcome == Outcome::kDeferred ? "deferred "
                                                                           : "failed ";
  return absl::StrCat(outcome, StageName(result.stage), " ", result.reply.code,
                      result.local ? " local" : "");
}

inline std::vector<std::string> Said(const SessionRun& run, size_t mail = 0) {
  std::vector<std::string> said;
  if (mail >= run.sent.size()) return {"not sent"};
  for (const RecipientResult& result : run.sent[mail].recipients) said.push_back(Said(result));
  return said;
}

using Strings = std::vector<std::string>;

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_CLIENT_SENDING_H_
