#include "tls/dane.h"

#include <openssl/asn1.h>
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/base/sha256.h"
#include "tls/certificate_checks.h"

namespace sluice::tls {
namespace {

// The acronyms of RFC 7218.
constexpr uint8_t kDaneTa = 2;
constexpr uint8_t kDaneEe = 3;
constexpr uint8_t kCert = 0;
constexpr uint8_t kSpki = 1;
constexpr uint8_t kFull = 0;
constexpr uint8_t kSha256 = 1;
constexpr uint8_t kSha512 = 2;

// Enough of a record's data to know it by, and of records to find the one that was meant.
constexpr size_t kShownOctets = 8;
constexpr size_t kRecordsShown = 4;

// Signatures that are checked to find what a bare key has signed: certificates and keys are
// strangers', and a check of the largest takes milliseconds.
constexpr int kMostSignatures = 32;

const uint8_t* Octets(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

bssl::UniquePtr<EVP_PKEY> KeyOf(absl::string_view der) {
  CBS bytes;
  CBS_init(&bytes, Octets(der), der.size());
  bssl::UniquePtr<EVP_PKEY> key(EVP_parse_public_key(&bytes));
  ERR_clear_error();
  return CBS_len(&bytes) == 0 ? std::move(key) : nullptr;
}

bssl::UniquePtr<X509> CertificateOf(absl::string_view der) {
  const uint8_t* at = Octets(der);
  bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  return at == Octets(der) + der.size() ? std::move(certificate) : nullptr;
}

bool Usable(const TlsaRecord& record) {
  if (record.usage != kDaneTa && record.usage != kDaneEe) return false;
  if (record.selector != kCert && record.selector != kSpki) return false;
  switch (record.matching_type) {
    case kFull:
      return record.selector == kCert ? CertificateOf(record.data) != nullptr
                                      : KeyOf(record.data) != nullptr;
    case kSha256:
      return record.data.size() == kSha256Bytes;
    case kSha512:
      return record.data.size() == SHA512_DIGEST_LENGTH;
    default:
      return false;
  }
}

// The part of a certificate that a selector names, in DER.
std::string Selected(X509* certificate, uint8_t selector) {
  uint8_t* der = nullptr;
  const int size = selector == kCert ? i2d_X509(certificate, &der)
                                     : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return "";
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

std::string Sha512(absl::string_view bytes) {
  std::string hash(SHA512_DIGEST_LENGTH, '\0');
  SHA512(Octets(bytes), bytes.size(), reinterpret_cast<uint8_t*>(hash.data()));
  return hash;
}

bool Matches(const TlsaRecord& record, X509* certificate) {
  const std::string selected = Selected(certificate, record.selector);
  switch (record.matching_type) {
    case kFull:
      return record.data == selected;
    case kSha256:
      return record.data == Sha256({selected});
    case kSha512:
      return record.data == Sha512(selected);
    default:
      return false;
  }
}

bssl::UniquePtr<EVP_PKEY> AnyKey() {
  const bssl::UniquePtr<EC_KEY> made(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  SLUICE_CHECK(EC_KEY_generate_key(made.get()) == 1 &&
               EVP_PKEY_set1_EC_KEY(key.get(), made.get()) == 1);
  return key;
}

// Of an authority that is known by its key alone (RFC 7671 §5.2.2) there is no certificate that a
// chain could end at, so one is made: with that key, and the name by which `issued` calls its
// issuer. What `issued` may vouch for is then checked as in any other chain. Who signs it does not
// matter. Null where it cannot be written down: key and name are strangers'.
bssl::UniquePtr<X509> AuthorityWith(EVP_PKEY* key, X509* issued) {
  bssl::UniquePtr<X509> authority(X509_new());
  X509_NAME* const name = X509_get_issuer_name(issued);
  const bool made = X509_set_version(authority.get(), X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set_uint64(X509_get_serialNumber(authority.get()), 1) == 1 &&
                    X509_set_subject_name(authority.get(), name) == 1 &&
                    X509_set_issuer_name(authority.get(), name) == 1 &&
                    X509_set1_notBefore(authority.get(), X509_get0_notBefore(issued)) == 1 &&
                    X509_set1_notAfter(authority.get(), X509_get0_notAfter(issued)) == 1 &&
                    X509_set_pubkey(authority.get(), key) == 1 &&
                    X509_sign(authority.get(), AnyKey().get(), EVP_sha256()) > 0;
  return made ? std::move(authority) : nullptr;
}

// The authorities that the DANE-TA records name: of what the server sent, and those that stand in a
// record itself.
struct AnchorSet {
  bssl::UniquePtr<X509_STORE> store{X509_STORE_new()};
  std::vector<X509*> sent;  // those of the chain
  bool empty = true;

  void Add(X509* certificate) {
    SLUICE_CHECK(X509_STORE_add_cert(store.get(), certificate) == 1);  // out of memory
    empty = false;
  }
};

AnchorSet AnchorsOf(absl::Span<x509_st* const> chain, const DaneDemand& dane) {
  AnchorSet anchors;
  int signatures = 0;
  for (const TlsaRecord& record : dane.records) {
    if (record.usage != kDaneTa) continue;
    for (size_t i = 1; i < chain.size(); ++i) {
      if (!Matches(record, chain[i])) continue;
      anchors.Add(chain[i]);
      anchors.sent.push_back(chain[i]);
    }
    if (record.matching_type != kFull) continue;
    if (record.selector == kCert) {
      anchors.Add(CertificateOf(record.data).get());
      continue;
    }
    const bssl::UniquePtr<EVP_PKEY> key = KeyOf(record.data);
    for (X509* certificate : chain) {
      if (++signatures > kMostSignatures) break;
      if (X509_verify(certificate, key.get()) != 1) continue;
      if (const auto authority = AuthorityWith(key.get(), certificate))
        anchors.Add(authority.get());
    }
    ERR_clear_error();
  }
  return anchors;
}

// An authority that the records name vouches for the leaf, and for one of the names.
std::optional<Failure> CheckAuthority(absl::Span<x509_st* const> chain, const AnchorSet& anchors,
                                      const DaneDemand& dane, absl::Time now) {
  // What is trusted ends the chain, and is not looked for beyond itself.
  std::vector<x509_st*> untrusted;
  for (x509_st* certificate : chain) {
    const bool anchor =
        std::find(anchors.sent.begin(), anchors.sent.end(), certificate) != anchors.sent.end();
    if (!anchor) untrusted.push_back(certificate);
  }
  std::optional<Failure> failed = CheckChain(untrusted, anchors.store.get(), Anchors::kAny, now);
  if (failed.has_value()) return failed;
  return CheckNames(chain[0], dane.names);
}

Failure Mismatch(x509_st* leaf, const DaneDemand& dane) {
  std::vector<std::string> shown;
  for (const TlsaRecord& record : dane.records) {
    if (shown.size() < kRecordsShown) shown.push_back(TlsaText(record));
  }
  const size_t more = dane.records.size() - shown.size();
  return Failure{
      Reason::kDaneMismatch,
      absl::StrCat("certificate ", absl::BytesToHexString(Sha256({Selected(leaf, kCert)})),
                   ", key ", absl::BytesToHexString(Sha256({Selected(leaf, kSpki)})),
                   "; TLSA: ", absl::StrJoin(shown, ", "),
                   more > 0 ? absl::StrCat(" and ", more, " more") : "")};
}

}  // namespace

std::vector<TlsaRecord> UsableTlsa(absl::Span<const TlsaRecord> records) {
  std::vector<TlsaRecord> usable;
  std::copy_if(records.begin(), records.end(), std::back_inserter(usable), Usable);
  std::vector<TlsaRecord> strongest;
  for (const TlsaRecord& record : usable) {
    const bool outdone =
        record.matching_type == kSha256 &&
        std::any_of(usable.begin(), usable.end(), [&record](const TlsaRecord& other) {
          return other.usage == record.usage && other.selector == record.selector &&
                 other.matching_type == kSha512;
        });
    if (!outdone) strongest.push_back(record);
  }
  return strongest;
}

std::optional<Failure> VerifyDane(absl::Span<x509_st* const> chain, const DaneDemand& dane,
                                  absl::Time now) {
  SLUICE_CHECK(!chain.empty() && !dane.records.empty());
  for (const TlsaRecord& record : dane.records) {
    if (record.usage == kDaneEe && Matches(record, chain[0])) return std::nullopt;
  }
  const AnchorSet anchors = AnchorsOf(chain, dane);
  if (anchors.empty) return Mismatch(chain[0], dane);
  return CheckAuthority(chain, anchors, dane, now);
}

std::string TlsaText(const TlsaRecord& record) {
  const absl::string_view data = record.data;
  return absl::StrCat(record.usage, " ", record.selector, " ", record.matching_type, " ",
                      absl::BytesToHexString(data.substr(0, kShownOctets)),
                      data.size() > kShownOctets ? "..." : "");
}

}  // namespace sluice::tls
