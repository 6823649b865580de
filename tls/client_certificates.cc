#include "tls/client_certificates.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::tls {
namespace {

constexpr absl::string_view kFlag = "--client_certificate: ";

// An error of Credentials or of the signer names the flag that it is mostly about.
absl::Status OfCertificate(const absl::Status& status, absl::string_view name) {
  absl::string_view text = status.message();
  for (const absl::string_view flag : {"--tls_certificate: ", "--tls_private_key: "}) {
    if (absl::ConsumePrefix(&text, flag)) break;
  }
  return absl::Status(status.code(), absl::StrCat(kFlag, name, ": ", text));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ClientCertificates>> ClientCertificates::Load(
    absl::Span<const ClientCertificateFiles> files, Signer& signer, MonoTime deadline) {
  if (files.size() > kMost) {
    return absl::InvalidArgumentError(
        absl::StrCat(kFlag, files.size(), " certificates; at most ", kMost, " are accepted"));
  }
  std::shared_ptr<ClientCertificates> result(new ClientCertificates(signer));
  for (const ClientCertificateFiles& one : files) {
    absl::StatusOr<Credential> loaded = signer.Load({one.files}, deadline);
    if (!loaded.ok()) return OfCertificate(loaded.status(), one.name);
    if (!result->by_name_.emplace(one.name, *std::move(loaded)).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(kFlag, "two certificates are called ", one.name));
    }
  }
  return std::shared_ptr<const ClientCertificates>(std::move(result));
}

ClientCertificates::Credential ClientCertificates::Find(absl::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace sluice::tls
