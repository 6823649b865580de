// The rules of an SMTP server (RFC 5321 §4), without a socket: a line in, replies and the next step
// out. ServerSession drives it over a connection; tests drive it by hand.
//
//   ServerDialog dialog(options, receiver, client);
//   dialog.Greet(out);
//   switch (dialog.OnLine("MAIL FROM:<a@example.com>", out)) { … }
//
// One core.
#ifndef SLUICE_ENGINE_SMTP_SERVER_DIALOG_H_
#define SLUICE_ENGINE_SMTP_SERVER_DIALOG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/smtp/address.h"
#include "engine/smtp/command.h"
#include "engine/smtp/data_decoder.h"
#include "engine/smtp/receiver.h"
#include "engine/smtp/reply.h"

namespace sluice::smtp {

struct ServerLimits {
  // A command with its CRLF: 512 (§4.5.3.1.4), and room for what extensions add. To MAIL that is 26
  // for SIZE, 17 for BODY, 10 for SMTPUTF8, 11 for REQUIRETLS, 9 for RET and 107 for ENVID; to RCPT
  // 36 for NOTIFY and 507 for ORCPT (RFC 3461 §3).
  size_t command_octets = 1536;
  int recipients = 1000;
  int commands = 10'000;    // of a session
  int errors = 20;          // 5xx to commands, of a session
  int transactions = 1000;  // messages of a session
  DataDecoder::Limits data;
};

struct ServerOptions {
  std::string hostname;
  bool offer_starttls = true;
  ServerLimits limits;

  absl::Duration command_timeout = absl::Minutes(5);
  absl::Duration data_timeout = absl::Minutes(10);  // for one whole body
  absl::Duration handshake_timeout = absl::Seconds(30);
  absl::Duration session_timeout = absl::Hours(2);
  absl::Duration reply_timeout = absl::Minutes(2);  // until our replies have left
};

class ServerDialog {
 public:
  enum class Next : uint8_t {
    kCommand,   // read the next line
    kStartTls,  // send what is in `out`, then the handshake; nothing may have come behind the line
    kBody,      // send what is in `out`, then read a body
    kClose,     // send what is in `out`, then close
  };

  // All outlive the dialog. `client` is filled in here as it becomes known.
  ServerDialog(const ServerOptions& options, Receiver& receiver, Client& client);

  void Greet(std::string& out) const;
  // `line` without its CRLF. Replies are appended to `out`.
  Next OnLine(absl::string_view line, std::string& out);
  // In place of a line that is over ServerLimits::command_octets, or has a CR or LF of its own.
  Next OnBadLine(absl::string_view why, std::string& out);
  // The handshake is done: everything said before is forgotten (RFC 3207 §4.2).
  void OnTls(const tls::ConnectionInfo& tls);

  // After kBody: what the body is for. The dialog is ready for the next transaction.
  Transaction TakeTransaction();
  Next OnBodyTaken(const Reply& reply, std::string& out);
  // Between MAIL and the end of its transaction.
  bool in_transaction() const { return sender_.has_value(); }

 private:
  Next Answer(const Reply& reply, std::string& out);
  Next Dispatch(const Command& command, std::string& out);
  Next OnHello(const Command& command, std::string& out);
  Next OnMail(const Command& command, std::string& out);
  Next OnRcpt(const Command& command, std::string& out);
  Next OnData(std::string& out);
  Next OnStartTls(std::string& out);
  void Reset();

  const ServerOptions& options_;
  Receiver& receiver_;
  Client& client_;

  std::optional<Address> sender_;  // set between MAIL and the end of the transaction
  MailParameters parameters_;
  std::vector<Address> recipients_;
  std::vector<RecipientParameters> recipient_parameters_;  // of each of them

  int commands_ = 0;
  int errors_ = 0;
  int transactions_ = 0;
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_SERVER_DIALOG_H_
