#include "engine/admin/doorman.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::admin {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

io::SocketAddress At(absl::string_view text) { return *io::SocketAddress::Parse(text); }

class DoormanTest : public ::testing::Test {
 protected:
  DoormanTest()
      : tokens_(*TokenStore::Open(directory_.Path("tokens"), clock_)),
        reader_(absl::StrCat("Bearer ", *tokens_->Add({.name = "r", .role = Role::kRead}))),
        writer_(absl::StrCat("Bearer ", *tokens_->Add({.name = "w", .role = Role::kWrite}))) {}

  TcpDoorman Of(absl::string_view listening, bool tls = false) {
    return {{.listening = At(listening), .tls = tls, .hostname = "gateway.test"},
            *tokens_,
            failures_,
            clock_};
  }
  // What `doorman` answers; 0: come in.
  static int StatusOf(const TcpDoorman& doorman, const Visit& visit, Access access) {
    const Admission admission = doorman.Admit(visit, access);
    return admission.refusal ? admission.refusal->status : 0;
  }
  int StatusOfHost(absl::string_view listening, absl::string_view host) {
    return StatusOf(Of(listening), {.host = host}, Access::kPublic);
  }

  const TemporaryDirectory directory_;
  ManualClock clock_;
  const std::unique_ptr<TokenStore> tokens_;
  FailureTable failures_;
  const std::string reader_;
  const std::string writer_;
};

TEST_F(DoormanTest, OnLoopbackAddressesOnlyOwnNamesAreTaken) {
  for (const char* const own : {"127.0.0.1:8025", "127.0.0.1", "localhost:9999", "LocalHost",
                                "localhost.:1", "gateway.test:8025", "Gateway.Test"}) {
    EXPECT_EQ(StatusOfHost("127.0.0.1:8025", own), 0) << own;
  }
  for (const char* const other :
       {"", ":8025", "evil.example", "evil.example:8025", "127.0.0.2:8025",
        "localhost.evil.example", "[::1]:8025", "127.0.0.1.evil.example",
        "gateway.test.evil.example", "[localhost"}) {
    EXPECT_EQ(StatusOfHost("127.0.0.1:8025", other), 421) << other;
  }
  EXPECT_EQ(StatusOfHost("[::1]:8025", "[::1]:8025"), 0);
  EXPECT_EQ(StatusOfHost("[::1]:8025", "127.0.0.1:8025"), 421);
  // Elsewhere the certificate has the names.
  EXPECT_EQ(StatusOfHost("192.0.2.1:8025", "admin.example"), 0);
}

TEST_F(DoormanTest, OnlyOwnPagesMayAsk) {
  const auto status = [this](bool tls, absl::string_view origin) {
    return StatusOf(Of("127.0.0.1:80", tls), {.host = "localhost:8025", .origin = origin},
                    Access::kPublic);
  };
  EXPECT_EQ(status(false, "http://localhost:8025"), 0);
  EXPECT_EQ(status(false, "https://localhost:8025"), 0);  // a proxy speaks TLS
  EXPECT_EQ(status(true, "https://localhost:8025"), 0);
  for (const char* const other :
       {"null", "http://localhost", "http://evil.example", "http://localhost:8025.evil.example",
        "localhost:8025", "file://localhost:8025"}) {
    EXPECT_EQ(status(false, other), 403) << other;
  }
  EXPECT_EQ(status(true, "http://localhost:8025"), 403);
}

TEST_F(DoormanTest, RolesOpenWhatTheyAreFor) {
  const TcpDoorman doorman = Of("192.0.2.1:443", true);
  const auto status = [&](const std::string& authorization, Access access) {
    return StatusOf(doorman, {.host = "x", .authorization = authorization}, access);
  };
  EXPECT_EQ(status("", Access::kPublic), 0);
  EXPECT_EQ(status("", Access::kRead), 401);
  EXPECT_EQ(status(reader_, Access::kRead), 0);
  EXPECT_EQ(status(reader_, Access::kWrite), 403);
  EXPECT_EQ(status(writer_, Access::kRead), 0);
  EXPECT_EQ(status(writer_, Access::kWrite), 0);
  EXPECT_EQ(status(writer_, Access::kLocal), 403);
  EXPECT_EQ(status(reader_, Access::kLocal), 403);
  EXPECT_EQ(doorman.Admit({.host = "x", .authorization = writer_}, Access::kWrite).by, "token w");
}

TEST_F(DoormanTest, WhatIsNoGoodTokenIsToldSo) {
  const TcpDoorman doorman = Of("192.0.2.1:443", true);
  const std::string secret = writer_.substr(7);
  for (const std::string& bad :
       std::vector<std::string>{"Bearer x", "Bearer", "Basic dXNlcjpwYXNz", "Bearer sluice_",
                                "Basic " + secret, secret}) {
    const Admission admission = doorman.Admit({.host = "x", .authorization = bad}, Access::kRead);
    ASSERT_TRUE(admission.refusal.has_value()) << bad;
    EXPECT_EQ(admission.refusal->status, 401);
    EXPECT_THAT(admission.refusal->headers,
                Contains(Pair("WWW-Authenticate", HasSubstr("Bearer realm="))));
  }
  EXPECT_TRUE(tokens_->Remove("w").ok());
  EXPECT_EQ(StatusOf(doorman, {.host = "x", .authorization = writer_}, Access::kRead), 401);
}

TEST_F(DoormanTest, ManyWrongTokensAreAnsweredLateAndAGoodOneNever) {
  const TcpDoorman doorman = Of("192.0.2.1:443", true);
  const Visit wrong = {
      .client = At("198.51.100.1:1"), .host = "x", .authorization = "Bearer wrong"};
  for (int i = 0; i < FailureTable::kBurst; ++i) {
    EXPECT_FALSE(doorman.Admit(wrong, Access::kRead).late) << i;
  }
  EXPECT_TRUE(doorman.Admit(wrong, Access::kRead).late);
  const Admission good =
      doorman.Admit({.client = wrong.client, .host = "x", .authorization = reader_}, Access::kRead);
  EXPECT_FALSE(good.refusal.has_value() || good.late);
  Visit elsewhere = wrong;
  elsewhere.client = At("198.51.100.2:1");
  EXPECT_FALSE(doorman.Admit(elsewhere, Access::kRead).late);
  clock_.Advance(FailureTable::kRecovery);
  EXPECT_FALSE(doorman.Admit(wrong, Access::kRead).late);
  EXPECT_TRUE(doorman.Admit(wrong, Access::kRead).late);
}

}  // namespace
}  // namespace sluice::admin
