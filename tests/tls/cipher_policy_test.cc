#include "tls/cipher_policy.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tls/client_offer.h"

namespace sluice::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

constexpr char kRequired[] = "TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL";

// Those of `suites` that the BoringSSL at hand has: other versions have two more.
std::vector<std::string> AtHand(const std::vector<std::string>& suites) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  std::vector<std::string> at_hand;
  for (const std::string& suite : suites) {
    if (SSL_CTX_set_strict_cipher_list(context.get(), suite.c_str()) == 1) at_hand.push_back(suite);
  }
  ERR_clear_error();
  return at_hand;
}

std::vector<std::string> Expand(absl::string_view text) {
  const absl::StatusOr<CipherPolicy> policy = CipherPolicy::Parse(text);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return policy.ok() ? policy->suites() : std::vector<std::string>();
}

TEST(CipherPolicyTest, ExpandsTheRequiredString) {
  EXPECT_EQ(Expand(kRequired),
            AtHand({"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
                    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
                    "ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256", "AES256-GCM-SHA384",
                    "AES128-GCM-SHA256", "AES256-SHA", "AES128-SHA"}));
  EXPECT_GE(Expand(kRequired).size(), 8u);
}

TEST(CipherPolicyTest, JoinsStrikesAndNames) {
  EXPECT_THAT(Expand("kRSA+AESGCM"), ElementsAre("AES256-GCM-SHA384", "AES128-GCM-SHA256"));
  EXPECT_THAT(Expand("kRSA:!AES128"), ElementsAre("AES256-GCM-SHA384", "AES256-SHA"));
  EXPECT_THAT(Expand("ECDHE+aECDSA+AESGCM"),
              ElementsAre("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_THAT(Expand("AES128-SHA:ECDHE-RSA-AES128-GCM-SHA256"),
              ElementsAre("ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"));
  // Struck out for good, wherever it stands.
  EXPECT_THAT(Expand("!SHA1:kRSA:AES128-SHA"),
              ElementsAre("AES256-GCM-SHA384", "AES128-GCM-SHA256"));
  EXPECT_THAT(Expand("kRSA+SHA1:!AES256-SHA"), ElementsAre("AES128-SHA"));
}

TEST(CipherPolicyTest, RefusesWhatItDoesNotKnow) {
  for (const char* const text :
       {"", ":", "kRSA:", "HIGH", "CHACHA20", "kRSA+MD5", "@STRENGTH", "-kRSA", "+kRSA",
        "kRSA FIPS", "krsa", "ECDHE-RSA-CHACHA20-POLY1305", "DES-CBC3-SHA"}) {
    const absl::Status status = CipherPolicy::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("an item is FIPS")) << text;
  }
}

TEST(CipherPolicyTest, RefusesToLeaveNothing) {
  for (const char* const text : {"eNULL", "kRSA:!aRSA", "kECDHE+kRSA", "!kRSA"}) {
    EXPECT_THAT(std::string(CipherPolicy::Parse(text).status().message()),
                HasSubstr("leaves no cipher suite"))
        << text;
  }
}

TEST(CipherPolicyTest, ApprovesItsSuitesAndThoseOfTls13) {
  const CipherPolicy policy = *CipherPolicy::Parse("kECDHE+AESGCM");
  EXPECT_TRUE(policy.Approves("ECDHE-RSA-AES128-GCM-SHA256"));
  EXPECT_TRUE(policy.Approves("TLS_AES_128_GCM_SHA256"));
  EXPECT_TRUE(policy.Approves("TLS_AES_256_GCM_SHA384"));
  EXPECT_FALSE(policy.Approves("TLS_CHACHA20_POLY1305_SHA256"));
  EXPECT_FALSE(policy.Approves("AES128-SHA"));
  EXPECT_FALSE(policy.Approves(""));
}

TEST(CipherPolicyTest, PutsItselfInForce) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  const CipherPolicy policy = *CipherPolicy::Parse("kRSA+SHA1");
  ASSERT_TRUE(policy.Apply(context.get()).ok());
  const absl::StatusOr<ClientOffer> offer = OfferOf(context.get());
  ASSERT_TRUE(offer.ok());
  EXPECT_THAT(offer->suites, UnorderedElementsAre(0x1301, 0x1302, 0x0035, 0x002f));
  EXPECT_THAT(offer->groups, ElementsAre(SSL_CURVE_SECP256R1, SSL_CURVE_SECP384R1));
  EXPECT_THAT(offer->versions, UnorderedElementsAre(TLS1_2_VERSION, TLS1_3_VERSION));
}

// The startup check: whatever is not as it should be is found.
TEST(CipherPolicyTest, FindsWhatDiffers) {
  const CipherPolicy policy = *CipherPolicy::Parse(kRequired);
  const auto check_after = [&policy](auto spoil) {
    const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
    EXPECT_TRUE(policy.Apply(context.get()).ok());
    spoil(context.get());
    const absl::Status status = policy.Check(context.get());
    EXPECT_TRUE(status.ok() || absl::IsInternal(status));
    return std::string(status.message());
  };
  EXPECT_EQ(check_after([](SSL_CTX*) {}), "");
  // What the lenient setter would have made of the string.
  EXPECT_THAT(check_after([](SSL_CTX* context) { SSL_CTX_set_cipher_list(context, kRequired); }),
              HasSubstr("cipher suites in effect are AES128-GCM-SHA256"));
  EXPECT_THAT(
      check_after([](SSL_CTX* context) { SSL_CTX_set_strict_cipher_list(context, "AES128-SHA"); }),
      HasSubstr("cipher suites in effect are AES128-SHA and not ECDHE"));
  EXPECT_THAT(
      check_after([](SSL_CTX* context) { SSL_CTX_set_min_proto_version(context, TLS1_1_VERSION); }),
      HasSubstr("TLS versions in effect are 0x0302, 0x0303, 0x0304"));
  EXPECT_THAT(check_after([](SSL_CTX* context) {
                const int groups[] = {NID_X25519, NID_X9_62_prime256v1};
                SSL_CTX_set1_curves(context, groups, 2);
              }),
              HasSubstr("groups in effect are 0x0017, 0x001d and not 0x0017, 0x0018"));
}

TEST(CipherPolicyTest, FindsChaCha20InTls13) {
  const bssl::UniquePtr<SSL_CTX> context(SSL_CTX_new(TLS_method()));
  const CipherPolicy policy = *CipherPolicy::Parse("AES128-SHA");
  ASSERT_EQ(SSL_CTX_set_strict_cipher_list(context.get(), "AES128-SHA"), 1);
  EXPECT_THAT(std::string(policy.Check(context.get()).message()), HasSubstr("0x1303"));
}

TEST(CipherPolicyTest, DescribesItself) {
  const std::string table = CipherPolicy::Parse(kRequired)->Describe();
  EXPECT_THAT(table, HasSubstr(kRequired));
  EXPECT_THAT(table, HasSubstr("TLS_AES_256_GCM_SHA384          TLSv1.3  ECDHE        any"));
  EXPECT_THAT(table,
              HasSubstr("ECDHE-ECDSA-AES256-GCM-SHA384   TLSv1.2  ECDHE        ECDSA          "
                        "AES-256-GCM\n"));
  EXPECT_THAT(table,
              HasSubstr("AES128-SHA                      TLSv1.2  RSA          RSA            "
                        "AES-128-CBC, SHA1\n"));
  EXPECT_THAT(table, HasSubstr("P-256, P-384"));
  EXPECT_THAT(table, Not(HasSubstr("CHACHA")));
}

}  // namespace
}  // namespace sluice::tls
