// Against a server with a certificate for mta-sts.example.net.
#include "engine/sts/policy_host.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/sts/policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/https/test_server.h"
#include "tests/relay/fake_resolver.h"
#include "tests/smtp/client_fake_network.h"
#include "tests/smtp/client_tls_contexts.h"

namespace sluice::sts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PolicyHostTest : public ::testing::Test {
 protected:
  PolicyHostTest() {
    resolver_.SetAddresses("mta-sts.example.net", {"192.0.2.1"});
    resolver_.SetAddresses("mta-sts.other.example", {"192.0.2.1"});
  }

  // What the server is to say, of this type and length.
  void Serve(absl::string_view status, absl::string_view type, absl::string_view body) {
    server_.answer = absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Type: ", type,
                                  "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  }
  absl::StatusOr<std::string> Fetch(const std::string& domain = "example.net") {
    std::optional<absl::StatusOr<std::string>> file;
    core_.RunToEnd(FetchInto(domain, file));
    return *std::move(file);
  }

  smtp::FakeCore core_;
  smtp::TestTlsContexts contexts_{"mta-sts.example.net"};
  relay::FakeResolver resolver_;
  https::TestServer server_{core_, contexts_.server()};
  PolicyHost host_{core_, resolver_, contexts_.client()};

 private:
  io::Task<void> FetchInto(std::string domain, std::optional<absl::StatusOr<std::string>>& file) {
    file = co_await host_.Fetch(domain);
  }
};

TEST_F(PolicyHostTest, FetchesTheFile) {
  Serve("200 OK", "Text/Plain ; charset=utf-8", "version: STSv1\n");
  const auto file = Fetch();
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(*file, "version: STSv1\n");
  EXPECT_THAT(server_.heard(), ElementsAre(HasSubstr("GET /.well-known/mta-sts.txt HTTP/1.1\r\n"
                                                     "Host: mta-sts.example.net\r\n")));
}

TEST_F(PolicyHostTest, ACertificateOfAnotherNameWillNotDo) {
  EXPECT_TRUE(absl::IsUnauthenticated(Fetch("other.example").status()));
  EXPECT_THAT(server_.heard(), IsEmpty());
}

TEST_F(PolicyHostTest, NoRedirectIsFollowed) {
  server_.answer = "HTTP/1.1 302 Found\r\nLocation: https://mta-sts.example.net/x\r\n\r\n";
  const absl::Status status = Fetch().status();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("status 302"));
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(PolicyHostTest, ItHasToBePlainText) {
  for (const char* const type : {"text/html", "", "text/plainer", "application/text/plain"}) {
    Serve("200 OK", type, "version: STSv1\n");
    EXPECT_THAT(Fetch().status().message(), HasSubstr("not as text/plain")) << type;
  }
}

TEST_F(PolicyHostTest, AFileThatIsTooLongIsNotRead) {
  Serve("200 OK", "text/plain", std::string(kMostPolicyBytes, ' '));
  EXPECT_TRUE(Fetch().ok());
  Serve("200 OK", "text/plain", std::string(kMostPolicyBytes + 1, ' '));
  EXPECT_THAT(Fetch().status().message(), HasSubstr("more than 65536 bytes"));
}

TEST_F(PolicyHostTest, AHostThatIsSilentHasAMinute) {
  server_.silent = true;
  EXPECT_TRUE(absl::IsUnavailable(Fetch().status()));
  EXPECT_GE(core_.elapsed(), absl::Minutes(1));
  EXPECT_LE(core_.elapsed(), absl::Minutes(2));
}

TEST_F(PolicyHostTest, AfterAbortNothingIsFetched) {
  host_.Abort();
  EXPECT_TRUE(absl::IsUnavailable(Fetch().status()));
  EXPECT_EQ(server_.connections(), 0);
}

}  // namespace
}  // namespace sluice::sts
