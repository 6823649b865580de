#include "engine/admin/ping_hint.h"

namespace sluice::admin {
namespace {

struct Hint {
  absl::string_view word;
  absl::string_view text;
};

constexpr Hint kByReason[] = {
    {"not_offered",
     "The server does not offer STARTTLS. Ask its operator to switch it on; until then nothing can "
     "be sent there securely."},
    {"refused",
     "The server offers STARTTLS but refuses it, often because its certificate or key cannot be "
     "read. Its operator finds the cause in its log."},
    {"plaintext_injected",
     "Bytes in clear came behind the answer to STARTTLS: somebody on the way tampers with the "
     "connection, or the server is broken (CVE-2011-0411). Try from another network, then ask its "
     "operator."},
    {"handshake_timeout",
     "The handshake got no answer in time. A firewall that inspects SMTP is the usual cause."},
    {"alert",
     "The server broke off the handshake. Its operator finds the cause in its log; versions or "
     "ciphers that do not match are the usual one, or a client certificate that it asks for "
     "(--client_certificate)."},
    {"version",
     "The server has no TLS version that is allowed. It needs TLS 1.2 or 1.3, or the entry a lower "
     "--minimum_version."},
    {"cipher",
     "The server has no cipher that is allowed. 'sluiced --print_ciphers' lists what is; its "
     "operator must enable one of them."},
    {"untrusted",
     "The certificate does not lead to a trusted root. Its operator must send the whole chain of a "
     "public authority; or add a private root to --trust_store, or use the level fingerprint."},
    {"name_mismatch",
     "The certificate is for other names. If one of them is right for this domain, put it into the "
     "entry: 'sluicectl domains set PATTERN --match_names=NAME'."},
    {"expired_certificate",
     "The certificate is out of date. Its operator must renew it; check this machine's clock too."},
    {"fingerprint_mismatch",
     "The certificate is another one than the entry knows. Ask its operator whether it was "
     "renewed, "
     "then set --fingerprints to the new one."},
    {"dane_mismatch",
     "The certificate is not the one that the host's TLSA records announce (DANE). Its operator "
     "must publish a new certificate's record before using it, and keep the old one until then."},
    {"tlsa_invalid",
     "The host has TLSA records, and none can be used for SMTP (usages 2 and 3 can). Its operator "
     "must correct them; 'dig _25._tcp.HOST TLSA' shows them."},
    {"dnssec_invalid",
     "The host's TLSA records cannot be looked up, or fail DNSSEC validation. Try "
     "'delv _25._tcp.HOST TLSA' here; its operator must mend the zone's signatures."},
    {"dane_required",
     "The entry demands DANE, and the host has no TLSA records that DNSSEC vouches for. Use "
     "another --level, or ask its operator; here, check --dnssec_trust_anchor and --dane."},
    {"sts_mx_mismatch",
     "The domain's MTA-STS policy does not name this host, which its MX records do. Its operator "
     "must bring the two together; 'sluicectl domains explain DOMAIN' shows the policy."},
    {"closed", "The server closed the connection during the handshake; its log says why."},
    {"protocol",
     "What the server sent is not TLS. A firewall or proxy that rewrites SMTP is the usual cause."},
};

constexpr Hint kByStage[] = {
    {"dns",
     "The host's addresses cannot be found. Check the domain's MX records and the resolver "
     "(--dns_config)."},
    {"connect",
     "No connection can be made. Check that the port is open outwards here, and that the server is "
     "up."},
    {"banner",
     "The server did not greet with 220: it may be overloaded or refuse this client. Check "
     "the reverse DNS of this gateway and block lists."},
    {"ehlo",
     "The server refused EHLO. Check that --hostname is a name that resolves to this "
     "gateway."},
    {"post_ehlo",
     "The server refused EHLO after the handshake, which succeeded. Its operator finds "
     "the cause in its log."},
};

}  // namespace

absl::string_view HintFor(const relay::PingTarget& target) {
  if (target.valid) return "";
  for (const Hint& hint : kByReason) {
    if (hint.word == target.reason) return hint.text;
  }
  for (const Hint& hint : kByStage) {
    if (hint.word == target.stage) return hint.text;
  }
  return "Try again in a few minutes; the log has each step at --log_level=debug.";
}

}  // namespace sluice::admin
