// The two ends of TLS for tests: a client that trusts a test root, and a server that has a
// certificate for one name from it.
#ifndef SLUICE_TESTS_SMTP_CLIENT_TLS_CONTEXTS_H_
#define SLUICE_TESTS_SMTP_CLIENT_TLS_CONTEXTS_H_

#include <memory>
#include <string>

#include "engine/base/clock.h"
#include "engine/io/executor.h"
#include "tls/cipher_policy.h"
#include "tls/context.h"
#include "tls/signer.h"
#include "tls/ticket_keys.h"

namespace sluice::smtp {

class TestTlsContexts {
 public:
  explicit TestTlsContexts(const std::string& name = "mx.example.net");

  tls::ClientContext& client() { return *client_; }
  tls::ServerContext& server() { return *server_; }
  // Another one like client().
  std::unique_ptr<tls::ClientContext> NewClient() const;

 private:
  // RSA is not used here: nothing is ever posted.
  class NoExecutor : public io::Executor {
   public:
    void Post(Job job) override { std::move(job)(); }
  };

  NoExecutor executor_;
  tls::InlineSigner signer_{executor_};
  tls::TicketKeys tickets_{SystemClock(), absl::Hours(1)};
  const tls::CipherPolicy policy_;
  std::shared_ptr<const tls::TrustStore> trust_;
  std::unique_ptr<tls::ClientContext> client_;
  std::unique_ptr<tls::ServerContext> server_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_CLIENT_TLS_CONTEXTS_H_
