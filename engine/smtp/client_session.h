// One SMTP connection to a server, as its client (RFC 5321, RFC 3207): opened, secured as far as
// asked, used for any number of messages, closed.
//
//   ClientSession session(core, options);
//   if (std::optional<Failure> failed = co_await session.Open(to, use, context)) …   // closed
//   SendResult result = co_await session.Send(message, body);
//   if (session.reusable()) …                       // another Send
//   co_await session.Quit();                        // always last after a successful Open
//
// A STARTTLS ping is the same without Send.
//
// The promise of mandatory TLS: under TlsUse::Must nothing but EHLO, STARTTLS and QUIT is ever
// written in clear, and Send() checks, in front of every MAIL FROM, that the stream is TLS.
//
// Under TlsUse::May a server that does not offer STARTTLS, or answers it with a refusal, is spoken
// to in clear on the same connection (facts().in_clear_because says so). A handshake that fails
// leaves nothing to go on with: Open() fails, and its caller decides whether a new connection under
// TlsUse::Never() is allowed.
//
// A server that breaks the protocol (malformed replies, replies nobody asked for, 250 to DATA) is
// hung up on, and the mail deferred: after that there is no telling which reply means what.
//
// One core. One Open, Send or Quit at a time; Abort() comes from any coroutine of the core.
#ifndef SLUICE_ENGINE_SMTP_CLIENT_SESSION_H_
#define SLUICE_ENGINE_SMTP_CLIENT_SESSION_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"
#include "engine/io/chunk.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/smtp/client_result.h"
#include "engine/smtp/dsn_parameters.h"
#include "engine/smtp/reply.h"
#include "tls/peer_demand.h"
#include "tls/stream.h"

namespace sluice::smtp {

struct ClientTimes;

// How far TLS is asked for.
class TlsUse {
 public:
  static TlsUse Never() { return TlsUse(Mode::kNever, {}); }
  // Opportunistic: where offered.
  static TlsUse May(tls::PeerDemand demand) { return TlsUse(Mode::kMay, std::move(demand)); }
  // Mandatory: TLS as demanded, or no mail.
  static TlsUse Must(tls::PeerDemand demand) { return TlsUse(Mode::kMust, std::move(demand)); }

  bool wanted() const { return mode_ != Mode::kNever; }
  bool mandatory() const { return mode_ == Mode::kMust; }
  // Of a use that is wanted().
  const tls::PeerDemand& demand() const { return demand_; }

 private:
  enum class Mode { kNever, kMay, kMust };
  TlsUse(Mode mode, tls::PeerDemand demand) : mode_(mode), demand_(std::move(demand)) {}

  Mode mode_;
  tls::PeerDemand demand_;
};

// Every wait has two bounds: the one of its own step (RFC 5321 §4.5.3.2), within which a reply must
// be complete, and the one of its phase, so that a server that is only just quick enough at every
// step does not hold a connection for hours.
struct ClientOptions {
  std::string hostname;  // said in EHLO: a domain, or an address literal

  absl::Duration connect_timeout = absl::Seconds(30);
  absl::Duration banner_timeout = absl::Minutes(5);
  absl::Duration ehlo_timeout = absl::Minutes(5);
  absl::Duration starttls_timeout = absl::Minutes(2);
  absl::Duration handshake_timeout = absl::Minutes(1);
  absl::Duration mail_timeout = absl::Minutes(5);
  absl::Duration rcpt_timeout = absl::Minutes(5);
  absl::Duration data_timeout = absl::Minutes(2);
  // Bodies go by BDAT where it is offered (RFC 3030).
  bool chunking = true;
  absl::Duration body_timeout = absl::Minutes(3);  // one write, kBodyWriteBytes at most
  absl::Duration final_timeout = absl::Minutes(10);
  absl::Duration rset_timeout = absl::Seconds(20);
  absl::Duration quit_timeout = absl::Seconds(5);

  absl::Duration open_limit = absl::Minutes(10);      // connect to the last EHLO
  absl::Duration envelope_limit = absl::Minutes(15);  // MAIL to the reply to DATA
  absl::Duration body_limit = absl::Hours(1);         // first to last byte of the body
};

struct OutgoingMessage {
  std::string sender;                   // without angle brackets; empty is the null sender
  std::vector<std::string> recipients;  // at least one; without angle brackets
  bool eight_bit = false;               // the body was declared BODY=8BITMIME
  bool smtputf8 = false;                // the message was declared SMTPUTF8
  // REQUIRETLS (RFC 8689): with a sender, it goes inside TLS to a server that offers REQUIRETLS
  // there, and to no other; from the null sender, the wish is passed on where it is understood (§5).
  bool require_tls = false;
  // What the sender asks to be told (RFC 3461), as it stood in the commands: passed on to a server
  // that offers DSN.
  std::optional<std::string> ret = std::nullopt;
  std::optional<std::string> envid = std::nullopt;
  std::vector<RecipientParameters> recipient_parameters = {};  // empty, or of each recipient
};

class ClientSession {
 public:
  // The most that one write of a body carries, and what body_timeout is measured against.
  static constexpr size_t kBodyWriteBytes = 256 * 1024;
  // Commands that go out before their replies are read. Bounded, so that neither side's window can
  // fill up with the other one waiting (RFC 2920 §3.1).
  static constexpr size_t kPipelinedCommands = 50;

  // `options`, and `times`, where steps are timed, outlive the session.
  ClientSession(io::Core& core, const ClientOptions& options, ClientTimes* times = nullptr);
  ~ClientSession();  // after Quit(), a failed Open(), or no Open() at all
  ClientSession(const ClientSession&) = delete;
  ClientSession& operator=(const ClientSession&) = delete;

  // Connects and becomes ready to send mail, or says why not and is closed. Once.
  //
  // Without TLS to insist on, a server that does not know EHLO is greeted with HELO; under Must its
  // failure is tls::Reason::kNotOffered. A STARTTLS that gets no answer in time fails at
  // Stage::kStarttls with kHandshakeTimeout. A 5xx banner speaks of the host and not of the mail,
  // and is transient, as in Postfix: another host, or the same one later, may take it.
  io::Task<std::optional<Failure>> Open(io::ConnectOptions to, TlsUse use,
                                        tls::ClientContext& context);

  // One transaction, ended with RSET where the server would still have it open. Needs reusable().
  // Nothing is awaited between the call and the MAIL FROM. `message` and `body` outlive the await;
  // `body` holds whole lines ending in CRLF, dots not yet stuffed (checked at its end only).
  //
  // Decided here, without asking the server: an envelope that cannot be said in SMTP
  // (5.1.3, 5.1.7), a message that needs SMTPUTF8 where it is not offered (5.6.7), a body over the
  // stated SIZE (5.3.4), REQUIRETLS where it cannot be had (5.7.30). A body that was declared 8BITMIME goes, undeclared, to servers that do not
  // offer it: there is no converter here, a bounce would help nobody, and servers that damage the
  // eighth bit have died out (Exim and qmail do the same).
  //
  // 552 to RCPT is taken for "too many recipients" and deferred, as RFC 5321 §4.5.3.1.10 asks,
  // unless its enhanced status says otherwise (5.2.2, mailbox full).
  io::Task<SendResult> Send(const OutgoingMessage& message, const io::Body& body);

  // The connection is open and in step: another message may follow.
  bool reusable() const { return stream_ != nullptr && !broken_; }

  // Takes leave where the server still listens, and closes. Last, after a successful Open().
  io::Task<void> Quit();

  // Ends what is under way, which then fails soon. A connect under way runs to its own deadline.
  void Abort();

  const SessionFacts& facts() const { return facts_; }

 private:
  class Transaction;

  // Opening, step by step; nullopt: go on.
  io::Task<std::optional<Failure>> Negotiate(tls::ClientContext& context, MonoTime limit);
  io::Task<std::optional<Failure>> ReadBanner(MonoTime limit);
  io::Task<std::optional<Failure>> Greet(Stage stage, MonoTime limit);
  io::Task<std::optional<Failure>> StartTls(tls::ClientContext& context, MonoTime limit);
  // `failure` itself where TLS is mandatory; else the session goes on in clear and remembers why.
  std::optional<Failure> Unsecured(Failure failure);

  // One command and its reply. Errors, which have broken the connection: InvalidArgument (not
  // SMTP), and those of tls::Stream.
  io::Task<absl::StatusOr<Reply>> Command(std::string command, absl::Duration timeout,
                                          MonoTime limit);
  io::Task<absl::StatusOr<Reply>> ReadReply(MonoTime deadline);
  // For what has come in before anything was asked: a 421 answers whatever was to be asked next;
  // all else is an error.
  io::Task<absl::StatusOr<Reply>> ReadUnaskedReply(MonoTime deadline);

  Failure Broken(Stage stage, const absl::Status& status) const;
  MonoTime Deadline(absl::Duration timeout, MonoTime limit) const;
  // A step that was begun then is over.
  void Took(Stage stage, MonoTime begun);
  void HandshakeTook(const std::optional<tls::Failure>& failed, MonoTime begun);

  io::Core& core_;
  const ClientOptions& options_;
  ClientTimes* const times_;
  TlsUse use_ = TlsUse::Never();
  SessionFacts facts_;
  std::unique_ptr<tls::Stream> stream_;  // null before Open() and after the end
  bool opened_ = false;                  // Open() has been called
  bool broken_ = false;                  // only good for closing
  bool aborted_ = false;
  bool used_ = false;    // for a message before
  MonoTime used_until_;  // when that one ended
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_CLIENT_SESSION_H_
