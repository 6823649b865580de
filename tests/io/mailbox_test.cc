#include "engine/io/mailbox.h"

#include <array>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace sluice::io {
namespace {

class Numbered : public Letter {
 public:
  void Deliver() override {}
  int sender = 0;
  int number = 0;
};

TEST(Mailbox, IsEmptyAndThenGivesLettersInOrder) {
  Mailbox mailbox;
  EXPECT_EQ(mailbox.Pop(), nullptr);
  Numbered a, b;
  EXPECT_FALSE(mailbox.Push(a));  // nobody sleeps
  EXPECT_FALSE(mailbox.Push(b));
  EXPECT_EQ(mailbox.Pop(), &a);
  EXPECT_EQ(mailbox.Pop(), &b);
  EXPECT_EQ(mailbox.Pop(), nullptr);
}

TEST(Mailbox, OnlyTheFirstLetterToASleeperRingsTheBell) {
  Mailbox mailbox;
  ASSERT_TRUE(mailbox.PrepareToSleep());
  Numbered a, b;
  EXPECT_TRUE(mailbox.Push(a));
  EXPECT_FALSE(mailbox.Push(b));
  mailbox.Awake();
  EXPECT_FALSE(mailbox.PrepareToSleep()) << "there are letters";
  EXPECT_EQ(mailbox.Pop(), &a);
  EXPECT_EQ(mailbox.Pop(), &b);
  EXPECT_TRUE(mailbox.PrepareToSleep());
}

TEST(Mailbox, LosesNothingAndKeepsEachSendersOrder) {
  constexpr int kSenders = 4;
  constexpr int kLetters = 20'000;
  Mailbox mailbox;
  std::vector<std::vector<Numbered>> letters(kSenders);
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s) {
    letters[static_cast<size_t>(s)] = std::vector<Numbered>(kLetters);
    senders.emplace_back([&, s] {
      auto& mine = letters[static_cast<size_t>(s)];
      for (int i = 0; i < kLetters; ++i) {
        Numbered& letter = mine[static_cast<size_t>(i)];
        letter.sender = s;
        letter.number = i;
        mailbox.Push(letter);
      }
    });
  }
  std::array<int, kSenders> expected{};
  for (int received = 0; received < kSenders * kLetters;) {
    auto* letter = static_cast<Numbered*>(mailbox.Pop());
    if (letter == nullptr) {
      std::this_thread::yield();
      continue;
    }
    ++received;
    ASSERT_EQ(letter->number, expected[static_cast<size_t>(letter->sender)]++);
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(mailbox.Pop(), nullptr);
}

}  // namespace
}  // namespace sluice::io
