#include "tls/signing_key.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tls/signing_peer.h"
#include "tests/tls/test_certificates.h"

namespace sluice::tls {
namespace {

using ::testing::HasSubstr;

std::string KeyOf(TestKey kind) {
  const TestAuthority authority("Test Root");
  return authority.Issue({.key = kind}).key_pem;
}

TEST(SigningKeyTest, SignsWithRsa) {
  const SigningPeer peer(KeyOf(TestKey::kRsa2048));
  const std::shared_ptr<const SigningKey> key = peer.Load();
  EXPECT_EQ(key->dkim_algorithm(), "rsa-sha256");
  const std::string signature = key->Sign("text");
  EXPECT_EQ(signature.size(), 256u);
  EXPECT_TRUE(peer.Verifies("text", signature));
  EXPECT_FALSE(peer.Verifies("texts", signature));
}

TEST(SigningKeyTest, SignsWithEd25519) {
  const SigningPeer peer;
  const std::shared_ptr<const SigningKey> key = peer.Load();
  EXPECT_EQ(key->dkim_algorithm(), "ed25519-sha256");
  const std::string signature = key->Sign("text");
  EXPECT_EQ(signature.size(), 64u);
  EXPECT_TRUE(peer.Verifies("text", signature));
  EXPECT_FALSE(peer.Verifies("texts", signature));
}

TEST(SigningKeyTest, KeysOfOtherKindsAreRefused) {
  for (const TestKey kind : {TestKey::kRsa1024, TestKey::kP256}) {
    const SigningPeer peer(KeyOf(kind));
    const absl::Status status = SigningKey::Load(peer.file()).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(status.message(), HasSubstr(peer.file()));
    EXPECT_THAT(status.message(), HasSubstr("neither an RSA key of 2048"));
  }
}

TEST(SigningKeyTest, WhatIsNoKeyIsRefused) {
  EXPECT_THAT(SigningKey::Load("/nowhere/key.pem").status().message(),
              HasSubstr("/nowhere/key.pem: cannot be read"));
  EXPECT_THAT(SigningKey::Load("/dev/null").status().message(), HasSubstr("no private key"));
}

}  // namespace
}  // namespace sluice::tls
