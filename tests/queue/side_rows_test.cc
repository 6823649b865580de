#include "queue/side_rows.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class SideRowsTest : public ::testing::Test {
 protected:
  absl::Status Write(std::vector<SideWrite> writes) {
    absl::Status answer = absl::UnknownError("no answer");
    world_.spool().WriteMtaSts(std::move(writes), [&](absl::Status status) { answer = status; });
    world_.store().RunAll();
    return answer;
  }

  SpoolWorld world_;
};

TEST_F(SideRowsTest, AreThereAfterARestart) {
  EXPECT_THAT(*world_.spool().ReadMtaSts(), IsEmpty());
  ASSERT_TRUE(Write({{"b.example", "2"}, {"a.example", std::string("\0x", 2)}, {"c", "3"}}).ok());
  ASSERT_TRUE(Write({{"c", std::nullopt}, {"b.example", "4"}}).ok());
  world_.Close();
  ASSERT_TRUE(world_.Open().ok());
  EXPECT_THAT(
      *world_.spool().ReadMtaSts(),
      ElementsAre(std::pair("a.example", std::string("\0x", 2)), std::pair("b.example", "4")));
  EXPECT_EQ(world_.CountRows()["mta_sts"], 2u);
}

TEST_F(SideRowsTest, AKeyHasABoundedLength) {
  EXPECT_TRUE(Write({{std::string(1024, 'k'), "1"}}).ok());
  for (const size_t bytes : {0u, 1025u}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Write({{"good", "1"}, {std::string(bytes, 'k'), "1"}})));
  }
  EXPECT_EQ(world_.spool().ReadMtaSts()->size(), 1u);  // all or none
}

}  // namespace
}  // namespace sluice::queue
