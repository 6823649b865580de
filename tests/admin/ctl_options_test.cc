#include "tools/ctl_options.h"

#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/ctl_commands.h"

namespace sluice::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<Invocation> Parse(const std::vector<std::string>& words) {
  return ParseCommandLine(Commands(), words);
}

TEST(CtlOptionsTest, OptionsStandAnywhereAndInBothForms) {
  const auto parsed =
      Parse({"--json", "domains", "--level", "verify", "add", "*.example.com", "--note=a=b"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->command->name, "domains add");
  EXPECT_THAT(parsed->arguments, ElementsAre("*.example.com"));
  EXPECT_EQ(parsed->Get("level"), "verify");
  EXPECT_EQ(parsed->Get("note"), "a=b");
  EXPECT_TRUE(parsed->Has("json"));
  EXPECT_FALSE(parsed->Has("mode"));
}

TEST(CtlOptionsTest, HyphensAreUnderscoresAndTwoOfThemEndOptions) {
  const auto parsed = Parse({"domains", "import", "--dry-run", "--", "--odd-name.csv"});
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_TRUE(parsed->Has("dry_run"));
  EXPECT_THAT(parsed->arguments, ElementsAre("--odd-name.csv"));
}

TEST(CtlOptionsTest, WhatIsWrongIsSaidWithWhatWouldBeRight) {
  const auto message = [](const std::vector<std::string>& words) {
    const auto parsed = Parse(words);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(parsed.status().message());
  };
  EXPECT_THAT(message({"frobnicate"}), HasSubstr("sluicectl --help"));
  EXPECT_THAT(message({"queue"}), HasSubstr("list, summary, show, retry, hold, release, bounce, delete"));
  EXPECT_THAT(message({"queue", "lsit"}), HasSubstr("list, summary, show, retry, hold, release, bounce, delete"));
  EXPECT_THAT(message({"status", "--level=x"}), HasSubstr("sluicectl status --help"));
  EXPECT_THAT(message({"status", "--json=yes"}), HasSubstr("takes no value"));
  EXPECT_THAT(message({"queue", "list", "--limit"}), HasSubstr("--limit=N"));
  EXPECT_THAT(message({"queue", "list", "--limit=1", "--limit=2"}), HasSubstr("twice"));
  EXPECT_THAT(message({"domains", "show"}), HasSubstr("usage: sluicectl domains show PATTERN"));
  EXPECT_THAT(message({"status", "now"}), HasSubstr("too much"));
}

TEST(CtlOptionsTest, NoTwoCommandsDisagreeWhetherAnOptionHasAValue) {
  std::map<std::string, bool> has_value;
  for (const Option& option : GlobalOptions()) {
    has_value[std::string(option.name)] = !option.value.empty();
  }
  for (const Command& command : Commands()) {
    for (const Option& option : command.options) {
      const auto [known, is_new] =
          has_value.try_emplace(std::string(option.name), !option.value.empty());
      EXPECT_EQ(known->second, !option.value.empty()) << command.name << " --" << option.name;
    }
  }
}

TEST(CtlOptionsTest, EveryCommandHasHelpWithExamplesThatParse) {
  for (const Command& command : Commands()) {
    const std::string help = HelpFor(command);
    EXPECT_THAT(help, AllOf(HasSubstr("usage: sluicectl " + std::string(command.name)),
                            HasSubstr("Examples:\n  sluicectl ")));
    EXPECT_THAT(Overview(Commands()), HasSubstr(std::string(command.name)));
    for (const Option& option : command.options) {
      EXPECT_THAT(help, HasSubstr("--" + std::string(option.name)));
    }
    const auto asked =
        Parse({std::string(command.name.substr(0, command.name.find(' '))), "--help"});
    EXPECT_TRUE(asked.ok() && asked->help);
  }
}

}  // namespace
}  // namespace sluice::ctl
