#include "engine/admin/tokens.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TokensTest : public ::testing::Test {
 protected:
  std::unique_ptr<TokenStore> Open() const {
    absl::StatusOr<std::unique_ptr<TokenStore>> store = TokenStore::Open(path(), clock_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  std::string path() const { return directory_.Path("tokens"); }
  std::string Content() const {
    std::ifstream file(path());
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const TemporaryDirectory directory_;
  ManualClock clock_;
};

TEST_F(TokensTest, OneThatWasMadeIsFoundAlsoAfterARestart) {
  std::string secret;
  {
    const auto store = Open();
    const auto made = store->Add({.name = "backup", .role = Role::kWrite, .by = "root"});
    ASSERT_TRUE(made.ok()) << made.status();
    secret = *made;
  }
  EXPECT_THAT(secret, StartsWith("sluice_"));
  EXPECT_EQ(secret.size(), 7u + 43u);  // 256 bits in base64
  const auto found = Open()->Find(secret);
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->name, "backup");
  EXPECT_EQ(found->role, Role::kWrite);
  EXPECT_EQ(found->created_by, "root");
  EXPECT_EQ(found->created_at, clock_.WallNow());
  EXPECT_EQ(found->expires_at, std::nullopt);
}

TEST_F(TokensTest, NoTwoAreAlikeAndNoneStandsInTheFile) {
  const auto store = Open();
  std::set<std::string> secrets;
  for (int i = 0; i < 20; ++i) secrets.insert(*store->Add({.name = absl::StrCat("t", i)}));
  EXPECT_EQ(secrets.size(), 20u);
  const std::string content = Content();
  for (const std::string& secret : secrets) {
    EXPECT_THAT(content, Not(HasSubstr(secret)));
    EXPECT_THAT(content, Not(HasSubstr(secret.substr(7))));
  }
  struct stat info = {};
  ASSERT_EQ(stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(TokensTest, NothingElseIsFound) {
  const auto store = Open();
  const std::string secret = *store->Add({.name = "a"});
  for (const std::string& other :
       {std::string(), std::string("a"), secret.substr(1), secret.substr(0, secret.size() - 1),
        secret + "A", std::string("sluice_") + std::string(43, 'A'), store->List()[0].sha256}) {
    EXPECT_EQ(store->Find(other).status().code(), absl::StatusCode::kNotFound) << other;
  }
}

TEST_F(TokensTest, OneThatWasRemovedOpensNothing) {
  const auto store = Open();
  const std::string first = *store->Add({.name = "first"});
  const std::string second = *store->Add({.name = "second"});
  EXPECT_TRUE(store->Remove("first").ok());
  EXPECT_FALSE(store->Find(first).ok());
  EXPECT_TRUE(store->Find(second).ok());
  EXPECT_FALSE(Open()->Find(first).ok());
  EXPECT_EQ(store->Remove("first").code(), absl::StatusCode::kNotFound);
}

TEST_F(TokensTest, OneExpiresAtItsTime) {
  const auto store = Open();
  const std::string secret =
      *store->Add({.name = "brief", .expires_at = clock_.WallNow() + absl::Hours(1)});
  clock_.Advance(absl::Hours(1) - absl::Seconds(1));
  EXPECT_TRUE(store->Find(secret).ok());
  clock_.Advance(absl::Seconds(1));
  for (const auto& each : {store->Find(secret), Open()->Find(secret)}) {
    EXPECT_EQ(each.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(each.status().message(), HasSubstr("brief expired"));
  }
  EXPECT_EQ(store->Add({.name = "past", .expires_at = clock_.WallNow()}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(TokensTest, NamesAreCheckedAndThereIsABound) {
  const auto store = Open();
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a/b"), std::string("a\nb"),
        std::string("\xc3\xa9"), std::string(65, 'a')}) {
    EXPECT_EQ(store->Add({.name = bad}).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_TRUE(store->Add({.name = std::string(64, 'a')}).ok());
  EXPECT_EQ(store->Add({.name = std::string(64, 'a')}).status().code(),
            absl::StatusCode::kAlreadyExists);
  for (size_t i = 1; i < kMaxTokens; ++i) {
    ASSERT_TRUE(store->Add({.name = absl::StrCat("n", i)}).ok());
  }
  EXPECT_EQ(store->Add({.name = "more"}).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Open()->List().size(), kMaxTokens);
}

TEST_F(TokensTest, AFileThatIsDamagedIsNoEmptyOne) {
  ASSERT_TRUE(Open()->Add({.name = "a", .expires_at = clock_.WallNow() + absl::Hours(1)}).ok());
  const std::string whole = Content();
  std::string odd_expiry = whole;
  odd_expiry.replace(odd_expiry.find("expires_at\": \"") + 14, 4, "soon");
  for (const std::string& damaged :
       {std::string(), whole.substr(0, whole.size() / 2), std::string("[]"),
        std::string(R"({"version": 2, "tokens": []})"),
        std::string(R"({"version": 1, "tokens": [{"name": "a"}]})"), odd_expiry}) {
    std::ofstream(path()) << damaged;
    const auto store = TokenStore::Open(path(), clock_);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << damaged;
    EXPECT_THAT(store.status().message(), AllOf(HasSubstr("--admin_tokens"), HasSubstr(path())));
  }
}

TEST_F(TokensTest, WhatCannotBeWrittenChangesNothing) {
  const auto store = TokenStore::Open(directory_.Path("no/tokens"), clock_);
  ASSERT_TRUE(store.ok()) << store.status();
  const auto made = (*store)->Add({.name = "a"});
  EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(made.status().message(), HasSubstr("no/tokens"));
  EXPECT_TRUE((*store)->List().empty());
}

}  // namespace
}  // namespace sluice::admin
