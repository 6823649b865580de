#include "tests/sim/faces.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "engine/base/check.h"
#include "tests/tls/weak_server.h"

namespace sluice::sim {

absl::string_view ProofName(Proof proof) {
  static constexpr absl::string_view kNames[kProofs] = {"good", "expired", "wrong name",
                                                        "untrusted"};
  return kNames[static_cast<size_t>(proof)];
}

absl::string_view OfferName(Offer offer) {
  static constexpr absl::string_view kNames[kOffers] = {"modern", "TLS 1.2", "weakest approved",
                                                        "unapproved"};
  return kNames[static_cast<size_t>(offer)];
}

Workshop::Workshop(std::string with_directory, const Clock& with_clock, io::Executor& executor)
    : directory(std::move(with_directory)),
      clock(with_clock),
      ciphers(*tls::CipherPolicy::Parse("TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL")),
      signer(executor) {}

Faces::Faces(Workshop& workshop, const std::string& name, std::vector<std::string> names,
             tls::TestKey key)
    : workshop_(workshop), names_(std::move(names)), rsa_(key == tls::TestKey::kRsa2048) {
  for (size_t i = 0; i < kProofs; ++i) {
    const auto proof = static_cast<Proof>(i);
    tls::TestCertificateOptions options;
    options.common_name = name;
    options.dns_names = names_;
    options.key = key;
    if (proof == Proof::kExpired) options.not_after = absl::FromUnixSeconds(1'650'000'000);
    if (proof == Proof::kWrongName) options.dns_names = {"elsewhere.example"};
    const tls::TestAuthority& authority =
        proof == Proof::kUntrusted ? workshop_.stranger : workshop_.root;
    const tls::CredentialFiles files = tls::WriteTestCredentials(
        workshop_.directory, absl::StrCat(name, ".", i), authority.Issue(options));
    absl::StatusOr<std::shared_ptr<const tls::Credentials>> loaded =
        tls::Credentials::Load({files});
    SLUICE_CHECK(loaded.ok());
    credentials_[i] = *std::move(loaded);
  }
  fingerprint_ =
      credentials_[static_cast<size_t>(Proof::kGood)]->served().front().details.fingerprint_sha256;
}

std::string Faces::SuitesOf(Offer offer) const {
  if (offer == Offer::kUnapproved) return rsa_ ? "ECDHE-RSA-AES128-SHA" : "ECDHE-ECDSA-AES128-SHA";
  if (offer != Offer::kWeakest) return "";
  const std::vector<std::string>& approved = workshop_.ciphers.suites();  // strongest first
  const auto ours = std::find_if(approved.rbegin(), approved.rend(), [this](const auto& suite) {
    return absl::StrContains(suite, "ECDSA") != rsa_;
  });
  SLUICE_CHECK(ours != approved.rend());
  return *ours;
}

tls::ServerContext& Faces::Show(Proof proof, Offer offer) {
  std::unique_ptr<Face>& face = faces_[static_cast<size_t>(proof)][static_cast<size_t>(offer)];
  if (face == nullptr) {
    face = std::make_unique<Face>(workshop_.clock);
    face->context =
        *tls::ServerContext::Create(workshop_.ciphers, credentials_[static_cast<size_t>(proof)],
                                    face->tickets, workshop_.signer);
    if (offer != Offer::kModern) tls::WeakServer::Weaken(*face->context, SuitesOf(offer));
  }
  return *face->context;
}

}  // namespace sluice::sim
