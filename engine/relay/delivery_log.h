// The log's line for an attempt to deliver a message: one for each, whatever came of it, and never
// held back.
//
//   … info delivery id=6A0F… from=a@example.com to=b@example.net domain=example.net
//   mx=mx.example.net address=192.0.2.1:25 source="" tls=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384
//   verdict=verified entry=*.example.net stage=final outcome=delivered delivered=1 deferred=0
//   failed=0 delay_ms=153 reply="250 2.0.0 Ok"
//
// Where recipients fared differently, `outcome`, `stage` and `reply` are of those that fared worst:
// deferred before failed (their mail goes on), failed before delivered. The history has each.
#ifndef SLUICE_ENGINE_RELAY_DELIVERY_LOG_H_
#define SLUICE_ENGINE_RELAY_DELIVERY_LOG_H_

#include <string>

#include "absl/time/time.h"
#include "engine/relay/attempt.h"
#include "engine/relay/outcome.h"

namespace sluice::relay {

// What TLS came to:
//   verified          encrypted, and the certificate is what the list demands
//   encrypted         the certificate was not checked: nobody demanded it
//   plain             in clear, as the domain is on no entry, or on one that monitors
//   failed:REASON     it was demanded and could not be had (tls::ReasonName)
//   none              the attempt did not come so far: DNS, no connection, a server that said no
std::string TlsVerdict(const AttemptReport& report);

// `now` is the queue's own time, as the envelope's.
void LogDelivery(const OutcomeWriter::Written& written, const AttemptReport& report,
                 absl::Time now);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_DELIVERY_LOG_H_
