#include "policy/pattern.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Pattern Parsed(absl::string_view text) { return Pattern::Parse(text).value(); }

TEST(PatternTest, ParsesTheFourKinds) {
  EXPECT_EQ(Parsed("Example.com").kind(), Pattern::Kind::kExact);
  EXPECT_EQ(Parsed("*.Example.com").kind(), Pattern::Kind::kBelow);
  EXPECT_EQ(Parsed(".Example.com").kind(), Pattern::Kind::kSelfAndBelow);
  EXPECT_EQ(Parsed("*").kind(), Pattern::Kind::kAny);
  EXPECT_EQ(Parsed("*.Example.com.").domain(), "example.com");
}

TEST(PatternTest, CanonicalTextParsesToItself) {
  for (absl::string_view typed : {"EXAMPLE.com.", "*.Bücher.example", ".a.b.c", "*", "*.com"}) {
    const Pattern pattern = Parsed(typed);
    EXPECT_EQ(Parsed(pattern.text()), pattern) << typed;
  }
  EXPECT_EQ(Parsed("*.Bücher.example").text(), "*.xn--bcher-kva.example");
  EXPECT_EQ(Parsed("*.Bücher.example").ToUnicode(), "*.bücher.example");
}

TEST(PatternTest, RefusesEverythingElseAndSaysWhatIsAccepted) {
  for (absl::string_view typed : {"", ".", "*.", "**", "ex*mple.com", "*.*.x", "*.*", "a.*.com",
                                  "example.*", "*example.com", ".*.com"}) {
    const auto pattern = Pattern::Parse(typed);
    ASSERT_FALSE(pattern.ok()) << typed;
    EXPECT_THAT(pattern.status().message(), HasSubstr("'*.example.com' (every name below it)"))
        << typed;
  }
  EXPECT_THAT(Pattern::Parse("*..com").status().message(), HasSubstr("empty label"));
  EXPECT_THAT(Pattern::Parse("..com").status().message(), HasSubstr("empty label"));
}

TEST(PatternTest, MatchesAsDefined) {
  EXPECT_TRUE(Parsed("example.com").Matches("example.com"));
  EXPECT_FALSE(Parsed("example.com").Matches("a.example.com"));
  EXPECT_FALSE(Parsed("*.example.com").Matches("example.com"));
  EXPECT_TRUE(Parsed("*.example.com").Matches("a.example.com"));
  EXPECT_TRUE(Parsed("*.example.com").Matches("a.b.c.example.com"));
  EXPECT_FALSE(Parsed("*.example.com").Matches("badexample.com"));
  EXPECT_TRUE(Parsed(".example.com").Matches("example.com"));
  EXPECT_TRUE(Parsed(".example.com").Matches("a.b.example.com"));
  EXPECT_FALSE(Parsed(".example.com").Matches("badexample.com"));
  EXPECT_TRUE(Parsed("*").Matches("com"));
  EXPECT_FALSE(Parsed("*").Matches(""));
}

TEST(PatternTest, OrderIsByLabelsFromTheRight) {
  std::vector<Pattern> patterns;
  for (absl::string_view text : {"b.com", "*.com", "a-b.com", "x.a.com", "*", ".com", "a.com",
                                 "com", "*.a.com", "aa.com", "com.net"}) {
    patterns.push_back(Parsed(text));
  }
  std::sort(patterns.begin(), patterns.end());
  std::vector<std::string> texts;
  for (const Pattern& pattern : patterns) texts.push_back(pattern.text());
  EXPECT_THAT(texts, ElementsAre("*", "com", "*.com", ".com", "a.com", "*.a.com", "x.a.com",
                                 "a-b.com", "aa.com", "b.com", "com.net"));
}

TEST(PatternTest, OrderPrefixesStandInTheOrderOfThePatterns) {
  std::vector<Pattern> patterns;
  for (absl::string_view text :
       {"*", "com", "*.com", "a.com", "x.a.com", "a-b.com", "com-a", "com0", "net",
        "a-very-long-label-indeed.com", "b.a-very-long-label-indeed.com",
        "a-very-long-label-indeed-x.com", "a.b.c.d.e.f.g.h.i.j", "b.b.c.d.e.f.g.h.i.j",
        "abcdefghijklmnop", "x.abcdefghijklmnop", "abcdefghijklmno", "x.abcdefghijklmno"}) {
    patterns.push_back(Parsed(text));
  }
  for (const Pattern& a : patterns) {
    for (const Pattern& b : patterns) {
      if (a.order_prefix() < b.order_prefix()) EXPECT_LT(a, b) << a.text() << " " << b.text();
    }
  }
  EXPECT_LT(Parsed("a.com").order_prefix(), Parsed("b.com").order_prefix());
  EXPECT_LT(Parsed("com").order_prefix(), Parsed("a.com").order_prefix());
}

}  // namespace
}  // namespace sluice::policy
