// The e2e test has a verifier of another's; here canonical texts are written out by hand.
#include "engine/tlsrpt/dkim.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tls/signing_peer.h"

namespace sluice::tlsrpt {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class DkimTest : public ::testing::Test {
 protected:
  std::string Sign(const HeaderFields& headers, const std::string& body) {
    const DkimSigner signer = {"football.example.com", "brisbane", peer_.Load()};
    return DkimSignature(signer, headers, body, absl::FromUnixSeconds(1'528'637'909));
  }
  // On one line, as the relaxed form has it but for the case of its name.
  static std::string Unfolded(const std::string& field) {
    return absl::StrReplaceAll(field, {{"\r\n\t ", " "}, {"\r\n\t", " "}, {"\r\n", ""}});
  }

  tls::SigningPeer peer_;
};

// The body and its hash are of RFC 6376, Appendix A.2, and of RFC 8463.
TEST_F(DkimTest, HashesTheBodyOfTheRfc) {
  const std::string body = "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n";
  EXPECT_THAT(Sign({{"From", "a@football.example.com"}}, body),
              HasSubstr("\r\n\tbh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"));
}

TEST_F(DkimTest, SpaceAndEmptyLinesAtTheEndOfABodyDoNotCount) {
  const std::string plain = Sign({{"From", "a"}}, "a b\r\nc\r\n");
  EXPECT_EQ(Sign({{"From", "a"}}, "a \t b \r\nc\t\r\n\r\n \r\n"), plain);
  EXPECT_NE(Sign({{"From", "a"}}, "a b\r\n\r\nc\r\n"), plain);
  EXPECT_NE(Sign({{"From", "a"}}, "ab\r\nc\r\n"), plain);
  // RFC 6376 §3.4.4: of an empty body nothing is hashed.
  EXPECT_THAT(Sign({{"From", "a"}}, ""),
              HasSubstr("bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"));
  EXPECT_EQ(Sign({{"From", "a"}}, "\r\n\r\n"), Sign({{"From", "a"}}, ""));
}

TEST_F(DkimTest, SignsItsHeadersAndItself) {
  const std::string field = Sign(
      {{"From", "<joe@football.example.com>"}, {"Subject", "Is  dinner\r\n ready? "}}, "x\r\n");
  EXPECT_THAT(field, StartsWith("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n\t"
                                "d=football.example.com; s=brisbane; t=1528637909;\r\n\t"
                                "h=from:\r\n\t subject;\r\n\tbh="));
  EXPECT_THAT(field, EndsWith("\r\n"));
  for (const absl::string_view line : absl::StrSplit(field, "\r\n")) EXPECT_LT(line.size(), 79u);

  const std::string whole = Unfolded(field);
  const size_t at = whole.rfind(" b=") + 3;
  std::string signature;
  ASSERT_TRUE(absl::Base64Unescape(whole.substr(at), &signature));
  const std::string canonical = absl::StrCat(
      "from:<joe@football.example.com>\r\nsubject:Is dinner ready?\r\n",
      absl::StrReplaceAll(whole.substr(0, at), {{"DKIM-Signature: ", "dkim-signature:"}}));
  EXPECT_TRUE(peer_.Verifies(canonical, signature)) << canonical;
  EXPECT_FALSE(peer_.Verifies(canonical + " ", signature));
}

}  // namespace
}  // namespace sluice::tlsrpt
