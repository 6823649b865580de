// sluicectl store check as a program: what it prints, and its exit codes, on stores on the disk.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "engine/io/executor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "queue/spool.h"

namespace sluice {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Outcome {
  int code = -1;
  std::string out;  // and what went to standard error
};

class StoreCommandTest : public ::testing::Test {
 protected:
  StoreCommandTest() {
    std::string path = ::testing::TempDir() + "/store_command.XXXXXX";
    directory_ = mkdtemp(path.data());
    options_.data_dir = directory_ + "/data";
    options_.clock = &clock_;
    options_.store = store_.get();
    options_.memory_bytes = 16 << 20;
  }
  ~StoreCommandTest() override { std::filesystem::remove_all(directory_); }

  void Open() {
    absl::StatusOr<std::unique_ptr<queue::Spool>> spool = queue::Spool::Open(options_);
    ASSERT_TRUE(spool.ok()) << spool.status();
    spool_ = *std::move(spool);
  }

  void Close() {
    absl::Notification closed;
    spool_->Close([&closed](const absl::Status&) { closed.Notify(); });
    closed.WaitForNotification();
    spool_.reset();
    // What the store thread still holds of it is let go.
    absl::Notification idle;
    store_->Post([&idle] { idle.Notify(); });
    idle.WaitForNotification();
  }

  queue::MessageId Accept() {
    queue::NewMessage message;
    message.id = ids_.Next(clock_.WallNow());
    message.body = io::Body::Copy(std::string(50'000, 'x'));
    queue::Envelope& envelope = message.envelopes.emplace_back();
    envelope.id = message.id;
    envelope.destination = "example.com";
    envelope.sender = "alice@sender.example";
    envelope.recipients.push_back({.address = "bob@example.com"});
    envelope.accepted_at = clock_.WallNow();
    envelope.deadline = clock_.WallNow() + absl::Hours(168);
    const queue::MessageId id = message.id;
    absl::Notification stored;
    spool_->Accept(std::move(message), [&stored](const absl::Status& status) {
      EXPECT_TRUE(status.ok()) << status;
      stored.Notify();
    });
    stored.WaitForNotification();
    return id;
  }

  void WritePolicy(const std::string& key, const std::string& value) {
    absl::Notification written;
    spool_->WritePolicy({.entries = {{.key = key, .value = value}}, .changes = {}, .pings = {},
                          .generation = 1},
                        [&written](const absl::Status&) { written.Notify(); });
    written.WaitForNotification();
  }

  // Flips a bit in the middle of each file whose name ends so; how many.
  int Damage(const std::string& suffix) {
    int damaged = 0;
    for (const auto& entry : std::filesystem::directory_iterator(options_.data_dir)) {
      const std::string path = entry.path().string();
      if (!path.ends_with(suffix)) continue;
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      const auto middle = static_cast<std::streamoff>(entry.file_size() / 2);
      file.seekg(middle);
      const char octet = static_cast<char>(file.get() ^ 0x10);
      file.seekp(middle);
      file.put(octet);
      ++damaged;
    }
    return damaged;
  }

  Outcome Run(const std::string& options) {
    const std::string line =
        absl::StrCat(SLUICECTL, " store check --data_dir=", options_.data_dir, options, " 2>&1");
    Outcome outcome;
    FILE* const pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) return outcome;
    char chunk[4096];
    for (size_t n = 0; (n = fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
      outcome.out.append(chunk, n);
    const int status = pclose(pipe);
    if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
    return outcome;
  }

  std::string directory_;
  ManualClock clock_;
  Random random_{1};
  queue::MessageIdSource ids_{random_};
  const std::unique_ptr<io::Executor> store_ = io::NewThreadExecutor("store", 1);
  queue::SpoolOptions options_;
  std::unique_ptr<queue::Spool> spool_;
};

TEST_F(StoreCommandTest, AWholeStoreIsAllRight) {
  Open();
  Accept();
  Close();
  const Outcome text = Run("");
  EXPECT_EQ(text.code, 0) << text.out;
  EXPECT_THAT(text.out, AllOf(HasSubstr("is whole: 1 message, 1 of them whole; 0 entries"),
                              HasSubstr("envelope"), Not(HasSubstr("What to do"))));
  const Outcome json = Run(" --json");
  EXPECT_EQ(json.code, 0);
  const auto answer = nlohmann::json::parse(json.out);
  EXPECT_EQ(answer["whole"], true);
  EXPECT_EQ(answer["messages"], 1);
  EXPECT_TRUE(answer["damaged"].empty());
  Open();  // it is as it was
  Close();
}

TEST_F(StoreCommandTest, ADamagedOneNamesTheMessageAndSaysWhatToDo) {
  Open();
  const queue::MessageId id = Accept();
  Close();
  Open();  // from the log into files
  Close();
  ASSERT_EQ(Damage(".blob"), 1);
  const Outcome text = Run("");
  EXPECT_EQ(text.code, 1) << text.out;
  EXPECT_THAT(text.out,
              AllOf(HasSubstr("is DAMAGED: 1 message, 0 of them whole"),
                    HasSubstr("Damaged: 1 message\n"), HasSubstr(id.ToString()),
                    HasSubstr("its body cannot be read"), HasSubstr("What to do:"),
                    HasSubstr(absl::StrCat("cp -a ", options_.data_dir, " ", options_.data_dir)),
                    HasSubstr("sluicectl queue delete ID")));
  const Outcome json = Run(" --json");
  EXPECT_EQ(json.code, 1);
  const auto answer = nlohmann::json::parse(json.out);
  EXPECT_EQ(answer["whole"], false);
  EXPECT_EQ(answer["damaged_messages"], 1);
  EXPECT_EQ(answer["damaged"][0]["message_id"], id.ToString());
}

TEST_F(StoreCommandTest, AnEntryOfTheListThatNobodyCanReadIsDamage) {
  Open();
  WritePolicy("example.com", "this is no entry");
  Close();
  const Outcome text = Run("");
  EXPECT_EQ(text.code, 1) << text.out;
  EXPECT_THAT(text.out, AllOf(HasSubstr("0 entries of the enforced-TLS list"),
                              HasSubstr("The enforced-TLS list is damaged")));
}

TEST_F(StoreCommandTest, AStoreThatCannotBeOpenedIsDamaged) {
  Open();
  Accept();
  Close();
  Open();
  Close();
  for (const auto& entry : std::filesystem::directory_iterator(options_.data_dir)) {
    if (entry.path().extension() == ".sst") std::filesystem::remove(entry.path());
  }
  const Outcome text = Run("");
  EXPECT_EQ(text.code, 1) << text.out;
  EXPECT_THAT(text.out, HasSubstr("is damaged"));
}

TEST_F(StoreCommandTest, NoStoreIsAMistakeInTheCommandLine) {
  const Outcome text = Run("");
  EXPECT_EQ(text.code, 2) << text.out;
  EXPECT_THAT(text.out, HasSubstr("there is no store in"));
}

TEST_F(StoreCommandTest, AStoreInUseCannotBeLookedAt) {
  Open();
  const Outcome text = Run("");
  EXPECT_EQ(text.code, 3) << text.out;
  EXPECT_THAT(text.out, HasSubstr("in use"));
  Close();
}

}  // namespace
}  // namespace sluice
