#include "engine/dns/unbound_config.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(UnboundConfigTest, ReadsForwarders) {
  const auto config = ParseUnboundConfig("192.0.2.53,127.0.0.1@5353,2001:db8::53@54");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->forwarders,
              ElementsAre("192.0.2.53@53", "127.0.0.1@5353", "2001:db8::53@54"));
}

TEST(UnboundConfigTest, ReadsPaths) {
  EXPECT_EQ(ParseUnboundConfig("resolv:/dev/null")->resolv_path, "/dev/null");
  EXPECT_EQ(ParseUnboundConfig("unbound:/dev/null")->unbound_path, "/dev/null");
}

TEST(UnboundConfigTest, RefusesTheRestAndSaysWhatIsAccepted) {
  for (absl::string_view text :
       {"localhost", "127.0.0.1:53", "127.0.0.1@", "127.0.0.1@0", "127.0.0.1@65536",
        "127.0.0.1,,127.0.0.2", "/etc/resolv.conf", "unbound:", "127.0.0.1@53@54"}) {
    const absl::Status status = ParseUnboundConfig(text).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
    EXPECT_THAT(status.message(), HasSubstr("--dns_config: '")) << text;
    EXPECT_THAT(status.message(), HasSubstr("it takes resolv:PATH, unbound:PATH")) << text;
  }
}

TEST(UnboundConfigTest, NamesAFileThatCannotBeRead) {
  const absl::Status status = ParseUnboundConfig("unbound:/no/such/file").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_THAT(status.message(), HasSubstr("cannot read /no/such/file: No such file"));
}

}  // namespace
}  // namespace sluice::dns
