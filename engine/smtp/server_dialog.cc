#include "engine/smtp/server_dialog.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::smtp {
namespace {

Reply Make(int code, EnhancedStatus status, absl::string_view text) {
  return Reply{code, status, std::string(text.data(), text.size())};
}

}  // namespace

ServerDialog::ServerDialog(const ServerOptions& options, Receiver& receiver, Client& client)
    : options_(options), receiver_(receiver), client_(client) {}

void ServerDialog::Greet(std::string& out) const {
  absl::StrAppend(&out, "220 ", options_.hostname, " ESMTP Sluice\r\n");
}

void ServerDialog::Reset() {
  sender_.reset();
  parameters_ = MailParameters();
  recipients_.clear();
  recipient_parameters_.clear();
}

void ServerDialog::OnTls(const tls::ConnectionInfo& tls) {
  Reset();
  client_.helo.clear();
  client_.esmtp = false;
  client_.tls = &tls;
}

// Errors are counted: a client that has nothing but errors to offer is talking to the wrong server,
// or trying things out.
ServerDialog::Next ServerDialog::Answer(const Reply& reply, std::string& out) {
  reply.AppendTo(out);
  if (!reply.permanent()) return Next::kCommand;
  if (++errors_ < options_.limits.errors) return Next::kCommand;
  Make(421, {4, 7, 0}, absl::StrCat(options_.hostname, " Too many errors, closing")).AppendTo(out);
  return Next::kClose;
}

ServerDialog::Next ServerDialog::OnBadLine(absl::string_view why, std::string& out) {
  return Answer(Make(500, {5, 5, 2}, why), out);
}

ServerDialog::Next ServerDialog::OnLine(absl::string_view line, std::string& out) {
  if (++commands_ > options_.limits.commands) {
    Make(421, {4, 7, 0}, absl::StrCat(options_.hostname, " Too many commands, closing"))
        .AppendTo(out);
    return Next::kClose;
  }
  const Command command = ParseCommand(line);
  if (command.verb == Verb::kNotSmtp) {
    // A web browser made to send its request here (cross-protocol attack): whatever follows is not
    // meant for us.
    Make(421, {4, 7, 0}, absl::StrCat(options_.hostname, " This is SMTP, closing")).AppendTo(out);
    return Next::kClose;
  }
  if (command.fault.has_value()) return Answer(*command.fault, out);
  return Dispatch(command, out);
}

ServerDialog::Next ServerDialog::Dispatch(const Command& command, std::string& out) {
  switch (command.verb) {
    case Verb::kEhlo:
    case Verb::kHelo:
      return OnHello(command, out);
    case Verb::kMail:
      return OnMail(command, out);
    case Verb::kRcpt:
      return OnRcpt(command, out);
    case Verb::kData:
      return OnData(out);
    case Verb::kStarttls:
      return OnStartTls(out);
    case Verb::kRset:
      Reset();
      return Answer(Make(250, {2, 0, 0}, "Ok"), out);
    case Verb::kNoop:
      return Answer(Make(250, {2, 0, 0}, "Ok"), out);
    case Verb::kVrfy:  // §7.3: says neither yes nor no
      return Answer(Make(252, {2, 5, 0}, "Cannot VRFY user, but will take mail for it"), out);
    case Verb::kHelp:
      return Answer(Make(214, {2, 0, 0},
                         "EHLO HELO STARTTLS MAIL RCPT DATA RSET NOOP VRFY HELP QUIT\n"
                         "See RFC 5321"),
                    out);
    case Verb::kQuit:
      Make(221, {2, 0, 0}, absl::StrCat(options_.hostname, " closing")).AppendTo(out);
      return Next::kClose;
    case Verb::kNotSmtp:
    case Verb::kOther:
      break;  // answered as faults
  }
  SLUICE_CHECK(false);
}

ServerDialog::Next ServerDialog::OnHello(const Command& command, std::string& out) {
  Reset();  // §4.1.4
  client_.helo = command.argument;
  client_.esmtp = command.verb == Verb::kEhlo;
  Reply reply{250, std::nullopt, options_.hostname};
  if (client_.esmtp) {
    absl::StrAppend(&reply.text, "\nPIPELINING\nSIZE ", options_.limits.data.message_bytes,
                    client_.tls == nullptr && options_.offer_starttls ? "\nSTARTTLS" : "",
                    "\nENHANCEDSTATUSCODES\n8BITMIME\nDSN",
                    client_.tls != nullptr ? "\nREQUIRETLS" : "",  // RFC 8689 §2: there alone
                    "\nSMTPUTF8");
  }
  return Answer(reply, out);
}

ServerDialog::Next ServerDialog::OnStartTls(std::string& out) {
  if (client_.tls != nullptr) return Answer(Make(503, {5, 5, 1}, "TLS is already on"), out);
  if (!options_.offer_starttls) {
    return Answer(Make(502, {5, 5, 1}, "STARTTLS is not available here"), out);
  }
  if (!client_.esmtp) return Answer(Make(503, {5, 5, 1}, "Say EHLO first"), out);
  Make(220, {2, 0, 0}, "Ready to start TLS").AppendTo(out);
  return Next::kStartTls;
}

ServerDialog::Next ServerDialog::OnMail(const Command& command, std::string& out) {
  if (client_.helo.empty()) return Answer(Make(503, {5, 5, 1}, "Say EHLO first"), out);
  if (sender_.has_value())
    return Answer(Make(503, {5, 5, 1}, "A transaction is open; RSET ends it"), out);
  if (transactions_ >= options_.limits.transactions) {
    Make(421, {4, 7, 0}, absl::StrCat(options_.hostname, " Enough messages for one connection"))
        .AppendTo(out);
    return Next::kClose;
  }
  if (command.address.utf8 && !command.parameters.smtputf8) {
    return Answer(Make(550, {5, 6, 7}, "The sender's address needs SMTPUTF8"), out);
  }
  if (command.parameters.require_tls && client_.tls == nullptr) {
    return Answer(Make(530, {5, 7, 10}, "REQUIRETLS is given inside TLS; use STARTTLS"), out);
  }
  if (command.parameters.size > static_cast<int64_t>(options_.limits.data.message_bytes)) {
    return Answer(Make(552, {5, 3, 4},
                       absl::StrCat("Message too large: at most ",
                                    options_.limits.data.message_bytes, " bytes are taken")),
                  out);
  }
  if (const std::optional<Reply> refusal =
          receiver_.CheckSender(client_, command.address, command.parameters)) {
    return Answer(*refusal, out);
  }
  sender_ = command.address;
  parameters_ = command.parameters;
  return Answer(Make(250, {2, 1, 0}, "Ok"), out);
}

ServerDialog::Next ServerDialog::OnRcpt(const Command& command, std::string& out) {
  if (!sender_.has_value()) return Answer(Make(503, {5, 5, 1}, "Say MAIL first"), out);
  if (recipients_.size() >= static_cast<size_t>(options_.limits.recipients)) {
    return Answer(Make(452, {4, 5, 3},
                       absl::StrCat("Too many recipients: at most ", options_.limits.recipients,
                                    " for one message")),
                  out);
  }
  if (command.address.utf8 && !parameters_.smtputf8) {
    return Answer(Make(553, {5, 6, 7}, "The recipient's address needs SMTPUTF8"), out);
  }
  const std::optional<std::string>& orcpt = command.recipient_parameters.orcpt;
  if (orcpt.has_value() && !parameters_.smtputf8 &&
      !std::all_of(orcpt->begin(), orcpt->end(), absl::ascii_isascii)) {
    return Answer(Make(553, {5, 6, 7}, "The address in ORCPT needs SMTPUTF8"), out);
  }
  if (const std::optional<Reply> refusal =
          receiver_.CheckRecipient(client_, *sender_, command.address)) {
    return Answer(*refusal, out);
  }
  recipients_.push_back(command.address);
  recipient_parameters_.push_back(command.recipient_parameters);
  return Answer(Make(250, {2, 1, 5}, "Ok"), out);
}

ServerDialog::Next ServerDialog::OnData(std::string& out) {
  if (!sender_.has_value()) return Answer(Make(503, {5, 5, 1}, "Say MAIL first"), out);
  if (recipients_.empty()) {  // RFC 2920 §3.1: pipelined DATA behind refused recipients
    return Answer(Make(554, {5, 5, 1}, "No valid recipients"), out);
  }
  out += "354 End with <CRLF>.<CRLF>\r\n";
  return Next::kBody;
}

Transaction ServerDialog::TakeTransaction() {
  SLUICE_CHECK(sender_.has_value());
  Transaction transaction;
  transaction.client = &client_;
  transaction.sender = *std::move(sender_);
  transaction.parameters = parameters_;
  transaction.recipients = std::move(recipients_);
  transaction.recipient_parameters = std::move(recipient_parameters_);
  Reset();
  ++transactions_;
  return transaction;
}

ServerDialog::Next ServerDialog::OnBodyTaken(const Reply& reply, std::string& out) {
  return Answer(reply, out);
}

}  // namespace sluice::smtp
