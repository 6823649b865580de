// Certificates held against TLSA records: each usage, selector and matching type, and what is no
// use.
#include "tls/dane.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/tls/session_fixture.h"
#include "tests/tls/test_certificates.h"

namespace sluice::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Certificates = std::vector<bssl::UniquePtr<X509>>;

constexpr uint8_t kTa = 2;
constexpr uint8_t kEe = 3;
constexpr uint8_t kCert = 0;
constexpr uint8_t kSpki = 1;
constexpr uint8_t kFull = 0;
constexpr uint8_t kSha256 = 1;
constexpr uint8_t kSha512 = 2;
constexpr char kHost[] = "mx.example.com";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Certificates Parse(const std::string& pem) {
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(pem.data(), static_cast<ossl_ssize_t>(pem.size())));
  Certificates certificates;
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(one);
  }
  ERR_clear_error();
  return certificates;
}

std::string Der(X509* certificate, uint8_t selector) {
  uint8_t* der = nullptr;
  const int size = selector == kCert ? i2d_X509(certificate, &der)
                                     : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  const std::string bytes(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return bytes;
}

// The record of a certificate, as an operator would publish it.
TlsaRecord RecordOf(X509* certificate, uint8_t usage, uint8_t selector, uint8_t matching_type) {
  std::string data = Der(certificate, selector);
  const auto* const bytes = reinterpret_cast<const uint8_t*>(data.data());
  uint8_t hash[SHA512_DIGEST_LENGTH];
  if (matching_type == kSha256) {
    data.assign(reinterpret_cast<char*>(SHA256(bytes, data.size(), hash)), SHA256_DIGEST_LENGTH);
  } else if (matching_type == kSha512) {
    data.assign(reinterpret_cast<char*>(SHA512(bytes, data.size(), hash)), SHA512_DIGEST_LENGTH);
  }
  return {usage, selector, matching_type, std::move(data)};
}

std::optional<Failure> Verify(const Certificates& sent, std::vector<TlsaRecord> records,
                              std::vector<std::string> names = {kHost}) {
  std::vector<X509*> chain;
  for (const auto& certificate : sent) chain.push_back(certificate.get());
  DaneDemand dane;
  dane.records = UsableTlsa(records);
  EXPECT_EQ(dane.records, records) << "a record that was to be used is not usable";
  dane.names = std::move(names);
  return VerifyDane(chain, dane, kNow);
}

std::optional<Reason> ReasonOf(const std::optional<Failure>& failed) {
  return failed.has_value() ? std::optional<Reason>(failed->reason) : std::nullopt;
}

class DaneTest : public testing::Test {
 protected:
  // leaf, and what the server sends along: the intermediate and the root.
  Certificates Chain(const TestCertificateOptions& options) const {
    return Parse(middle_.Issue(options).certificate_pem + root_.certificate_pem());
  }

  const TestAuthority root_{"Own Root"};
  const TestAuthority middle_{"Own Intermediate", root_};
  const Certificates chain_ = Chain({.dns_names = {kHost}});
  const Certificates other_ = Parse(SelfSigned({.dns_names = {kHost}}).certificate_pem);
};

TEST_F(DaneTest, EndEntityMatchesByEachSelectorAndType) {
  for (const uint8_t selector : {kCert, kSpki}) {
    for (const uint8_t type : {kFull, kSha256, kSha512}) {
      SCOPED_TRACE(testing::Message() << "3 " << int{selector} << " " << int{type});
      EXPECT_EQ(Verify(chain_, {RecordOf(chain_[0].get(), kEe, selector, type)}), std::nullopt);
      EXPECT_EQ(ReasonOf(Verify(chain_, {RecordOf(other_[0].get(), kEe, selector, type)})),
                Reason::kDaneMismatch);
      // Only the leaf is the end entity.
      EXPECT_EQ(ReasonOf(Verify(chain_, {RecordOf(chain_[1].get(), kEe, selector, type)})),
                Reason::kDaneMismatch);
    }
  }
}

TEST_F(DaneTest, EndEntityNeedsNoNameAndNoDate) {
  const Certificates expired =
      Parse(SelfSigned({.dns_names = {"other.example"}, .not_after = kNow - absl::Hours(1)})
                .certificate_pem);
  EXPECT_EQ(Verify(expired, {RecordOf(expired[0].get(), kEe, kSpki, kSha256)}), std::nullopt);
}

TEST_F(DaneTest, TrustAnchorIsAnyAuthorityOfTheChainThatWasSent) {
  for (const size_t anchor : {1u, 2u}) {
    for (const uint8_t selector : {kCert, kSpki}) {
      for (const uint8_t type : {kFull, kSha256, kSha512}) {
        SCOPED_TRACE(testing::Message()
                     << "2 " << int{selector} << " " << int{type} << " of " << anchor);
        EXPECT_EQ(Verify(chain_, {RecordOf(chain_[anchor].get(), kTa, selector, type)}),
                  std::nullopt);
      }
    }
  }
  // The leaf is no authority.
  EXPECT_EQ(ReasonOf(Verify(chain_, {RecordOf(chain_[0].get(), kTa, kCert, kSha256)})),
            Reason::kDaneMismatch);
  const TestAuthority stranger("Stranger");
  const Certificates foreign = Parse(stranger.certificate_pem());
  EXPECT_EQ(ReasonOf(Verify(chain_, {RecordOf(foreign[0].get(), kTa, kCert, kSha256)})),
            Reason::kDaneMismatch);
}

TEST_F(DaneTest, TrustAnchorThatTheRecordHoldsNeedNotBeSent) {
  const Certificates leaf_alone = Parse(root_.Issue({.dns_names = {kHost}}).certificate_pem);
  ASSERT_THAT(leaf_alone, SizeIs(1));
  const Certificates root = Parse(root_.certificate_pem());
  EXPECT_EQ(Verify(leaf_alone, {RecordOf(root[0].get(), kTa, kCert, kFull)}), std::nullopt);
  EXPECT_EQ(Verify(leaf_alone, {RecordOf(root[0].get(), kTa, kSpki, kFull)}), std::nullopt);
  // Of a digest there is nothing to build a chain to.
  EXPECT_EQ(ReasonOf(Verify(leaf_alone, {RecordOf(root[0].get(), kTa, kCert, kSha256)})),
            Reason::kDaneMismatch);
  // A key that signed nothing here.
  EXPECT_EQ(ReasonOf(Verify(leaf_alone, {RecordOf(other_[0].get(), kTa, kSpki, kFull)})),
            Reason::kDaneMismatch);
  // An authority that did not issue it.
  const TestAuthority stranger("Stranger");
  const Certificates foreign = Parse(stranger.certificate_pem());
  EXPECT_EQ(ReasonOf(Verify(leaf_alone, {RecordOf(foreign[0].get(), kTa, kCert, kFull)})),
            Reason::kUntrusted);
}

TEST_F(DaneTest, TrustAnchorThatIsSentHasToHaveIssuedTheLeaf) {
  // Anybody can send somebody else's authority along.
  Certificates forged =
      Parse(SelfSigned({.dns_names = {kHost}}).certificate_pem + root_.certificate_pem());
  EXPECT_EQ(ReasonOf(Verify(forged, {RecordOf(forged[1].get(), kTa, kCert, kSha256)})),
            Reason::kUntrusted);
  // One that bears the authority's name, and was not signed by it.
  const TestAuthority namesake("Own Root");
  forged = Parse(namesake.Issue({.dns_names = {kHost}}).certificate_pem + root_.certificate_pem());
  EXPECT_EQ(ReasonOf(Verify(forged, {RecordOf(forged[1].get(), kTa, kCert, kSha256)})),
            Reason::kUntrusted);
}

TEST_F(DaneTest, ALeafOfTheTrustAnchorIsNoAuthority) {
  // Whoever has a certificate of it for a name of his own signs another for somebody else's.
  const TestCertificate own = root_.Issue({.common_name = "own.example"});
  Certificates forged = Parse(SelfSigned({.dns_names = {kHost}}).certificate_pem +
                              own.certificate_pem + root_.certificate_pem());
  ASSERT_THAT(forged, SizeIs(3));
  const bssl::UniquePtr<BIO> bio(
      BIO_new_mem_buf(own.key_pem.data(), static_cast<ossl_ssize_t>(own.key_pem.size())));
  const bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  ASSERT_EQ(X509_set_issuer_name(forged[0].get(), X509_get_subject_name(forged[1].get())), 1);
  ASSERT_GT(X509_sign(forged[0].get(), key.get(), EVP_sha256()), 0);
  for (const uint8_t selector : {kCert, kSpki}) {
    for (const uint8_t type : {kFull, kSha256}) {
      SCOPED_TRACE(testing::Message() << "2 " << int{selector} << " " << int{type});
      EXPECT_EQ(ReasonOf(Verify(forged, {RecordOf(forged[2].get(), kTa, selector, type)})),
                Reason::kUntrusted);
    }
  }
}

TEST_F(DaneTest, TrustAnchorChecksNames) {
  const TlsaRecord record = RecordOf(chain_[1].get(), kTa, kSpki, kSha256);
  EXPECT_EQ(Verify(chain_, {record}, {"example.com", kHost}), std::nullopt);
  const auto failed = Verify(chain_, {record}, {"mx.example.net"});
  ASSERT_EQ(ReasonOf(failed), Reason::kNameMismatch);
  EXPECT_EQ(failed->detail, "certificate names: mx.example.com; wanted: mx.example.net");
  EXPECT_EQ(Verify(Chain({.dns_names = {"*.example.com"}}), {record}), std::nullopt);
}

TEST_F(DaneTest, TrustAnchorChecksDates) {
  const Certificates expired = Chain({.dns_names = {kHost}, .not_after = kNow - absl::Hours(1)});
  EXPECT_EQ(ReasonOf(Verify(expired, {RecordOf(expired[1].get(), kTa, kSpki, kSha256)})),
            Reason::kExpiredCertificate);
}

TEST_F(DaneTest, OneRecordThatMatchesIsEnough) {
  const TlsaRecord now = RecordOf(chain_[0].get(), kEe, kSpki, kSha256);
  const TlsaRecord next = RecordOf(other_[0].get(), kEe, kSpki, kSha256);
  EXPECT_EQ(Verify(chain_, {next, now}), std::nullopt);
  EXPECT_EQ(Verify(other_, {next, now}), std::nullopt) << "and after the rollover";
  const TlsaRecord authority = RecordOf(chain_[1].get(), kTa, kSpki, kSha256);
  EXPECT_EQ(Verify(chain_, {next, authority}), std::nullopt);
  EXPECT_EQ(Verify(other_, {next, authority}), std::nullopt);
  // The same authority twice over.
  EXPECT_EQ(Verify(chain_, {authority, RecordOf(chain_[1].get(), kTa, kCert, kFull)}),
            std::nullopt);
}

TEST_F(DaneTest, MismatchShowsWhatToPublish) {
  const TlsaRecord wrong = RecordOf(other_[0].get(), kEe, kSpki, kSha256);
  const auto failed = Verify(chain_, {wrong});
  ASSERT_TRUE(failed.has_value());
  const CertificateDetails details = DetailsOf(chain_[0].get());
  EXPECT_EQ(failed->detail, "certificate " + details.fingerprint_sha256 + ", key " +
                                details.key_fingerprint_sha256 + "; TLSA: " + TlsaText(wrong));
  EXPECT_THAT(Verify(chain_, std::vector<TlsaRecord>(9, wrong))->detail, HasSubstr(" and 5 more"));
}

TEST_F(DaneTest, WhatSmtpCannotUseIsLeftOut) {
  X509* const leaf = chain_[0].get();
  const std::string hash = RecordOf(leaf, kEe, kCert, kSha256).data;
  for (const TlsaRecord& record : {
           RecordOf(leaf, 0, kCert, kSha256),  // PKIX-TA
           RecordOf(leaf, 1, kSpki, kSha256),  // PKIX-EE
           RecordOf(leaf, 4, kSpki, kSha256),
           TlsaRecord{kEe, 2, kSha256, hash},
           TlsaRecord{kEe, kSpki, 3, hash},
           TlsaRecord{kEe, kSpki, kSha256, hash.substr(1)},
           TlsaRecord{kEe, kSpki, kSha512, hash},
           TlsaRecord{kEe, kSpki, kSha256, ""},
           TlsaRecord{kEe, kCert, kFull, ""},
           TlsaRecord{kTa, kCert, kFull, "no certificate"},
           TlsaRecord{kTa, kSpki, kFull, Der(leaf, kCert)},
           TlsaRecord{kTa, kCert, kFull, Der(leaf, kCert) + "x"},
           TlsaRecord{kTa, kSpki, kFull, Der(leaf, kSpki) + "x"},
       }) {
    EXPECT_THAT(UsableTlsa({record}), IsEmpty()) << TlsaText(record);
  }
}

TEST_F(DaneTest, TheStrongestDigestAloneCounts) {
  X509* const leaf = chain_[0].get();
  const TlsaRecord weak = RecordOf(leaf, kEe, kSpki, kSha256);
  const TlsaRecord strong = RecordOf(other_[0].get(), kEe, kSpki, kSha512);
  const TlsaRecord full = RecordOf(leaf, kEe, kSpki, kFull);
  const TlsaRecord of_certificate = RecordOf(leaf, kEe, kCert, kSha256);
  const TlsaRecord of_authority = RecordOf(chain_[1].get(), kTa, kSpki, kSha256);
  EXPECT_THAT(UsableTlsa({weak, strong}), ElementsAre(strong));
  // Of the same usage and selector, and not a record that is no digest.
  EXPECT_THAT(UsableTlsa({weak, full, strong, of_certificate, of_authority}),
              ElementsAre(full, strong, of_certificate, of_authority));
  // One that cannot be used takes nothing's place.
  EXPECT_THAT(UsableTlsa({weak, {kEe, kSpki, kSha512, "short"}}), ElementsAre(weak));
}

TEST(TlsaText, IsCutShort) {
  EXPECT_EQ(TlsaText({3, 1, 1, std::string(32, '\x0b')}), "3 1 1 0b0b0b0b0b0b0b0b...");
  EXPECT_EQ(TlsaText({3, 1, 1, "\x01\x02"}), "3 1 1 0102");
}

// Over real handshakes, with what else was demanded.
class DaneHandshakeTest : public SessionTest {
 protected:
  // nullopt: the client was content.
  std::optional<Failure> Shake(ServerContext& context, const PeerDemand& demand) {
    const auto client = NewClient(demand);
    const auto server = Session::NewServer(context);
    Wire wire(*client, *server);
    wire.Shake();
    if (wire.client_progress() != Progress::kDone) return client->failure();
    return std::nullopt;
  }
};

TEST_F(DaneHandshakeTest, BothTheRecordsAndTheOtherCheckHaveToHold) {
  const TestCertificate self_signed = SelfSigned({.dns_names = {kHost}});
  const Certificates parsed = Parse(self_signed.certificate_pem);
  const auto context = NewServerContext({self_signed});
  PeerDemand demand;
  demand.dane = DaneDemand{{RecordOf(parsed[0].get(), kEe, kSpki, kSha256)}, {kHost}};
  EXPECT_EQ(Shake(*context, demand), std::nullopt);
  demand.check = PeerCheck::kNames;
  demand.names = {kHost};
  EXPECT_EQ(ReasonOf(Shake(*context, demand)), Reason::kUntrusted);

  const auto trusted = NewServerContext({EcdsaCertificate()});
  EXPECT_EQ(ReasonOf(Shake(*trusted, demand)), Reason::kDaneMismatch);
  const Certificates ecdsa = Parse(EcdsaCertificate().certificate_pem);
  demand.dane->records = {RecordOf(ecdsa[0].get(), kEe, kSpki, kSha256)};
  EXPECT_EQ(Shake(*trusted, demand), std::nullopt);
}

}  // namespace
}  // namespace sluice::tls
