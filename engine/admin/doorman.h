// Whether a request may be asked at all, and in whose name: told from its header, before anything
// of its body is taken.
//
// On the control socket the permissions of the file have decided already (LocalDoorman). On TCP
// (TcpDoorman), in this order:
//   421 misdirected     on a loopback address, where Host names neither that address nor
//   "localhost"
//                       nor the gateway: a browser that was led here by a name that somebody else
//                       owns (DNS rebinding)
//   403 forbidden       where Origin names another site than Host: a browser that another site's
//                       page makes ask (CSRF; there are no cookies that it could ride on either)
//   401 unauthorized    without a token (RFC 6750), or with one that is unknown or has expired
//   403 forbidden       where the token's role is not enough, or the route is for the control
//   socket
// Routes for everybody need no token. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_DOORMAN_H_
#define SLUICE_ENGINE_ADMIN_DOORMAN_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "engine/admin/failure_table.h"
#include "engine/admin/http_message.h"
#include "engine/admin/router.h"
#include "engine/admin/tokens.h"
#include "engine/base/clock.h"
#include "engine/io/socket_address.h"

namespace sluice::admin {

// Header fields are empty where they are not there.
struct Visit {
  int fd = -1;
  io::SocketAddress client;  // on TCP
  absl::string_view host;
  absl::string_view origin;
  absl::string_view authorization;
};

struct Admission {
  std::string by;                   // for Request::by
  bool may_write = false;           // for Request::may_write
  std::optional<Response> refusal;  // set: the request is answered with it
  bool late = false;                // and not at once
};

class Doorman {
 public:
  virtual ~Doorman() = default;
  virtual Admission Admit(const Visit& visit, Access access) const = 0;
};

class LocalDoorman : public Doorman {
 public:
  Admission Admit(const Visit& visit, Access access) const override;
};

struct TcpDoormanOptions {
  io::SocketAddress listening;
  bool tls = false;
  std::string hostname;  // --hostname
};

class TcpDoorman : public Doorman {
 public:
  // All outlive the doorman.
  TcpDoorman(TcpDoormanOptions options, const TokenStore& tokens, FailureTable& failures,
             const Clock& clock)
      : options_(std::move(options)), tokens_(tokens), failures_(failures), clock_(clock) {}

  Admission Admit(const Visit& visit, Access access) const override;

 private:
  bool IsOwnHost(absl::string_view host) const;
  bool IsOwnOrigin(absl::string_view origin, absl::string_view host) const;
  Admission Refuse(const Visit& visit, const absl::Status& why) const;

  const TcpDoormanOptions options_;
  const TokenStore& tokens_;
  FailureTable& failures_;
  const Clock& clock_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_DOORMAN_H_
