// One TLS connection without any I/O: ciphertext is fed in, and what is to be sent piles up in
// output(), so that one flight of several records leaves as one write.
//
//   session.Feed(bytes);
//   switch (session.Handshake()) { … }
//   Send(session.output());
//   session.output().clear();
//
// It bridges a mismatch: BoringSSL reads and writes through a BIO whenever it likes and reports
// "would block", while our streams await one receive and one send at a time. The transport BIO here
// reads from the bytes that were fed and writes into a string.
//
// One core. `Feed` copies nothing: the bytes stay in place until has_unread_input() is false.
#ifndef SLUICE_TLS_SESSION_H_
#define SLUICE_TLS_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tls/client_certificates.h"
#include "tls/context.h"
#include "tls/failure.h"
#include "tls/handshake_trace.h"
#include "tls/peer_demand.h"
#include "tls/signer.h"
#include "tls/stream.h"

struct ssl_st;
struct ssl_session_st;
struct x509_st;

namespace sluice::tls {

class Session {
 public:
  // The contexts' sessions keep what they need of them; `client` itself outlives the session.
  static std::unique_ptr<Session> NewServer(const ServerContext& context);
  // `peer` names the server for resumption: its address and port. A client certificate that
  // `demand` names is there (checked).
  static std::unique_ptr<Session> NewClient(ClientContext& context, const PeerDemand& demand,
                                            absl::string_view peer);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void Feed(absl::string_view bytes);  // only when has_unread_input() is false (checked)
  void FeedEnd();                      // the peer has closed its side
  bool has_unread_input() const { return !input_.empty(); }
  std::string& output() { return output_; }

  enum class Progress {
    kDone,
    kNeedInput,
    kNeedSigner,  // take signer_request(), and go on after SupplySignature()
    kFailed,      // failure() says why; output() may hold an alert for the peer
  };
  Progress Handshake();
  const Failure& failure() const { return *failure_; }
  // What was said so far; a server keeps none.
  std::string Trace() const { return trace_.ToString(); }
  const ConnectionInfo& info() const { return info_; }
  bool is_client() const { return client_ != nullptr; }

  PrivateKeyRequest TakeSignerRequest();
  void SupplySignature(absl::StatusOr<std::string> signature);

  enum class ReadResult {
    kNeedInput,
    kFull,
    kEnd,     // close_notify, or a bare end of the connection
    kBroken,  // what came does not authenticate, or is not allowed here; good only for closing
  };
  // Of kBroken, where it was the peer's doing: the alert that it sent. Empty: what came does not
  // authenticate.
  const std::string& alert() const { return alert_; }
  // Appends decrypted bytes to `out` until the input is used up or `out` has `limit` bytes.
  ReadResult Decrypt(std::string& out, size_t limit);
  absl::Status Encrypt(absl::string_view bytes);
  void CloseNotify();

  // For BoringSSL's callbacks.
  static Session& Of(const ssl_st* ssl);
  void AskSigner(bool decrypt, uint16_t algorithm, absl::string_view input);
  const absl::StatusOr<std::string>* signer_answer() const;
  std::optional<Reason> JudgePeer(const std::vector<x509_st*>& chain);  // nullopt: it will do
  void KeepForResumption(ssl_session_st* session);
  bool AnswerCertificateRequest();  // false: it cannot be
  HandshakeTrace& trace() { return trace_; }

 private:
  struct Bio;
  explicit Session(ssl_st* ssl);
  // Whether Decrypt may find anything, an end that it has told of already among it: BoringSSL reads
  // no further than the record at hand.
  bool MayHaveMore() const;
  void Finish();
  // Into info_: from when the peer's certificate is there.
  void Describe();
  void DescribePeer();
  void Fail(Reason reason, std::string detail);  // the first failure is the one that counts
  // What info_ says will not do.
  void Refuse(Reason reason, std::string detail);
  void FailFromError(int ssl_error);
  // What a server that sends an alert may be missing.
  std::string AlertText(int alert) const;

  ssl_st* const ssl_;
  absl::string_view input_;
  bool input_ended_ = false;
  bool over_ = false;  // Decrypt has come upon the end, or upon what is broken
  // What a peer that does not speak TLS said instead: the beginning of its first bytes.
  bool heard_ = false;
  std::string not_tls_;
  std::string output_;
  std::optional<Failure> failure_;
  ConnectionInfo info_;

  // Server: keeps certificates and keys alive over a reload.
  std::shared_ptr<const ServerContext::Serving> serving_;
  std::optional<PrivateKeyRequest> signer_request_;
  std::optional<absl::StatusOr<std::string>> signer_answer_;

  // Client.
  ClientContext* client_ = nullptr;
  PeerDemand demand_;
  ClientCertificates::Credential certificate_;  // that it shows; kept over a reload
  std::string alert_;
  std::string cache_key_;
  HandshakeTrace trace_;
};

}  // namespace sluice::tls

#endif  // SLUICE_TLS_SESSION_H_
