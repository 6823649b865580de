#include "tls/session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "tls/openssl_error.h"
#include "tls/peer_verifier.h"
#include "tls/private_key_method.h"
#include "tls/serving.h"

namespace sluice::tls {
namespace {

// Of what a peer says that does not speak TLS: a reply line, mostly.
constexpr size_t kShownOfPlaintext = 80;

int SessionIndex() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

}  // namespace

// The transport: reads what was fed, writes into output().
struct Session::Bio {
  static Session& Owner(BIO* bio) { return *static_cast<Session*>(BIO_get_data(bio)); }

  static int Read(BIO* bio, char* out, int size) {
    Session& session = Owner(bio);
    BIO_clear_retry_flags(bio);
    if (session.input_.empty()) {
      if (session.input_ended_) return 0;
      BIO_set_retry_read(bio);
      return -1;
    }
    const size_t n = std::min(static_cast<size_t>(size), session.input_.size());
    std::memcpy(out, session.input_.data(), n);
    session.input_.remove_prefix(n);
    return static_cast<int>(n);
  }

  static int Write(BIO* bio, const char* in, int size) {
    BIO_clear_retry_flags(bio);
    Owner(bio).output_.append(in, static_cast<size_t>(size));
    return size;
  }

  static long Control(BIO* /*bio*/, int command, long /*number*/, void* /*argument*/) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "sluice transport");
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }
};

Session::Session(ssl_st* ssl) : ssl_(ssl) {
  SLUICE_CHECK(ssl != nullptr);
  SSL_set_ex_data(ssl, SessionIndex(), this);
  BIO* const bio = BIO_new(Bio::Method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  // What only the handshake needs is freed at its end: an idle session is mostly its keys.
  SSL_set_shed_handshake_config(ssl, 1);
}

Session::~Session() { SSL_free(ssl_); }

std::unique_ptr<Session> Session::NewServer(const ServerContext& context) {
  std::unique_ptr<Session> session(new Session(SSL_new(context.serving_->first())));
  session->serving_ = context.serving_;
  SSL_set_accept_state(session->ssl_);
  return session;
}

std::unique_ptr<Session> Session::NewClient(ClientContext& context, const PeerDemand& demand,
                                            absl::string_view peer) {
  std::unique_ptr<Session> session(new Session(SSL_new(context.context_)));
  SSL* const ssl = session->ssl_;
  session->client_ = &context;
  session->demand_ = demand;
  session->cache_key_ = SLUICE_PLANTED_BUG(SessionAcrossPolicies)
                            ? std::string(peer)
                            : absl::StrCat(peer, "/", demand.Digest());
  if (!demand.client_certificate.empty()) {
    session->certificate_ = context.certificates_->Find(demand.client_certificate);
    SLUICE_CHECK(session->certificate_ != nullptr);
    // After a reload its name stands for another: what the former was shown for is not the newer's.
    const Credentials::Served& shown = session->certificate_->served().front();
    absl::StrAppend(&session->cache_key_, "/", shown.details.fingerprint_sha256);
  }
  // Called when the server asks.
  SSL_set_cert_cb(
      ssl, [](SSL* asked, void*) { return Session::Of(asked).AnswerCertificateRequest() ? 1 : 0; },
      nullptr);
  SSL_set_msg_callback(ssl, [](int is_write, int /*version*/, int content_type, const void* message,
                               size_t size, SSL* session_ssl, void* /*argument*/) {
    Session::Of(session_ssl)
        .trace()
        .Note(is_write == 1, content_type, {static_cast<const char*>(message), size});
  });
  SSL_set_connect_state(ssl);
  if (!demand.server_name.empty()) SSL_set_tlsext_host_name(ssl, demand.server_name.c_str());
  SLUICE_CHECK(SSL_set_min_proto_version(ssl, static_cast<uint16_t>(demand.minimum_version)) == 1);
  if (!demand.full_handshake) {
    const bssl::UniquePtr<SSL_SESSION> kept = context.cache_->Get(session->cache_key_);
    if (kept != nullptr) SSL_set_session(ssl, kept.get());
  }
  ERR_clear_error();
  return session;
}

Session& Session::Of(const ssl_st* ssl) {
  return *static_cast<Session*>(SSL_get_ex_data(ssl, SessionIndex()));
}

void Session::Feed(absl::string_view bytes) {
  SLUICE_CHECK(input_.empty());
  input_ = bytes;
  if (std::exchange(heard_, true) || bytes.empty()) return;
  // A record begins with its type, and a peer's first is a handshake or an alert (RFC 8446 §5.1); a
  // ClientHello in the manner of SSL 2, which BoringSSL reads too, with a byte that is not ASCII.
  const auto first = static_cast<unsigned char>(bytes[0]);
  if (first != SSL3_RT_HANDSHAKE && first != SSL3_RT_ALERT && first < 0x80) {
    not_tls_ = log::Printable(bytes.substr(0, kShownOfPlaintext));
  }
}

void Session::FeedEnd() { input_ended_ = true; }

void Session::Fail(Reason reason, std::string detail) {
  if (failure_.has_value()) return;
  failure_ = Failure{reason, std::move(detail)};
  // Should it be the resumption that this server stumbles over, the next try does without.
  if (client_ != nullptr) client_->cache_->Erase(cache_key_);
}

void Session::Refuse(Reason reason, std::string detail) {
  Fail(reason, std::move(detail));
  failure_->seen = info_;
}

Session::Progress Session::Handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) {
    Finish();
    return failure_.has_value() ? Progress::kFailed : Progress::kDone;
  }
  const int error = SSL_get_error(ssl_, done);
  switch (error) {
    case SSL_ERROR_WANT_READ:
      return Progress::kNeedInput;
    case SSL_ERROR_WANT_PRIVATE_KEY_OPERATION:
      return Progress::kNeedSigner;
    default:
      FailFromError(error);
      ERR_clear_error();
      return Progress::kFailed;
  }
}

void Session::FailFromError(int ssl_error) {
  if (!not_tls_.empty()) {
    return Fail(Reason::kProtocol,
                absl::StrCat("the peer does not speak TLS; it said: ", not_tls_));
  }
  if (signer_answer_.has_value() && !signer_answer_->ok()) {
    return Fail(Reason::kProtocol, absl::StrCat("the private key could not be used: ",
                                                signer_answer_->status().message()));
  }
  const uint32_t error = ERR_peek_error();
  if (ssl_error != SSL_ERROR_SSL || error == 0) {
    return Fail(Reason::kClosed, "the peer closed the connection during the handshake");
  }
  const char* const words = ERR_reason_error_string(error);
  const absl::string_view text = words == nullptr ? "unknown error" : words;
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  switch (reason) {
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
      return Fail(Reason::kVersion, "the peer offers no TLS version that is allowed here");
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return Fail(Reason::kVersion,
                  "the peer takes none of the TLS versions allowed here (alert protocol version)");
    case SSL_R_NO_SHARED_CIPHER:
      return Fail(Reason::kCipher, "the peer offers no approved cipher");
    case SSL_R_NO_SHARED_GROUP:
    case SSL_R_WRONG_CURVE:
      return Fail(Reason::kCipher, "the peer offers no approved group (P-256, P-384)");
    case SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS:
    case SSL_R_WRONG_SIGNATURE_TYPE:
      return Fail(Reason::kCipher, "the peer offers no approved signature algorithm");
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_UNKNOWN_CIPHER_RETURNED:
      return Fail(Reason::kCipher, "the peer chose a cipher that is not approved");
    case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
      return Fail(Reason::kCipher, "the peer asks for other ciphers (alert insufficient security)");
    default:
      break;
  }
  if (reason >= SSL_AD_REASON_OFFSET) {  // an alert that the peer sent
    return Fail(Reason::kAlert, AlertText(reason - SSL_AD_REASON_OFFSET));
  }
  Fail(Reason::kProtocol, absl::StrCat("the handshake broke off: ", text));
}

std::string Session::AlertText(int alert) const {
  const char* const name = SSL_alert_desc_string_long(alert);
  const absl::string_view asked =
      !info_.certificate_asked ? ""
      : info_.certificate_shown
          ? absl::string_view("; it had asked for a client certificate, and got ")
          : "; it had asked for a client certificate, and got none";
  return absl::StrCat("alert from the peer: ", name, asked,
                      info_.certificate_shown ? demand_.client_certificate : "");
}

void Session::Describe() {
  const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
  const int version = SSL_version(ssl_);
  info_.version = static_cast<Version>(version);
  info_.version_name = SSL_get_version(ssl_);
  info_.cipher =
      version == TLS1_3_VERSION ? SSL_CIPHER_standard_name(cipher) : SSL_CIPHER_get_name(cipher);
  info_.cipher_bits = SSL_CIPHER_get_bits(cipher, nullptr);
  if (const uint16_t group = SSL_get_curve_id(ssl_); group != 0) {
    const char* const name = SSL_get_curve_name(group);
    info_.group = name == nullptr ? absl::StrCat(group) : name;
  }
  info_.resumed = SSL_session_reused(ssl_) == 1;
  if (client_ != nullptr) DescribePeer();
}

void Session::Finish() {
  SSL_set_msg_callback(ssl_, nullptr);  // what follows is no handshake
  Describe();
  // What the library was told is held against what came of it once more: nothing that is not
  // approved passes, whatever a session ticket or a bug may have let through.
  const CipherPolicy& policy = client_ != nullptr ? client_->policy_ : serving_->policy;
  if (!policy.Approves(info_.cipher)) {
    Refuse(Reason::kCipher, absl::StrCat(info_.cipher, " is not an approved cipher"));
  } else if (const int version = SSL_version(ssl_);
             (version != TLS1_2_VERSION && version != TLS1_3_VERSION) ||
             version < static_cast<int>(demand_.minimum_version)) {
    Refuse(Reason::kVersion, absl::StrCat(info_.version_name, " is below the demanded version"));
  }
}

void Session::DescribePeer() {
  const STACK_OF(X509)* const chain = SSL_get_peer_full_cert_chain(ssl_);
  if (chain == nullptr || sk_X509_num(chain) == 0) return;
  const CertificateDetails leaf = DetailsOf(sk_X509_value(chain, 0));
  info_.peer_subject = leaf.subject;
  info_.peer_issuer = leaf.issuer;
  info_.peer_fingerprint = leaf.fingerprint_sha256;
  info_.peer_not_after = leaf.not_after;
  info_.peer_names = leaf.subject_alternative_names;
  if (info_.peer_names.size() > ConnectionInfo::kNamesShown) {
    info_.peer_names.resize(ConnectionInfo::kNamesShown);
  }
  info_.peer_chain = {leaf.subject};
  for (size_t i = 1; i < std::min(sk_X509_num(chain), ConnectionInfo::kChainShown); ++i) {
    info_.peer_chain.push_back(SubjectOf(sk_X509_value(chain, i)));
  }
}

PrivateKeyRequest Session::TakeSignerRequest() {
  SLUICE_CHECK(signer_request_.has_value());
  return *std::exchange(signer_request_, std::nullopt);
}

void Session::SupplySignature(absl::StatusOr<std::string> signature) {
  signer_answer_ = std::move(signature);
}

void Session::AskSigner(bool decrypt, uint16_t algorithm, absl::string_view input) {
  signer_answer_.reset();
  PrivateKeyRequest request;
  if (is_client()) {
    request.credentials = certificate_;
    request.key = certificate_->served().front().kind;
  } else {
    const bool rsa = SSL_get_SSL_CTX(ssl_) == serving_->rsa.get();
    request.credentials = serving_->credentials;
    request.key = rsa ? Credentials::Kind::kRsa : Credentials::Kind::kEcdsa;
  }
  request.decrypt = decrypt;
  request.algorithm = algorithm;
  request.input = std::string(input);
  signer_request_ = std::move(request);
}

bool Session::AnswerCertificateRequest() {
  info_.certificate_asked = true;
  if (certificate_ == nullptr) return true;  // and the answer is that there is none
  const Credentials::Kind kind = certificate_->served().front().kind;
  const absl::Status installed = certificate_->Install(kind, ssl_);
  if (!installed.ok()) {
    Fail(Reason::kProtocol, std::string(installed.message()));
    return false;
  }
  if (!certificate_->SignsInline(kind)) SSL_set_private_key_method(ssl_, &SignerMethod());
  info_.certificate_shown = true;
  return true;
}

const absl::StatusOr<std::string>* Session::signer_answer() const {
  return signer_answer_.has_value() ? &*signer_answer_ : nullptr;
}

std::optional<Reason> Session::JudgePeer(const std::vector<x509_st*>& chain) {
  const std::optional<Failure> failed =
      chain.empty() ? Failure{Reason::kUntrusted, "the server sent no certificate"}
                    : VerifyPeer(chain, demand_, *client_->trust_, client_->clock_.WallNow());
  if (failed.has_value()) {
    Describe();  // the handshake ends here, and what was seen is to be known all the same
    Refuse(failed->reason, failed->detail);
  }
  ERR_clear_error();  // this runs inside of a call of BoringSSL's, whose own errors come first
  return failed.has_value() ? std::optional<Reason>(failed->reason) : std::nullopt;
}

void Session::KeepForResumption(ssl_session_st* session) {
  client_->cache_->Put(cache_key_, bssl::UniquePtr<SSL_SESSION>(session));
}

bool Session::MayHaveMore() const {
  return has_unread_input() || input_ended_ || over_ || SSL_pending(ssl_) > 0;
}

Session::ReadResult Session::Decrypt(std::string& out, size_t limit) {
  // Room for what is at hand: a command takes a little, a body as much as a record holds.
  constexpr size_t kLeast = 512;
  constexpr size_t kMost = SSL3_RT_MAX_PLAIN_LENGTH;
  while (out.size() < limit) {
    if (!MayHaveMore()) return ReadResult::kNeedInput;
    const size_t at_hand = std::max(input_.size(), static_cast<size_t>(SSL_pending(ssl_)));
    const size_t before = out.size();
    const size_t room = std::min(std::clamp(at_hand, kLeast, kMost), limit - before);
    out.resize(before + room);
    ERR_clear_error();
    const int n = SSL_read(ssl_, out.data() + before, static_cast<int>(room));
    out.resize(before + static_cast<size_t>(std::max(n, 0)));
    if (n > 0) continue;
    const int error = SSL_get_error(ssl_, n);
    const uint32_t why = ERR_peek_error();
    if (ERR_GET_LIB(why) == ERR_LIB_SSL && ERR_GET_REASON(why) >= SSL_AD_REASON_OFFSET) {
      alert_ = AlertText(ERR_GET_REASON(why) - SSL_AD_REASON_OFFSET);
    }
    ERR_clear_error();
    over_ = error != SSL_ERROR_WANT_READ;
    switch (error) {
      case SSL_ERROR_WANT_READ:
        return ReadResult::kNeedInput;
      case SSL_ERROR_ZERO_RETURN:
        return ReadResult::kEnd;
      default:
        // The end of the connection without close_notify. SMTP has its own ends (QUIT, the dot), so
        // this truncates nothing that would pass for whole.
        return input_ended_ && input_.empty() ? ReadResult::kEnd : ReadResult::kBroken;
    }
  }
  return ReadResult::kFull;
}

absl::Status Session::Encrypt(absl::string_view bytes) {
  while (!bytes.empty()) {
    ERR_clear_error();
    const int step = static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20));
    const int n = SSL_write(ssl_, bytes.data(), step);
    if (n <= 0) return absl::UnavailableError(absl::StrCat("TLS write: ", TakeError()));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

void Session::CloseNotify() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace sluice::tls
