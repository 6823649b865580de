#include "tls/certificate_details.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/obj.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/log.h"

namespace sluice::tls {
namespace {

std::string Hash(const uint8_t* bytes, size_t size) {
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256(bytes, size, hash);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(hash), sizeof(hash)));
}

std::string Text(const ASN1_STRING* string) {
  uint8_t* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, string);
  if (size < 0) return "";
  const bssl::UniquePtr<uint8_t> owned(utf8);
  return log::Printable(
      absl::string_view(reinterpret_cast<char*>(utf8), static_cast<size_t>(size)));
}

// The first value of an attribute, empty when there is none.
std::string Attribute(const X509_NAME* name, int nid) {
  const int index = X509_NAME_get_index_by_NID(name, nid, -1);
  if (index < 0) return "";
  return Text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
}

std::string DistinguishedName(const X509_NAME* name) {
  const bssl::UniquePtr<BIO> out(BIO_new(BIO_s_mem()));
  // RFC 2253, which RFC 4514 succeeds; its escapes leave nothing but printable ASCII.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
  const uint8_t* bytes = nullptr;
  size_t size = 0;
  if (BIO_mem_contents(out.get(), &bytes, &size) != 1) return "";
  std::string text(reinterpret_cast<const char*>(bytes), size);
  for (char& c : text) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return text;
}

absl::Time TimeOf(const ASN1_TIME* time, absl::Time if_bad) {
  int64_t seconds = 0;
  return ASN1_TIME_to_posix(time, &seconds) == 1 ? absl::FromUnixSeconds(seconds) : if_bad;
}

std::string KeyOf(X509* certificate) {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(certificate));
  if (key == nullptr) return "unknown";
  if (EVP_PKEY_id(key.get()) == EVP_PKEY_RSA) {
    return absl::StrCat("RSA ", EVP_PKEY_bits(key.get()));
  }
  if (const EC_KEY* ec = EVP_PKEY_get0_EC_KEY(key.get())) {
    const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(ec));
    if (curve == NID_X9_62_prime256v1) return "ECDSA P-256";
    if (curve == NID_secp384r1) return "ECDSA P-384";
    return absl::StrCat("ECDSA ", OBJ_nid2sn(curve));
  }
  return absl::StrCat("other (", OBJ_nid2sn(EVP_PKEY_id(key.get())), ")");
}

std::string SerialOf(const X509* certificate) {
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return "";
  std::string bytes(BN_num_bytes(number.get()), '\0');
  BN_bn2bin(number.get(), reinterpret_cast<uint8_t*>(bytes.data()));
  if (bytes.empty()) return "00";
  std::string text;
  for (const char byte : bytes) {
    absl::StrAppend(&text, text.empty() ? "" : ":",
                    absl::AsciiStrToUpper(absl::BytesToHexString(absl::string_view(&byte, 1))));
  }
  return text;
}

template <typename Visit>
void ForEachAlternativeName(X509* certificate, Visit visit) {
  auto* const names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  if (names == nullptr) return;
  for (size_t i = 0; i < sk_GENERAL_NAME_num(names); ++i) visit(sk_GENERAL_NAME_value(names, i));
  GENERAL_NAMES_free(names);
}

absl::string_view Bytes(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<size_t>(ASN1_STRING_length(string))};
}

std::string IpText(absl::string_view bytes) {
  std::string text;
  if (bytes.size() == 4) {
    for (const char byte : bytes) {
      absl::StrAppend(&text, text.empty() ? "" : ".", static_cast<unsigned char>(byte));
    }
    return text;
  }
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    absl::StrAppend(&text, text.empty() ? "" : ":",
                    absl::Hex(static_cast<unsigned char>(bytes[i]) << 8 |
                              static_cast<unsigned char>(bytes[i + 1])));
  }
  return text;
}

}  // namespace

std::string SubjectOf(x509_st* certificate) {
  return DistinguishedName(X509_get_subject_name(certificate));
}

CertificateDetails DetailsOf(x509_st* certificate) {
  CertificateDetails details;
  const X509_NAME* const subject = X509_get_subject_name(certificate);
  details.common_name = Attribute(subject, NID_commonName);
  details.organization = Attribute(subject, NID_organizationName);
  std::vector<std::string> places;
  for (const int nid : {NID_localityName, NID_stateOrProvinceName, NID_countryName}) {
    if (std::string place = Attribute(subject, nid); !place.empty()) places.push_back(place);
  }
  details.location = absl::StrJoin(places, ", ");
  details.subject = SubjectOf(certificate);
  details.issuer = DistinguishedName(X509_get_issuer_name(certificate));
  details.serial_number = SerialOf(certificate);
  const char* const algorithm = OBJ_nid2ln(X509_get_signature_nid(certificate));
  details.signature_algorithm = algorithm == nullptr ? "unknown" : algorithm;
  details.not_before = TimeOf(X509_get0_notBefore(certificate), absl::InfinitePast());
  details.not_after = TimeOf(X509_get0_notAfter(certificate), absl::InfiniteFuture());
  details.key = KeyOf(certificate);
  ForEachAlternativeName(certificate, [&details](const GENERAL_NAME* name) {
    if (name->type == GEN_DNS) {
      details.subject_alternative_names.push_back(
          absl::StrCat("DNS:", log::Printable(Bytes(name->d.dNSName))));
    } else if (name->type == GEN_IPADD) {
      details.subject_alternative_names.push_back(
          absl::StrCat("IP:", IpText(Bytes(name->d.iPAddress))));
    } else if (name->type == GEN_EMAIL) {
      details.subject_alternative_names.push_back(
          absl::StrCat("email:", log::Printable(Bytes(name->d.rfc822Name))));
    }
  });
  uint8_t* der = nullptr;
  if (const int size = i2d_X509(certificate, &der); size > 0) {
    details.fingerprint_sha256 = Hash(der, static_cast<size_t>(size));
    OPENSSL_free(der);
  }
  der = nullptr;
  if (const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der); size > 0) {
    details.key_fingerprint_sha256 = Hash(der, static_cast<size_t>(size));
    OPENSSL_free(der);
  }
  ERR_clear_error();  // a field that could not be read is shown as such
  return details;
}

std::vector<std::string> DnsNamesOf(x509_st* certificate) {
  std::vector<std::string> names;
  ForEachAlternativeName(certificate, [&names](const GENERAL_NAME* name) {
    if (name->type != GEN_DNS) return;
    // A name with a NUL in it was made to be misread; it matches nothing here, and reads as such.
    names.push_back(absl::AsciiStrToLower(log::Printable(Bytes(name->d.dNSName))));
  });
  if (names.empty()) {
    std::string common_name = Attribute(X509_get_subject_name(certificate), NID_commonName);
    if (!common_name.empty()) names.push_back(absl::AsciiStrToLower(common_name));
  }
  return names;
}

}  // namespace sluice::tls
