#include "tls/peer_demand.h"

#include <openssl/sha.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sluice::tls {

std::string PeerDemand::Digest() const {
  // Every field is preceded by its length, so that no two demands read the same.
  std::string text = absl::StrCat(static_cast<int>(check), ";", static_cast<int>(minimum_version),
                                  ";", server_name.size(), ":", server_name, ";");
  for (const std::string& name : names) absl::StrAppend(&text, "n", name.size(), ":", name, ";");
  for (const std::string& print : fingerprints) absl::StrAppend(&text, "f", print, ";");
  if (dane.has_value()) {
    absl::StrAppend(&text, "d;");
    for (const TlsaRecord& record : dane->records) {
      absl::StrAppend(&text, "t", record.usage, ".", record.selector, ".", record.matching_type,
                      ".", record.data.size(), ":", record.data, ";");
    }
    for (const std::string& name : dane->names) {
      absl::StrAppend(&text, "n", name.size(), ":", name, ";");
    }
  }
  if (!mta_sts_host.empty()) {
    absl::StrAppend(&text, "s", mta_sts_host.size(), ":", mta_sts_host, ";");
  }
  if (!client_certificate.empty()) {
    absl::StrAppend(&text, "c", client_certificate.size(), ":", client_certificate, ";");
  }
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), hash);
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<char*>(hash), 16));
}

}  // namespace sluice::tls
