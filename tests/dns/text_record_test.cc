#include "engine/dns/text_record.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::dns {
namespace {

using ::testing::HasSubstr;

constexpr TextRecordKind kKind{.version = "v=X1", .title = "X"};

// "name|value name|value", or the error.
std::string Read(const std::vector<std::string>& texts) {
  const absl::StatusOr<TextRecord> record = FindTextRecord(texts, kKind);
  if (!record.ok()) return std::string(record.status().message());
  std::string read;
  for (const TextField& field : record->fields) {
    absl::StrAppend(&read, read.empty() ? "" : " ", field.name, "|", field.value);
  }
  return read;
}

TEST(TextRecordTest, FieldsAreReadInTheirOrder) {
  EXPECT_EQ(Read({"v=X1; a=1; b.c-d_e=2;"}), "a|1 b.c-d_e|2");
  EXPECT_EQ(Read({"v=X1 \t;\ta=1 ; a=1"}), "a|1 a|1");
  EXPECT_EQ(Read({"v=X1;a=b=c"}), "a|b=c") << "whether that is a value the caller says";
}

TEST(TextRecordTest, OtherRecordsArePassedOver) {
  const std::vector<std::string> texts = {"",          "v=spf1 -all", "v=X2; a=0",
                                          "V=X1; a=0", "v=X1 a=0",    "v=X1; a=1"};
  EXPECT_EQ(Read(texts), "a|1");
  const absl::StatusOr<TextRecord> none = FindTextRecord({"v=X10; a=0"}, kKind);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(none.status().message(), "there is no X record");
}

TEST(TextRecordTest, OfSeveralNoneIsTaken) {
  EXPECT_EQ(Read({"v=X1; a=1", "v=X1; a=1"}), "there are several X records, and only one may be");
}

TEST(TextRecordTest, WhatIsNoFieldIsAnError) {
  for (const char* text : {"v=X1;", "v=X1;;a=1", "v=X1; a", "v=X1; a=", "v=X1; =1", "v=X1; a b=1",
                           "v=X1; -a=1", "v=X1; a=1;;"}) {
    EXPECT_THAT(Read({text}), HasSubstr("has a part that is no name=value")) << text;
  }
  EXPECT_EQ(Read({"v=X1; " + std::string(32, 'a') + "=1"}), std::string(32, 'a') + "|1");
  EXPECT_THAT(Read({"v=X1; " + std::string(33, 'a') + "=1"}), HasSubstr("no name=value"));
}

TEST(TextRecordTest, ErrorsShowTheRecordAsFarAsItMakesSense) {
  EXPECT_EQ(Read({"v=X1; \x01"}), "the X record \"v=X1; \\x01\" has a part that is no name=value");
  EXPECT_LT(Read({"v=X1; " + std::string(5000, ' ') + "?"}).size(), 400u);
}

TEST(TextRecordTest, ValuesAreVisible) {
  EXPECT_TRUE(IsFieldValue("!<>~,:"));
  for (const char* text : {"", "a b", "a=b", "a;b", "a\x7f", "\xc3\xa4", "a\tb"}) {
    EXPECT_FALSE(IsFieldValue(text)) << text;
  }
}

}  // namespace
}  // namespace sluice::dns
