// What one entry demands of a connection, in plain terms and free of any TLS library: engine/relay
// maps it onto what tls/ checks.
//
//   OutboundDemand demand = OutboundDemandOf(*entry);
//   if (demand.enforced && demand.accept_mx_host) names.push_back(mx_host);
//
// Plain data.
#ifndef SLUICE_POLICY_DEMAND_H_
#define SLUICE_POLICY_DEMAND_H_

#include <string>
#include <vector>

#include "policy/entry.h"

namespace sluice::policy {

// Of the servers that take mail to the domain.
struct OutboundDemand {
  bool enforced = true;  // false: monitored; a shortfall is counted and the mail goes on
  Level level = Level::kEncrypt;
  TlsVersion minimum_version = TlsVersion::kTls12;
  // Names the certificate may have (levels verify and secure): the MX host's, the recipient's
  // domain, and `names` beside them.
  bool accept_mx_host = false;
  bool accept_domain = false;
  std::vector<std::string> names;
  std::vector<std::string> fingerprints;  // level fingerprint

  // 16 hex digits over all of the above, the same on every machine and in every version that knows
  // the same fields: tells whether what a message was tried under is still in force. No secret and
  // no proof: equal digests of different demands can be made on purpose.
  std::string Digest() const;
};

// Of the clients that bring mail from the domain. Their certificates are not looked at.
struct InboundDemand {
  bool enforced = true;
  TlsVersion minimum_version = TlsVersion::kTls12;
  InboundAction action = InboundAction::kDefer;

  std::string Digest() const;
};

// `entry` is not off, and applies to the direction (checked).
OutboundDemand OutboundDemandOf(const Entry& entry);
InboundDemand InboundDemandOf(const Entry& entry);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_DEMAND_H_
