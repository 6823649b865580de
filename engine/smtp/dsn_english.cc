// A notification in English.
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/smtp/dsn_text.h"
#include "engine/smtp/dsn_words.h"

namespace sluice::smtp {
namespace {

std::string Server(absl::string_view name) {
  return name.empty() ? "the receiving mail server" : absl::StrCat("the server ", name);
}

class English final : public DsnWords {
 public:
  absl::string_view Subject(DsnCause cause) const override;
  std::string Gateway(absl::string_view hostname) const override {
    return absl::StrCat("This is the mail gateway ", hostname, ".");
  }
  std::string Introduction(DsnCause cause, absl::Duration waited) const override;
  std::string TlsReason(tls::Reason reason, absl::string_view domain) const override;
  std::string LastAnswer(absl::string_view server, absl::string_view reply) const override {
    return absl::StrCat("The last answer of ", Server(server), ": ", reply);
  }
  std::string NotHandedTo(absl::string_view server, absl::string_view why) const override {
    return absl::StrCat("It could not be handed to ", Server(server), ": ", why);
  }
  std::string NoRequireTls(absl::string_view server) const override {
    return absl::StrCat("Your message asks to be encrypted on every step of its way (REQUIRETLS), ",
                        "which ", Server(server), " does not support.");
  }
  std::string LastAttemptFailed(absl::string_view detail) const override {
    return absl::StrCat("The last attempt failed: ", detail);
  }
  std::string NoAnswer(absl::string_view server) const override {
    return absl::StrCat("No answer came from ", Server(server), ".");
  }
  std::string ForAdministrator(absl::string_view detail) const override {
    return absl::StrCat("(For the administrator: ", detail, ")");
  }
  std::string Advice(DsnCause cause, bool tls, absl::Time until) const override;
  std::string Closing(absl::string_view message_id) const override {
    return absl::StrCat("The headers of your message are attached. Its number at this gateway is ",
                        message_id, ".");
  }
  std::string Duration(absl::Duration duration) const override;
};

absl::string_view English::Subject(DsnCause cause) const {
  switch (cause) {
    case DsnCause::kRejected:
      return "Mail not delivered: refused by the recipient's server";
    case DsnCause::kExpired:
      return "Mail not delivered: out of time";
    case DsnCause::kTlsPolicy:
      return "Mail not delivered: it could not be sent securely";
    case DsnCause::kReturned:
      return "Mail not delivered: given back by the administrator";
    case DsnCause::kDelayed:
      return "Mail not delivered yet";
    case DsnCause::kRelayed:
      return "Mail passed on";
  }
  SLUICE_CHECK(false);
}

std::string English::Introduction(DsnCause cause, absl::Duration waited) const {
  switch (cause) {
    case DsnCause::kRejected:
      return "Your message could not be delivered to:";
    case DsnCause::kExpired:
      return absl::StrCat("Your message could not be delivered within ", Duration(waited),
                          " and has now been deleted. It did not reach:");
    case DsnCause::kTlsPolicy:
      return absl::StrCat(
          "Your message could not be sent securely within ", Duration(waited),
          ". It was never sent without protection, and has now been deleted because of TLS "
          "policy. It did not reach:");
    case DsnCause::kReturned:
      return absl::StrCat("Your message was waiting to be delivered for ", Duration(waited),
                          ". Whoever runs this gateway has now given it back to you. It did not "
                          "reach:");
    case DsnCause::kDelayed:
      return absl::StrCat("Your message has been waiting for ", Duration(waited),
                          ". It has not been deleted. So far it could not be delivered to:");
    case DsnCause::kRelayed:
      return "You asked to be told. Your message has been passed on to the next mail server, which "
             "does not report what becomes of it. It went to:";
  }
  SLUICE_CHECK(false);
}

std::string English::Advice(DsnCause cause, bool tls, absl::Time until) const {
  switch (cause) {
    case DsnCause::kRejected:
      return "It will not be tried again. Please check the address; if it is right, ask the "
             "recipient, by another way, to show this report to whoever runs their mail server.";
    case DsnCause::kExpired:
      return "Please send it again later. If that fails as well, ask the recipient, by another "
             "way, to show this report to whoever runs their mail server.";
    case DsnCause::kTlsPolicy:
      return "Mail to this recipient has to be encrypted on its way (TLS), and this gateway does "
             "not make exceptions. Nothing is wrong with your message. The fault has to be mended "
             "where the recipient's mail is received: please ask the recipient, by another way, "
             "to show this report to whoever runs their mail server, and then send the message "
             "again.";
    case DsnCause::kReturned:
      return "It will not be tried again. Please ask whoever runs this gateway before you send it "
             "once more.";
    case DsnCause::kDelayed:
      return absl::StrCat(
          "You need not do anything, and should not send it again: this gateway goes on trying "
          "until ",
          MailDate(until), ", and tells you if it has to give up.",
          tls ? " Mail to this recipient has to be encrypted on its way (TLS); until that can be "
                "done, your message waits here and is not sent without protection."
              : "");
    case DsnCause::kRelayed:
      return "This gateway will send you no further report of it.";
  }
  SLUICE_CHECK(false);
}

std::string English::TlsReason(tls::Reason reason, absl::string_view domain) const {
  const std::string server = absl::StrCat("The mail server for ", domain);
  const std::string unproven =
      absl::StrCat(server, " could not prove that it is the right one: its certificate ");
  switch (reason) {
    case tls::Reason::kNotOffered:
      return absl::StrCat(server, " does not offer encryption (STARTTLS).");
    case tls::Reason::kRefused:
      return absl::StrCat(server, " offers encryption, but refused to turn it on when asked.");
    case tls::Reason::kPlaintextInjected:
      return absl::StrCat("Unencrypted data arrived where encryption with the mail server for ",
                          domain,
                          " was to begin. Either that server is faulty, or someone is tampering "
                          "with the connection.");
    case tls::Reason::kHandshakeTimeout:
      return absl::StrCat(server, " did not finish setting up encryption in time.");
    case tls::Reason::kAlert:
      return absl::StrCat(server, " gave up while encryption was being set up.");
    case tls::Reason::kVersion:
      return absl::StrCat(server,
                          " only has versions of encryption that are too old to be considered "
                          "safe.");
    case tls::Reason::kCipher:
      return absl::StrCat(server, " has no encryption method that is considered safe enough.");
    case tls::Reason::kUntrusted:
      return absl::StrCat(unproven, "was not issued by an authority that this gateway trusts.");
    case tls::Reason::kNameMismatch:
      return absl::StrCat(unproven, "was issued for another name.");
    case tls::Reason::kExpiredCertificate:
      return absl::StrCat(unproven, "has expired or is not valid yet.");
    case tls::Reason::kFingerprintMismatch:
      return absl::StrCat(unproven, "is not the one that was agreed on.");
    case tls::Reason::kDaneMismatch:
      return absl::StrCat(server,
                          " could not prove that it is the right one: its certificate is not the "
                          "one that is published for it (DANE).");
    case tls::Reason::kTlsaInvalid:
      return absl::StrCat(server,
                          " could not be asked to prove that it is the right one: what is "
                          "published about its certificate (DANE) cannot be used.");
    case tls::Reason::kDnssecInvalid:
      return absl::StrCat("What is published about the mail server for ", domain,
                          " (DANE) could not be looked up, or has been tampered with.");
    case tls::Reason::kDaneRequired:
      return absl::StrCat(server,
                          " has to prove that it is the right one by signed entries in the domain "
                          "name system (DANE), and has none.");
    case tls::Reason::kStsMxMismatch:
      return absl::StrCat(server, " is not one of those that ", domain,
                          " itself names for its mail (MTA-STS).");
    case tls::Reason::kClosed:
      return absl::StrCat(server, " closed the connection while encryption was being set up.");
    case tls::Reason::kProtocol:
      return absl::StrCat(server,
                          " answered with something that is not valid encryption (TLS) when it was "
                          "being set up.");
  }
  SLUICE_CHECK(false);
}

std::string English::Duration(absl::Duration duration) const {
  const RoundDuration round = RoundDuration::Of(duration);
  if (round.count == 0) return "less than a minute";
  const absl::string_view unit = round.unit == RoundDuration::Unit::kDay    ? " day"
                                 : round.unit == RoundDuration::Unit::kHour ? " hour"
                                                                            : " minute";
  return absl::StrCat(round.count, unit, round.count == 1 ? "" : "s");
}

}  // namespace

const DsnWords& EnglishWords() {
  static const auto& words = *new English;
  return words;
}

}  // namespace sluice::smtp
