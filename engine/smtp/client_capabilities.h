// What a server offers in its EHLO reply (RFC 5321 §4.1.1.1), as far as it is used here.
//
//   Capabilities offered = Capabilities::FromEhlo(reply);
//   if (offered.pipelining) …
//
// Only ever taken from one EHLO reply as a whole: what was said before STARTTLS is forgotten with
// the object it stood in (RFC 3207 §4.2). Plain data.
#ifndef SLUICE_ENGINE_SMTP_CLIENT_CAPABILITIES_H_
#define SLUICE_ENGINE_SMTP_CLIENT_CAPABILITIES_H_

#include <cstdint>

#include "engine/smtp/reply.h"

namespace sluice::smtp {

struct Capabilities {
  bool starttls = false;          // RFC 3207
  bool pipelining = false;        // RFC 2920
  bool chunking = false;          // RFC 3030
  bool eight_bit_mime = false;    // RFC 6152
  bool smtputf8 = false;          // RFC 6531
  bool dsn = false;               // RFC 3461
  bool require_tls = false;       // RFC 8689; means nothing where it is said in clear
  bool size = false;              // RFC 1870
  uint64_t size_limit_bytes = 0;  // 0: none stated

  // `reply` answers an EHLO with 250. Keywords in any case; the older "SIZE=n" is taken too; what
  // is not known is passed over.
  static Capabilities FromEhlo(const Reply& reply);
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_CLIENT_CAPABILITIES_H_
