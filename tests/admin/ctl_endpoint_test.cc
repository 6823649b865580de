#include "tools/ctl_endpoint.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/admin/server_fixture.h"

namespace sluice::ctl {
namespace {

using ::testing::HasSubstr;

class CtlEndpointTest : public ::testing::Test {
 protected:
  std::string File(const std::string& content) const {
    const std::string path = directory_.Path("token");
    std::ofstream(path) << content;
    return path;
  }
  // Of "name=value" each.
  static absl::StatusOr<Endpoint> Of(const std::vector<std::string>& options) {
    Invocation invocation;
    for (const std::string& option : options) {
      const size_t equals = option.find('=');
      invocation.Set(option.substr(0, equals), option.substr(equals + 1));
    }
    return EndpointOf(invocation);
  }
  static std::string FaultOf(const std::vector<std::string>& options) {
    const absl::StatusOr<Endpoint> endpoint = Of(options);
    EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(endpoint.status().message());
  }

  const admin::TemporaryDirectory directory_;
};

TEST_F(CtlEndpointTest, IsASocketOrAUrlWithAToken) {
  EXPECT_EQ(Of({"control_socket=x.sock"})->socket_path, "x.sock");
  const auto endpoint = Of({"url=https://gateway.example:8025/",
                            "token_file=" + File("sluice_abc\nnot this\n"), "ca_file=ca.pem"});
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->url, "https://gateway.example:8025");
  EXPECT_EQ(endpoint->token, "sluice_abc");
  EXPECT_EQ(endpoint->ca_file, "ca.pem");
}

TEST_F(CtlEndpointTest, InClearOnlyToThisMachine) {
  const std::string token = "token_file=" + File("sluice_abc");
  for (const char* const own : {"http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1",
                                "http://127.0.0.9", "http://[::1]"}) {
    EXPECT_TRUE(Of({std::string("url=") + own, token}).ok()) << own;
  }
  for (const char* const other : {"http://gateway.example:1", "http://127.evil.example:1",
                                  "http://[2001:db8::1]:1", "http://localhost.example"}) {
    EXPECT_THAT(FaultOf({std::string("url=") + other, token}), HasSubstr("in clear")) << other;
  }
  for (const char* const odd :
       {"gateway.example", "ftp://x", "https://", "https://a@b", "https://x/v1", "https://x?y"}) {
    EXPECT_THAT(FaultOf({std::string("url=") + odd, token}), HasSubstr("https://host:port")) << odd;
  }
}

TEST_F(CtlEndpointTest, SaysWhatIsMissing) {
  EXPECT_THAT(FaultOf({"url=https://x"}), HasSubstr("--token_file"));
  EXPECT_THAT(FaultOf({"token_file=x"}), HasSubstr("--url"));
  EXPECT_THAT(FaultOf({"ca_file=x"}), HasSubstr("--url"));
  EXPECT_THAT(FaultOf({"url=https://x", "token_file=x", "control_socket=y"}), HasSubstr("both"));
  for (const std::string& content :
       {std::string(), std::string("\nsluice_abc"), std::string("two words"),
        std::string("a\x01"
                    "b")}) {
    EXPECT_THAT(FaultOf({"url=https://x", "token_file=" + File(content)}),
                HasSubstr("sluicectl token add"));
  }
}

}  // namespace
}  // namespace sluice::ctl
