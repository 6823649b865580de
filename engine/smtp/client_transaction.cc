// One mail transaction of a ClientSession: MAIL, RCPT, DATA or BDAT, the body, and what each
// recipient gets for it (RFC 5321 §3.3, RFC 2920, RFC 3030).
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/smtp/client_body.h"
#include "engine/smtp/client_session.h"

namespace sluice::smtp {
namespace {

using Outcome = RecipientResult::Outcome;

// What a body may have that goes out together with its envelope: less than any window, and no loss
// where nobody is to have it.
constexpr size_t kPipelinedBodyBytes = 64 * 1024;
// A connection that nothing was said over for this long may have been closed by its server.
constexpr absl::Duration kIdle = absl::Milliseconds(10);
constexpr size_t kMostPathBytes = 1024;  // RFC 5321 grants 256; what is above is the server's say

// Whether a path can be said between angle brackets without ending them, or the line.
bool IsSayable(absl::string_view path) {
  if (path.size() > kMostPathBytes) return false;
  bool quoted = false;
  bool escaped = false;
  for (const char c : path) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return false;
    if (escaped) {
      escaped = false;
    } else if (quoted) {
      escaped = c == '\\';
      quoted = c != '"';
    } else {
      if (c == ' ' || c == '<' || c == '>') return false;
      quoted = c == '"';
    }
  }
  return !quoted;
}

// " NAME=value", where there is a value, and it can be said without ending the parameter.
std::string ParameterOf(absl::string_view name, const std::optional<std::string>& value) {
  if (!value.has_value() || value->empty() || value->size() > kMostPathBytes) return "";
  for (const char c : *value) {
    if (c == ' ' || absl::ascii_iscntrl(static_cast<unsigned char>(c))) return "";
  }
  return absl::StrCat(" ", name, "=", *value);
}

bool IsRefusal(const Reply& reply) { return reply.transient() || reply.permanent(); }

// 552 to RCPT means "too many recipients" (RFC 5321 §4.5.3.1.10) unless its status says otherwise.
bool MeansTooManyRecipients(const Reply& reply) {
  return reply.code == 552 &&
         (!reply.status.has_value() || *reply.status == EnhancedStatus{5, 5, 3});
}

Reply MakeReply(int code, EnhancedStatus status, absl::string_view text) {
  return Reply{code, status, std::string(text)};
}

}  // namespace

class ClientSession::Transaction {
 public:
  Transaction(ClientSession& session, const OutgoingMessage& message, const io::Body& body)
      : session_(session),
        message_(message),
        body_(body),
        states_(message.recipients.size(), State::kToBeSaid),
        chunking_(session.options_.chunking && session.facts_.capabilities.chunking),
        idled_(session.used_ && session.core_.Now() - session.used_until_ > kIdle) {
    result_.recipients.resize(message.recipients.size());
  }

  io::Task<SendResult> Run();

 private:
  enum class State { kToBeSaid, kAccepted, kDecided };
  struct Said {
    Stage stage;           // kFinal: BDAT, with the body
    size_t recipient = 0;  // of RCPT
  };

  // What needs no server to decide.
  void DecideLocally();
  // Up to the reply to DATA, to where BDAT is to be said, to the final reply where it was said
  // together with the rest, or to where there is nothing more to say.
  io::Task<void> SendEnvelope(MonoTime limit);
  // As many as may go out before their replies are read; none: the envelope is at its end.
  std::string NextCommands(std::vector<Said>& said);
  void Hear(const Said& said, const Reply& reply);
  void HearRcpt(size_t recipient, const Reply& reply);
  void HearData(const Reply& reply);
  // Whether the body is short enough to go out with its envelope, and the server surely there: one
  // that has closed an idle connection would leave open whether it took the message.
  bool GoesWithEnvelope() const {
    return session_.facts_.capabilities.pipelining && body_.size() <= kPipelinedBodyBytes &&
           !idled_;
  }
  io::Task<void> SendBody();
  // A write has failed. The server may have said why before it closed.
  io::Task<void> HearLastWords(Stage stage, absl::Status write_failed);
  void HearFinal(const Reply& reply);
  // Ends a transaction that was left unfinished, so that the connection is clean, or broken.
  io::Task<void> Reset();
  // Something has been said before it was asked for: it ends the session.
  io::Task<void> HearUnasked(Stage stage, MonoTime deadline);

  std::string MailCommand() const;
  std::string RcptCommand(size_t recipient) const;
  // REQUIRETLS can be said, and will be understood.
  bool TakesRequireTls() const {
    return session_.stream_->tls() != nullptr && session_.facts_.capabilities.require_tls;
  }
  absl::Duration TimeoutOf(Stage stage) const;
  bool AnyOpen() const { return AnyIs(State::kToBeSaid) || AnyIs(State::kAccepted); }
  bool AnyIs(State state) const {
    return std::find(states_.begin(), states_.end(), state) != states_.end();
  }
  // The connection was kept from an earlier message, and nothing has been heard on it since.
  bool MayBeStale() const { return session_.used_ && !heard_; }
  void Decide(size_t recipient, Outcome outcome, Stage stage, const Reply& reply);
  // By the server's word, for every recipient that is not decided yet.
  void DecideRest(Stage stage, const Reply& reply);
  void DecideRestLocally(Stage stage, const Reply& reply);
  // The connection is lost, or out of step.
  void Break(Stage stage, const absl::Status& status);
  void BreakOutOfStep(Stage stage, const Reply& reply);
  // The server is closing: 421.
  void HearGoodbye(Stage stage, const Reply& reply);

  ClientSession& session_;
  const OutgoingMessage& message_;
  const io::Body& body_;
  SendResult result_;
  std::vector<State> states_;  // of the recipients
  const bool chunking_;
  const bool idled_;
  size_t next_recipient_ = 0;  // the first whose RCPT has not been said
  bool mail_said_ = false;
  bool mail_refused_ = false;
  bool data_said_ = false;  // or BDAT
  bool body_said_ = false;  // whole, with its envelope: who does not answer may have taken it
  bool body_wanted_ = false;
  bool unfinished_ = false;  // the server has a transaction open
  bool heard_ = false;       // anything about this message
};

io::Task<SendResult> ClientSession::Send(const OutgoingMessage& message, const io::Body& body) {
  SLUICE_CHECK(reusable());
  SLUICE_CHECK(!message.recipients.empty());
  SLUICE_CHECK(message.recipient_parameters.empty() ||
               message.recipient_parameters.size() == message.recipients.size());
  Transaction transaction(*this, message, body);
  SendResult result = co_await transaction.Run();
  used_ = true;
  used_until_ = core_.Now();
  co_return result;
}

io::Task<SendResult> ClientSession::Transaction::Run() {
  DecideLocally();
  if (AnyIs(State::kToBeSaid)) {
    const MonoTime limit = session_.core_.Now() + session_.options_.envelope_limit;
    co_await SendEnvelope(limit);
    if (body_wanted_) co_await SendBody();
    if (unfinished_ && !session_.broken_) co_await Reset();
  }
  SLUICE_CHECK(!AnyIs(State::kToBeSaid) && !AnyIs(State::kAccepted));
  co_return std::move(result_);
}

void ClientSession::Transaction::DecideLocally() {
  const Capabilities& offered = session_.facts_.capabilities;
  if (message_.smtputf8 && !offered.smtputf8) {
    DecideRestLocally(Stage::kMail,
                      MakeReply(553, {5, 6, 7},
                                "the message has internationalized addresses or headers "
                                "(SMTPUTF8), which the receiving server does not take"));
  } else if (offered.size_limit_bytes > 0 && body_.size() > offered.size_limit_bytes) {
    DecideRestLocally(
        Stage::kMail,
        MakeReply(552, {5, 3, 4},
                  absl::StrCat("the message has ", body_.size(), " bytes; the receiving server ",
                               "takes ", offered.size_limit_bytes, " at most")));
  } else if (message_.require_tls && !message_.sender.empty() && !TakesRequireTls()) {
    DecideRestLocally(Stage::kMail,
                      MakeReply(550, {5, 7, 30},
                                "the sender asks for TLS on every step of the way (REQUIRETLS), "
                                "which the receiving server does not support"));
  } else if (!IsSayable(message_.sender)) {
    DecideRestLocally(Stage::kMail,
                      MakeReply(553, {5, 1, 7}, "the sender's address cannot be said in SMTP"));
  }
  for (size_t i = 0; i < states_.size(); ++i) {
    const std::string& path = message_.recipients[i];
    if (states_[i] == State::kDecided || (!path.empty() && IsSayable(path))) continue;
    Decide(i, Outcome::kFailed, Stage::kRcpt,
           MakeReply(553, {5, 1, 3}, "the recipient's address cannot be said in SMTP"));
    result_.recipients[i].local = true;
  }
}

io::Task<void> ClientSession::Transaction::SendEnvelope(MonoTime limit) {
  while (true) {
    std::vector<Said> said;
    const std::string commands = NextCommands(said);
    if (said.empty()) co_return;
    const Stage first = said.front().stage;
    if (!session_.stream_->input().empty()) {
      co_await HearUnasked(first, session_.Deadline(TimeoutOf(first), limit));
      co_return;
    }
    // The promise: mandatory TLS, or no mail.
    SLUICE_CHECK(!session_.use_.mandatory() || session_.stream_->tls() != nullptr);
    MonoTime begun = session_.core_.Now();
    const bool with_body = said.back().stage == Stage::kFinal;
    std::vector<absl::string_view> pieces;
    BdatChunk chunk(body_);
    if (with_body) chunk.Next(kPipelinedBodyBytes + 1, pieces);
    pieces.insert(pieces.begin(), commands);
    const absl::Status sent =
        co_await session_.stream_->Write(pieces, session_.Deadline(TimeoutOf(first), limit));
    body_said_ = with_body && sent.ok();
    if (!sent.ok()) {
      session_.Took(first, begun);
      co_await HearLastWords(first, sent);
      co_return;
    }
    for (const Said& command : said) {
      const bool is_final = command.stage == Stage::kFinal;
      const absl::StatusOr<Reply> reply = co_await session_.ReadReply(
          session_.Deadline(TimeoutOf(command.stage), is_final ? MonoTime::Never() : limit));
      session_.Took(command.stage, std::exchange(begun, session_.core_.Now()));
      if (reply.ok()) {
        Hear(command, *reply);
      } else {
        Break(command.stage, reply.status());
      }
      if (result_.failure.has_value()) co_return;
    }
  }
}

std::string ClientSession::Transaction::NextCommands(std::vector<Said>& said) {
  const size_t most = session_.facts_.capabilities.pipelining ? kPipelinedCommands : 1;
  std::string commands;
  if (mail_refused_) return commands;
  while (said.size() < most) {
    if (!mail_said_) {
      absl::StrAppend(&commands, MailCommand());
      said.push_back({Stage::kMail});
      mail_said_ = true;
    } else if (next_recipient_ < states_.size()) {
      const size_t i = next_recipient_++;
      if (states_[i] == State::kDecided) continue;  // locally
      absl::StrAppend(&commands, RcptCommand(i));
      said.push_back({Stage::kRcpt, i});
    } else if (!data_said_ && chunking_) {
      // A longer body waits until somebody is to have it.
      if (!GoesWithEnvelope() && !said.empty()) break;
      if (said.empty() && !AnyIs(State::kAccepted)) break;
      data_said_ = true;
      if (GoesWithEnvelope()) {
        said.push_back({Stage::kFinal});
      } else {
        body_wanted_ = true;
      }
      break;
    } else if (!data_said_ && (!said.empty() || AnyIs(State::kAccepted))) {
      absl::StrAppend(&commands, "DATA\r\n");
      said.push_back({Stage::kData});
      data_said_ = true;
    } else {
      break;
    }
  }
  return commands;
}

std::string ClientSession::Transaction::MailCommand() const {
  const Capabilities& offered = session_.facts_.capabilities;
  std::string command = absl::StrCat("MAIL FROM:<", message_.sender, ">");
  if (offered.size) absl::StrAppend(&command, " SIZE=", body_.size());
  if (message_.eight_bit && offered.eight_bit_mime) absl::StrAppend(&command, " BODY=8BITMIME");
  if (message_.smtputf8) absl::StrAppend(&command, " SMTPUTF8");
  if (message_.require_tls && TakesRequireTls()) absl::StrAppend(&command, " REQUIRETLS");
  if (offered.dsn) {
    absl::StrAppend(&command, ParameterOf("RET", message_.ret),
                    ParameterOf("ENVID", message_.envid));
  }
  absl::StrAppend(&command, "\r\n");
  return command;
}

std::string ClientSession::Transaction::RcptCommand(size_t recipient) const {
  std::string command = absl::StrCat("RCPT TO:<", message_.recipients[recipient], ">");
  if (session_.facts_.capabilities.dsn && !message_.recipient_parameters.empty()) {
    const RecipientParameters& asked = message_.recipient_parameters[recipient];
    absl::StrAppend(&command, ParameterOf("NOTIFY", asked.notify),
                    ParameterOf("ORCPT", asked.orcpt));
  }
  absl::StrAppend(&command, "\r\n");
  return command;
}

void ClientSession::Transaction::Hear(const Said& said, const Reply& reply) {
  if (reply.code == 421) return HearGoodbye(said.stage, reply);
  heard_ = true;
  if (said.stage == Stage::kRcpt) return HearRcpt(said.recipient, reply);
  if (said.stage == Stage::kData) return HearData(reply);
  if (said.stage == Stage::kFinal) return HearFinal(reply);
  if (reply.positive()) {
    unfinished_ = true;
  } else if (IsRefusal(reply)) {
    mail_refused_ = true;
    DecideRest(Stage::kMail, reply);
  } else {
    BreakOutOfStep(Stage::kMail, reply);
  }
}

void ClientSession::Transaction::HearRcpt(size_t recipient, const Reply& reply) {
  if (states_[recipient] == State::kDecided) return;  // with MAIL, which was said together with it
  if (reply.positive()) {
    states_[recipient] = State::kAccepted;
  } else if (!IsRefusal(reply)) {
    BreakOutOfStep(Stage::kRcpt, reply);
  } else {
    const bool permanent = reply.permanent() && !MeansTooManyRecipients(reply);
    Decide(recipient, permanent ? Outcome::kFailed : Outcome::kDeferred, Stage::kRcpt, reply);
  }
}

void ClientSession::Transaction::HearData(const Reply& reply) {
  if (reply.code == 354) {
    body_wanted_ = true;
  } else if (IsRefusal(reply)) {
    DecideRest(Stage::kData, reply);
  } else {
    BreakOutOfStep(Stage::kData, reply);
  }
}

io::Task<void> ClientSession::Transaction::SendBody() {
  if (!session_.stream_->input().empty()) {
    // An answer from before the body is none to it: mail would be taken for delivered.
    co_await HearUnasked(Stage::kBody,
                         session_.Deadline(session_.options_.data_timeout, MonoTime::Never()));
    co_return;
  }
  // A server that was asked for DATA together with the rest may want a body for nobody: it gets
  // none, and its final reply is of no interest.
  const io::Body nothing;
  const bool for_someone = AnyIs(State::kAccepted);
  DotStuffer stuffer(for_someone ? body_ : nothing);
  BdatChunk chunk(body_);
  const auto next = [&](std::vector<absl::string_view>& to) {
    return chunking_ ? chunk.Next(kBodyWriteBytes, to) : stuffer.Next(kBodyWriteBytes, to);
  };
  const MonoTime begun = session_.core_.Now();
  const MonoTime limit = begun + session_.options_.body_limit;
  std::vector<absl::string_view> pieces;
  absl::Status written;
  while (written.ok() && next(pieces)) {
    written = co_await session_.stream_->Write(
        pieces, session_.Deadline(session_.options_.body_timeout, limit));
  }
  session_.Took(Stage::kBody, begun);
  if (!written.ok()) {
    // What fails has not been sent whole, and so the final dot has not been sent.
    co_await HearLastWords(Stage::kBody, written);
    co_return;
  }
  const MonoTime sent = session_.core_.Now();
  const absl::StatusOr<Reply> reply = co_await session_.ReadReply(
      session_.Deadline(session_.options_.final_timeout, MonoTime::Never()));
  session_.Took(Stage::kFinal, sent);
  if (reply.ok()) {
    HearFinal(*reply);
  } else {
    result_.final_reply_lost = for_someone;
    Break(Stage::kFinal, reply.status());
  }
}

io::Task<void> ClientSession::Transaction::HearLastWords(Stage stage, absl::Status write_failed) {
  constexpr absl::Duration kPatience = absl::Seconds(1);
  std::optional<Reply> said;
  if (absl::IsUnavailable(write_failed)) {
    const absl::StatusOr<Reply> reply =
        co_await session_.ReadReply(session_.core_.Now() + kPatience);
    if (reply.ok() && IsRefusal(*reply)) {
      said = *reply;
      // A refusal of the body is final. What was said before any of the body was asked for is about
      // the connection, and what an idle one was closed with is not about this message.
      const bool decides = stage == Stage::kBody || reply->transient();
      if (decides && !MayBeStale()) DecideRest(stage, *reply);
    }
  }
  Break(stage, write_failed);
  result_.failure->reply = std::move(said);
}

void ClientSession::Transaction::HearFinal(const Reply& reply) {
  if (reply.code == 421) return HearGoodbye(Stage::kFinal, reply);
  // A DATA that was begun has ended the transaction; a BDAT that was refused has perhaps not.
  unfinished_ = unfinished_ && chunking_ && !reply.positive();
  if (reply.positive() || IsRefusal(reply)) {
    DecideRest(Stage::kFinal, reply);
  } else {
    result_.final_reply_lost = AnyIs(State::kAccepted);
    BreakOutOfStep(Stage::kFinal, reply);
  }
}

// Now rather than in front of the next message: between what is asked before that one is sent (does
// the policy still hold?) and its MAIL FROM nothing is waited for. What became of this one is
// known.
io::Task<void> ClientSession::Transaction::Reset() {
  const absl::StatusOr<Reply> reply =
      co_await session_.Command("RSET\r\n", session_.options_.rset_timeout, MonoTime::Never());
  if (!reply.ok() || !reply->positive()) session_.broken_ = true;
}

io::Task<void> ClientSession::Transaction::HearUnasked(Stage stage, MonoTime deadline) {
  const absl::StatusOr<Reply> unasked = co_await session_.ReadUnaskedReply(deadline);
  if (unasked.ok()) {
    HearGoodbye(stage, *unasked);
  } else {
    Break(stage, unasked.status());
  }
}

absl::Duration ClientSession::Transaction::TimeoutOf(Stage stage) const {
  switch (stage) {
    case Stage::kMail:
      return session_.options_.mail_timeout;
    case Stage::kRcpt:
      return session_.options_.rcpt_timeout;
    case Stage::kFinal:
      return session_.options_.final_timeout;
    default:
      return session_.options_.data_timeout;
  }
}

void ClientSession::Transaction::Decide(size_t recipient, Outcome outcome, Stage stage,
                                        const Reply& reply) {
  states_[recipient] = State::kDecided;
  RecipientResult& result = result_.recipients[recipient];
  result.outcome = outcome;
  result.stage = stage;
  result.reply = reply;
}

void ClientSession::Transaction::DecideRest(Stage stage, const Reply& reply) {
  const Outcome outcome = reply.positive()    ? Outcome::kDelivered
                          : reply.permanent() ? Outcome::kFailed
                                              : Outcome::kDeferred;
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] != State::kDecided) Decide(i, outcome, stage, reply);
  }
}

void ClientSession::Transaction::DecideRestLocally(Stage stage, const Reply& reply) {
  for (size_t i = 0; i < states_.size(); ++i) {
    if (states_[i] != State::kDecided) result_.recipients[i].local = true;
  }
  DecideRest(stage, reply);
}

void ClientSession::Transaction::Break(Stage stage, const absl::Status& status) {
  session_.broken_ = true;
  result_.stale_connection = MayBeStale() && absl::IsUnavailable(status) && !body_said_;
  result_.final_reply_lost |= body_said_ && AnyOpen();
  result_.failure = session_.Broken(stage, status);
  DecideRestLocally(stage, MakeReply(451, {4, 4, 2}, status.message()));
}

void ClientSession::Transaction::BreakOutOfStep(Stage stage, const Reply& reply) {
  Break(stage, absl::InvalidArgumentError(absl::StrCat(
                   "the server gave an answer that does not fit the command: ", reply.ToString())));
}

void ClientSession::Transaction::HearGoodbye(Stage stage, const Reply& reply) {
  result_.stale_connection = MayBeStale();
  result_.failure = session_.Broken(
      stage, absl::UnavailableError(absl::StrCat("the server is closing: ", reply.ToString())));
  result_.failure->reply = reply;
  DecideRest(stage, reply);
}

}  // namespace sluice::smtp
