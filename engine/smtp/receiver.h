// What a server session asks of whoever runs it: may this mail pass, and take it. relay fulfils it,
// so that smtp knows neither the queue nor the list.
//
// One receiver serves all sessions of a core, and is called on that core.
#ifndef SLUICE_ENGINE_SMTP_RECEIVER_H_
#define SLUICE_ENGINE_SMTP_RECEIVER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/io/chunk.h"
#include "engine/io/socket_address.h"
#include "engine/io/task.h"
#include "engine/smtp/address.h"
#include "engine/smtp/command.h"
#include "engine/smtp/dsn_parameters.h"
#include "engine/smtp/reply.h"
#include "tls/failure.h"
#include "tls/stream.h"

namespace sluice::smtp {

// Who is at the other end, as known so far.
struct Client {
  io::SocketAddress remote;
  io::SocketAddress local;
  std::string helo;  // as it called itself; empty before EHLO
  bool esmtp = false;
  const tls::ConnectionInfo* tls = nullptr;  // null while in clear
};

struct Transaction {
  const Client* client;  // lives as long as the session
  std::string id;        // from Receiver::NewMessageId()
  Address sender;
  MailParameters parameters;
  std::vector<Address> recipients;  // at least one
  std::vector<RecipientParameters> recipient_parameters;  // of each of them, in their order
  io::Body body;                    // begins with our own Received: field
};

class Receiver {
 public:
  virtual ~Receiver() = default;

  // nullopt: fine. Else the reply; the session goes on (RFC 5321 §4.1.1.2, §4.1.1.3).
  virtual std::optional<Reply> CheckSender(const Client& client, const Address& sender,
                                           const MailParameters& parameters) = 0;
  virtual std::optional<Reply> CheckRecipient(const Client& client, const Address& sender,
                                              const Address& recipient) = 0;

  // What the message is to be known by, in its Received: field and everywhere else.
  virtual std::string NewMessageId() = 0;

  // Takes the message. A positive reply is a promise: it is on disk (RFC 5321 §6.1).
  virtual io::Task<Reply> Take(Transaction transaction) = 0;

  // For counters and log.
  virtual void OnHandshake(const Client& client, absl::Duration took) = 0;
  virtual void OnHandshakeFailed(const Client& client, const tls::Failure& failure,
                                 absl::Duration took) = 0;
  virtual void OnRefused(const Client& client, const Reply& reply) = 0;  // after the body
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_RECEIVER_H_
