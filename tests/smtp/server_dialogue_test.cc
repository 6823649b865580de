// The dialogues of dialogues/, each held to the letter, however the client's octets arrive.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/smtp/dialogue.h"
#include "tests/smtp/server_scene.h"

namespace sluice::smtp {
namespace {

class DialogueTest : public testing::TestWithParam<std::string> {
 protected:
  // One pair of certificates for all of them.
  static TestTlsContexts& Contexts() {
    static TestTlsContexts* const contexts = new TestTlsContexts();
    return *contexts;
  }
};

TEST_P(DialogueTest, Holds) {
  const absl::StatusOr<Dialogue> dialogue = ReadDialogue(GetParam());
  ASSERT_TRUE(dialogue.ok()) << dialogue.status();
  ASSERT_FALSE(dialogue->steps.empty());
  using Cut = ServerScene::Cut;
  for (const Cut cut : {Cut::kWhole, Cut::kOctets, Cut::kRandom, Cut::kSegments}) {
    SCOPED_TRACE(cut == Cut::kWhole    ? "sent whole"
                 : cut == Cut::kOctets ? "sent octet by octet"
                 : cut == Cut::kRandom ? "sent in random pieces"
                                       : "received in small segments");
    ServerScene scene(Contexts());
    for (const std::string& setting : dialogue->settings) {
      ASSERT_TRUE(scene.Apply(setting)) << GetParam() << ": no such setting: " << setting;
    }
    scene.Play(*dialogue, cut);
    EXPECT_EQ(scene.budget().used(), 0u);
    if (scene.whole_only()) break;
  }
}

std::string NameOf(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(info.param.rfind('/') + 1);
  name.resize(name.size() - 4);  // ".txt"
  return name;
}

INSTANTIATE_TEST_SUITE_P(Golden, DialogueTest, testing::ValuesIn(DialogueFiles(SLUICE_DIALOGUES)),
                         NameOf);

}  // namespace
}  // namespace sluice::smtp
