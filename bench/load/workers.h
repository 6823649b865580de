// What the workers of a load do: shake hands, or send messages.
#ifndef SLUICE_BENCH_LOAD_WORKERS_H_
#define SLUICE_BENCH_LOAD_WORKERS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "bench/load/conversation.h"
#include "bench/load/generator.h"
#include "bench/load/message_mix.h"
#include "bench/load/passage.h"
#include "tls/cipher_policy.h"
#include "tls/context.h"

namespace sluice::bench {

// What all workers have in common. Outlives them.
struct ClientSide {
  ConversationOptions conversation;
  tls::CipherPolicy ciphers;
  tls::Narrowing narrowing;
  std::shared_ptr<const tls::TrustStore> trust;

  // Each worker has a context of its own, so that it resumes its own sessions: a ticket of TLS 1.3
  // is good for one (RFC 8446 §C.4), and a shared one would go to whoever comes first.
  std::unique_ptr<tls::ClientContext> NewContext() const;
};

// connect, EHLO, STARTTLS, handshake, EHLO, QUIT.
WorkerFactory NewHandshakers(const ClientSide& client);

struct Sending {
  MessageMix mix;
  std::string sender = "bench@sender.example";
  std::string recipient_user = "user";
  std::string recipient_domain = "recipient.example";
  int domains = 1;     // more than one: d0.recipient.example, d1.…, in turn
  int recipients = 1;  // of one message
  int per_connection = 10;
  bool pipelining = true;  // where the server offers it
  bool chunking = false;   // BDAT (RFC 3030), where the server offers it
  Passages* passages = nullptr;
  std::atomic<uint64_t>* accepted = nullptr;  // counts them all, whether it is measured or not
};

// One message: on the connection that is open, or on a new one.
WorkerFactory NewSenders(const ClientSide& client, const Sending& sending);

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_WORKERS_H_
