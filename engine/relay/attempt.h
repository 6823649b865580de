// A message for one destination on its way out, and what one attempt to send it came to. Plain data.
#ifndef SLUICE_ENGINE_RELAY_ATTEMPT_H_
#define SLUICE_ENGINE_RELAY_ATTEMPT_H_

#include <optional>
#include <string>

#include "engine/io/chunk.h"
#include "engine/io/socket_address.h"
#include "engine/relay/outbound_policy.h"
#include "engine/smtp/client_result.h"
#include "queue/envelope.h"

namespace sluice::relay {

struct Attempt {
  queue::Envelope envelope;
  // In memory for mail that has just been accepted; else loaded in front of its DATA.
  std::optional<io::Body> body;
};

// One address that was tried.
struct AddressTried {
  std::string host;
  io::SocketAddress address;
  std::string source;  // where one was chosen: what the connection came from (identity.h)
  smtp::SessionFacts facts;
  std::string decided_by;      // HopPolicy's
  bool authenticated = false;  // the certificate was held against what is demanded, and will do
};

// What an attempt came to: either `sent`, with a result for each recipient that was pending, or
// `failure`, which holds for all of them.
struct AttemptReport {
  OutboundPolicy policy;
  // The server that decided; unset when none was reached (DNS).
  std::optional<AddressTried> server;
  std::optional<smtp::Failure> failure;
  // Every address there is was tried, and TLS is what failed at each.
  bool tls_failed_everywhere = false;
  std::optional<smtp::SendResult> sent;
  // HopPolicy's `monitored`: why enforcement would have deferred this message.
  std::optional<smtp::Failure> would_fail;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_ATTEMPT_H_
