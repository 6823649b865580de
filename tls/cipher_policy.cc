#include "tls/cipher_policy.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/status_macros.h"
#include "tls/client_offer.h"
#include "tls/openssl_error.h"

namespace sluice::tls {
namespace {

struct Suite {
  absl::string_view name;      // OpenSSL's
  absl::string_view exchange;  // keyword
  absl::string_view authentication;
  absl::string_view encryption;
  absl::string_view digest;
  bool tls12;  // first defined for TLS 1.2 (OpenSSL's keyword TLSv1.2)
};

// What BoringSSL has (some of them in some versions only) and FIPS approves, strongest first:
// forward secrecy before static RSA, authenticated encryption before CBC. BoringSSL has no DHE and
// no CCM; its one 3DES suite is approved no more (NIST SP 800-131A r2).
constexpr std::array kSuites = {
    Suite{"ECDHE-ECDSA-AES256-GCM-SHA384", "kECDHE", "aECDSA", "AESGCM-256", "SHA384", true},
    Suite{"ECDHE-RSA-AES256-GCM-SHA384", "kECDHE", "aRSA", "AESGCM-256", "SHA384", true},
    Suite{"ECDHE-ECDSA-AES128-GCM-SHA256", "kECDHE", "aECDSA", "AESGCM-128", "SHA256", true},
    Suite{"ECDHE-RSA-AES128-GCM-SHA256", "kECDHE", "aRSA", "AESGCM-128", "SHA256", true},
    Suite{"ECDHE-ECDSA-AES128-SHA256", "kECDHE", "aECDSA", "AESCBC-128", "SHA256", true},
    Suite{"ECDHE-RSA-AES128-SHA256", "kECDHE", "aRSA", "AESCBC-128", "SHA256", true},
    Suite{"ECDHE-ECDSA-AES256-SHA", "kECDHE", "aECDSA", "AESCBC-256", "SHA1", false},
    Suite{"ECDHE-RSA-AES256-SHA", "kECDHE", "aRSA", "AESCBC-256", "SHA1", false},
    Suite{"ECDHE-ECDSA-AES128-SHA", "kECDHE", "aECDSA", "AESCBC-128", "SHA1", false},
    Suite{"ECDHE-RSA-AES128-SHA", "kECDHE", "aRSA", "AESCBC-128", "SHA1", false},
    Suite{"AES256-GCM-SHA384", "kRSA", "aRSA", "AESGCM-256", "SHA384", true},
    Suite{"AES128-GCM-SHA256", "kRSA", "aRSA", "AESGCM-128", "SHA256", true},
    Suite{"AES256-SHA", "kRSA", "aRSA", "AESCBC-256", "SHA1", false},
    Suite{"AES128-SHA", "kRSA", "aRSA", "AESCBC-128", "SHA1", false},
};

struct Tls13Suite {
  absl::string_view name;
  uint16_t number;  // IANA's
  absl::string_view encryption;
};
constexpr std::array kTls13Suites = {
    Tls13Suite{"TLS_AES_256_GCM_SHA384", 0x1302, "AES-256-GCM"},
    Tls13Suite{"TLS_AES_128_GCM_SHA256", 0x1301, "AES-128-GCM"},
};

constexpr absl::string_view kAccepted =
    "an item is FIPS, TLSv1.2, kRSA (RSA), kECDHE (ECDHE), aRSA, aECDSA (ECDSA), AES, AESGCM, "
    "AES128, AES256, SHA1, "
    "SHA256, SHA384, or several joined by '+', or the name of an approved suite such as "
    "ECDHE-RSA-AES128-GCM-SHA256; '!' in front strikes it out (eNULL and aNULL too)";

bool IsSuite(absl::string_view name) {
  return std::any_of(kSuites.begin(), kSuites.end(),
                     [name](const Suite& suite) { return suite.name == name; });
}

// Whether `suite` is one of those that `keyword` stands for; nullopt when it stands for nothing.
std::optional<bool> Holds(const Suite& suite, absl::string_view keyword) {
  if (keyword == "FIPS" || keyword == "AES") return true;
  if (keyword == "TLSv1.2") return suite.tls12;
  if (keyword == "kRSA" || keyword == "RSA") return suite.exchange == "kRSA";
  if (keyword == "kECDHE" || keyword == "kEECDH" || keyword == "ECDHE" || keyword == "EECDH") {
    return suite.exchange == "kECDHE";
  }
  if (keyword == "aRSA") return suite.authentication == "aRSA";
  if (keyword == "aECDSA" || keyword == "ECDSA") return suite.authentication == "aECDSA";
  if (keyword == "AESGCM") return absl::StartsWith(suite.encryption, "AESGCM");
  if (keyword == "AES128") return absl::EndsWith(suite.encryption, "-128");
  if (keyword == "AES256") return absl::EndsWith(suite.encryption, "-256");
  if (keyword == "SHA1" || keyword == "SHA256" || keyword == "SHA384") {
    return suite.digest == keyword;
  }
  if (keyword == "eNULL" || keyword == "NULL" || keyword == "aNULL") return false;
  if (!IsSuite(keyword)) return std::nullopt;
  return suite.name == keyword;
}

absl::Status Failed(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", TakeError()));
}

absl::Status Differs(absl::string_view what, absl::string_view effective,
                     absl::string_view expected) {
  return absl::InternalError(
      absl::StrCat("the ", what, " in effect are ", effective, " and not ", expected));
}

// "0x1301, 0xc02b": what a ClientHello lists, whatever the order.
std::string Numbers(std::vector<uint16_t> values) {
  std::sort(values.begin(), values.end());
  return absl::StrJoin(values, ", ", [](std::string* out, uint16_t value) {
    absl::StrAppendFormat(out, "0x%04x", value);
  });
}

// This BoringSSL may lack a suite of the table.
bool BoringSslHas(SSL_CTX* probe, absl::string_view suite) {
  const bool has = SSL_CTX_set_strict_cipher_list(probe, std::string(suite).c_str()) == 1;
  ERR_clear_error();
  return has;
}

}  // namespace

absl::StatusOr<CipherPolicy> CipherPolicy::Parse(absl::string_view text) {
  const bssl::UniquePtr<SSL_CTX> probe(SSL_CTX_new(TLS_method()));
  if (probe == nullptr) return Failed("SSL_CTX_new");
  std::array<bool, kSuites.size()> in{};
  std::array<bool, kSuites.size()> struck{};
  for (const absl::string_view item : absl::StrSplit(text, ':')) {
    const bool strike = absl::StartsWith(item, "!");
    const std::vector<absl::string_view> keywords =
        absl::StrSplit(item.substr(strike ? 1 : 0), '+');
    for (size_t i = 0; i < kSuites.size(); ++i) {
      bool all = true;
      for (const absl::string_view keyword : keywords) {
        const std::optional<bool> holds = Holds(kSuites[i], keyword);
        if (!holds.has_value()) {
          return absl::InvalidArgumentError(
              absl::StrCat("'", keyword, "' is not a known keyword or suite: ", kAccepted));
        }
        all &= *holds;
      }
      if (!all) continue;
      if (!strike && IsSuite(item) && !BoringSslHas(probe.get(), item)) {
        return absl::InvalidArgumentError(
            absl::StrCat("'", item, "' is not in the BoringSSL that Sluice was built with"));
      }
      (strike ? struck : in)[i] = true;
    }
  }
  CipherPolicy policy;
  policy.text_ = std::string(text);
  for (size_t i = 0; i < kSuites.size(); ++i) {
    if (in[i] && !struck[i] && BoringSslHas(probe.get(), kSuites[i].name)) {
      policy.suites_.emplace_back(kSuites[i].name);
    }
  }
  if (policy.suites_.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' leaves no cipher suite for TLS 1.2; ", kAccepted));
  }
  return policy;
}

bool CipherPolicy::Approves(absl::string_view cipher) const {
  return std::any_of(kTls13Suites.begin(), kTls13Suites.end(),
                     [cipher](const Tls13Suite& suite) { return suite.name == cipher; }) ||
         std::find(suites_.begin(), suites_.end(), cipher) != suites_.end();
}

absl::Status CipherPolicy::Apply(ssl_ctx_st* context) const {
  ERR_clear_error();
  // The policy first: it sets versions, groups, signature algorithms and the TLS 1.3 suites, and a
  // list of TLS 1.2 suites that the strict setter then replaces.
  if (SSL_CTX_set_compliance_policy(context, ssl_compliance_policy_fips_202205) != 1) {
    return Failed("set the FIPS policy of TLS");
  }
  if (SSL_CTX_set_strict_cipher_list(context, absl::StrJoin(suites_, ":").c_str()) != 1) {
    return Failed("set the cipher list");
  }
  return Check(context);
}

absl::Status CipherPolicy::Check(ssl_ctx_st* context) const {
  std::vector<std::string> effective;
  std::vector<uint16_t> suites;
  for (const Tls13Suite& suite : kTls13Suites) suites.push_back(suite.number);
  const STACK_OF(SSL_CIPHER)* const ciphers = SSL_CTX_get_ciphers(context);
  for (size_t i = 0; i < sk_SSL_CIPHER_num(ciphers); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(ciphers, i);
    effective.emplace_back(SSL_CIPHER_get_name(cipher));
    suites.push_back(SSL_CIPHER_get_protocol_id(cipher));
  }
  if (effective != suites_) {
    return Differs("cipher suites", absl::StrJoin(effective, ":"), absl::StrJoin(suites_, ":"));
  }
  // What the setters say may not be what goes over the wire.
  SLUICE_ASSIGN_OR_RETURN(const ClientOffer offer, OfferOf(context));
  const auto check = [](absl::string_view what, const std::vector<uint16_t>& in_effect,
                        const std::vector<uint16_t>& expected) {
    return Numbers(in_effect) == Numbers(expected)
               ? absl::OkStatus()
               : Differs(what, Numbers(in_effect), Numbers(expected));
  };
  SLUICE_RETURN_IF_ERROR(check("cipher suites", offer.suites, suites));
  SLUICE_RETURN_IF_ERROR(check("groups", offer.groups, {SSL_CURVE_SECP256R1, SSL_CURVE_SECP384R1}));
  return check("TLS versions", offer.versions, {TLS1_2_VERSION, TLS1_3_VERSION});
}

std::string CipherPolicy::Describe() const {
  std::string table = absl::StrCat("--tls_ciphers=", text_, " stands for\n\n");
  absl::StrAppendFormat(&table, "%-31s %-8s %-12s %-14s %s\n", "suite", "version", "key exchange",
                        "authentication", "encryption");
  for (const Tls13Suite& suite : kTls13Suites) {
    absl::StrAppendFormat(&table, "%-31s %-8s %-12s %-14s %s\n", suite.name, "TLSv1.3", "ECDHE",
                          "any", suite.encryption);
  }
  for (const Suite& suite : kSuites) {
    if (std::find(suites_.begin(), suites_.end(), suite.name) == suites_.end()) continue;
    const absl::string_view bits = suite.encryption.substr(suite.encryption.size() - 3);
    absl::StrAppendFormat(
        &table, "%-31s %-8s %-12s %-14s AES-%s-%s\n", suite.name, "TLSv1.2",
        suite.exchange.substr(1), suite.authentication.substr(1), bits,
        absl::StartsWith(suite.encryption, "AESGCM") ? "GCM" : absl::StrCat("CBC, ", suite.digest));
  }
  absl::StrAppend(
      &table, "\nkey exchange groups: P-256, P-384\n",
      "signatures: ECDSA with P-256 or P-384; RSA (PKCS#1, PSS) with SHA-256 or more\n");
  return table;
}

}  // namespace sluice::tls
