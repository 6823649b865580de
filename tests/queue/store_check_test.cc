// A store that is damaged here and there: the check names what is, and nothing else.
#include "queue/store_check.h"

#include <rocksdb/db.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "queue/key_codec.h"
#include "tests/queue/spool_fixture.h"

namespace sluice::queue {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class StoreCheckTest : public ::testing::Test {
 protected:
  // `count` messages to two destinations each, one entry of the history for each, and as many
  // entries of the list; everything in files of its own for each table, none in the log.
  void Fill(size_t count, size_t body_size) {
    std::vector<PolicyWrite> policy;
    for (size_t i = 0; i < count; ++i) {
      NewMessage message = world_.Compose({"a.example", "b.example"}, std::string(body_size, 'x'));
      ids_.push_back(message.id);
      ASSERT_TRUE(world_.Accept(message).ok());
      world_.Release(message.envelopes[0]);
      world_.Release(message.envelopes[1]);
      world_.clock().Advance(absl::Seconds(1));
      world_.spool().AppendHistory({.outcome = Outcome::kRefused, .domain = "c.example"},
                                   [](const absl::Status&) {});
      policy.push_back({.key = absl::StrCat("domain", i), .value = std::string(100, 'p')});
    }
    world_.spool().WritePolicy({.entries = std::move(policy), .changes = {"a change"}, .pings = {},
                                .generation = 7},
                               [](const absl::Status&) {});
    world_.Close();
    ASSERT_TRUE(world_.Open().ok());
    world_.Close();
  }

  absl::StatusOr<StoreCheck> Check() {
    return CheckStore({.directory = world_.options.data_dir, .env = world_.disk().env()});
  }

  void DropTable(const std::string& table) {
    rocksdb::DBOptions options;
    options.env = world_.disk().env();
    std::vector<std::string> names;
    const std::string& directory = world_.options.data_dir;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, directory, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> tables;
    for (const std::string& name : names) {
      tables.emplace_back(name, rocksdb::ColumnFamilyOptions());
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(options, directory, tables, &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    for (rocksdb::ColumnFamilyHandle* const handle : handles) {
      if (handle->GetName() == table) ASSERT_TRUE(db->DropColumnFamily(handle).ok());
      ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    }
  }

  // Flips a bit in the middle of the one file of `table`.
  void DamageTable(const std::string& table) {
    rocksdb::DBOptions options;
    options.env = world_.disk().env();
    std::vector<std::string> names;
    const std::string& directory = world_.options.data_dir;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies(options, directory, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> tables;
    for (const std::string& name : names) tables.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* opened = nullptr;
    ASSERT_TRUE(rocksdb::DB::OpenForReadOnly(options, directory, tables, &handles, &opened).ok());
    const std::unique_ptr<rocksdb::DB> db(opened);
    std::vector<rocksdb::LiveFileMetaData> files;
    db->GetLiveFilesMetaData(&files);
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      ASSERT_TRUE(db->DestroyColumnFamilyHandle(handle).ok());
    }
    int damaged = 0;
    for (const rocksdb::LiveFileMetaData& file : files) {
      if (file.column_family_name == table) damaged += world_.disk().Damage(file.name.c_str());
    }
    ASSERT_EQ(damaged, 1);
  }

  static TableCheck Of(const StoreCheck& check, const std::string& name) {
    for (const TableCheck& table : check.tables) {
      if (table.name == name) return table;
    }
    return {};
  }

  static std::set<MessageId> Damaged(const StoreCheck& check) {
    std::set<MessageId> ids;
    for (const DamagedMessage& message : check.damaged) ids.insert(message.id);
    return ids;
  }

  SpoolWorld world_;
  std::vector<MessageId> ids_;
};

TEST_F(StoreCheckTest, AWholeStoreIsWhole) {
  Fill(100, 5000);
  const absl::StatusOr<StoreCheck> check = Check();
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_TRUE(check->whole());
  EXPECT_EQ(check->messages, 100u);
  EXPECT_EQ(check->whole_messages, 100u);
  EXPECT_EQ(check->leftovers, 0u);
  EXPECT_EQ(check->policy_entries, 100u);
  EXPECT_EQ(check->policy_generation, 7u);
  std::map<std::string, uint64_t> rows;
  for (const TableCheck& table : check->tables) rows[table.name] = table.rows;
  EXPECT_EQ(rows, (std::map<std::string, uint64_t>{{"default", 2},
                                                   {"envelope", 200},
                                                   {"body", 100},
                                                   {"due", 200},
                                                   {"expiry", 200},
                                                   {"history", 100},
                                                   {"policy", 102},
                                                   {"mta_sts", 0},
                                                   {"parked", 0},
                                                   {"tls_reports", 0}}));
}

TEST_F(StoreCheckTest, AStoreThatNoLaterVersionHasOpenedIsWholeToo) {
  Fill(1, 100);
  DropTable("mta_sts");
  DropTable("parked");
  DropTable("tls_reports");
  const absl::StatusOr<StoreCheck> check = Check();
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_TRUE(check->whole());
  EXPECT_EQ(check->messages, 1u);
}

TEST_F(StoreCheckTest, WhatIsInTheLogAloneIsCheckedToo) {
  ASSERT_TRUE(world_.Accept(world_.Compose({"a.example"})).ok());
  world_.Close();
  const StoreCheck check = Check().value();
  EXPECT_TRUE(check.whole());
  EXPECT_EQ(check.whole_messages, 1u);
}

TEST_F(StoreCheckTest, AnEmptyStoreIsWholeAndNoStoreIsNone) {
  world_.Close();
  EXPECT_TRUE(Check()->whole());
  const absl::StatusOr<StoreCheck> none =
      CheckStore({.directory = "/elsewhere", .env = world_.disk().env()});
  EXPECT_EQ(none.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("/elsewhere"));
}

TEST_F(StoreCheckTest, NotWhileAGatewayRunsAndNoneStartsMeanwhile) {
  EXPECT_EQ(Check().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(StoreCheckTest, ChangesNothing) {
  Fill(100, 5000);
  ASSERT_TRUE(world_.Open().ok());
  ASSERT_TRUE(world_.Accept(world_.Compose({"a.example"})).ok());
  world_.Crash();
  const uint64_t before = world_.disk().Fingerprint();
  const size_t syncs = world_.disk().syncs();
  ASSERT_TRUE(Check().ok());
  EXPECT_EQ(world_.disk().Fingerprint(), before);
  EXPECT_EQ(world_.disk().syncs(), syncs);
}

TEST_F(StoreCheckTest, ADamagedBodyIsThatMessagesAlone) {
  Fill(20, 50'000);
  ASSERT_EQ(world_.disk().Damage(".blob"), 1);
  const StoreCheck check = Check().value();
  EXPECT_FALSE(check.whole());
  EXPECT_EQ(check.messages, 20u);
  EXPECT_EQ(check.whole_messages, 19u);
  EXPECT_EQ(check.damaged_messages, 1u);
  EXPECT_EQ(Of(check, "body").rows, 19u);
  EXPECT_EQ(Of(check, "body").unreadable, 1u);
  ASSERT_THAT(check.damaged, SizeIs(1));
  EXPECT_THAT(check.damaged[0].what, HasSubstr("its body cannot be read"));
  EXPECT_THAT(check.damaged[0].what, HasSubstr("orruption"));

  // The one that the gateway cannot send either.
  ASSERT_TRUE(world_.Open().ok());
  world_.clock().Advance(absl::Hours(1));
  std::set<MessageId> unreadable;
  const TakenWork work = world_.TakeDue().value();
  for (const Envelope& envelope : work.items) {
    if (!world_.LoadBody(envelope).ok()) unreadable.insert(envelope.id);
  }
  EXPECT_EQ(unreadable, Damaged(check));
}

TEST_F(StoreCheckTest, EnvelopesThatCannotBeReadAreNamedAll) {
  Fill(1000, 100);
  DamageTable("envelope");
  const StoreCheck check = Check().value();
  const TableCheck envelopes = Of(check, "envelope");
  EXPECT_EQ(envelopes.unreadable, 1u);
  EXPECT_EQ(envelopes.damaged, 0u);
  EXPECT_LT(envelopes.rows, 2000u);
  EXPECT_GT(envelopes.rows, 1500u) << "a block of 8 KiB is damaged, not more";
  // Those before the block, those behind it, and those in it; a message can lie on its border.
  const std::set<MessageId> damaged = Damaged(check);
  EXPECT_EQ(check.damaged_messages, damaged.size());
  EXPECT_EQ(check.whole_messages + damaged.size(), 1000u);
  const uint64_t lost_rows = 2000 - envelopes.rows;
  EXPECT_GE(damaged.size() * 2, lost_rows);
  EXPECT_LE(damaged.size() * 2, lost_rows + 2);
  // They stand in a row.
  std::vector<size_t> places;
  for (size_t i = 0; i < ids_.size(); ++i) {
    if (damaged.contains(ids_[i])) places.push_back(i);
  }
  ASSERT_THAT(places, SizeIs(damaged.size()));
  EXPECT_EQ(places.back() - places.front() + 1, places.size());
  EXPECT_THAT(check.damaged[0].what, AllOf(HasSubstr("its envelope for"),
                                           HasSubstr("cannot be read"), HasSubstr("orruption")));
  for (const std::string table : {"body", "due", "expiry", "history", "policy"}) {
    EXPECT_EQ(Of(check, table).unreadable, 0u) << table;
  }
}

class StoreCheckIndexTest : public StoreCheckTest,
                            public ::testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Tables, StoreCheckIndexTest, ::testing::Values("due", "expiry"));

TEST_P(StoreCheckIndexTest, RowsThatCannotBeReadAreTheirMessages) {
  Fill(1000, 100);
  DamageTable(GetParam());
  const StoreCheck check = Check().value();
  EXPECT_EQ(Of(check, GetParam()).unreadable, 1u);
  EXPECT_EQ(check.messages, 1000u);
  EXPECT_EQ(check.whole_messages + check.damaged_messages, 1000u);
  const uint64_t lost_rows = 2000 - Of(check, GetParam()).rows;
  EXPECT_GT(lost_rows, 0u);
  EXPECT_LT(lost_rows, 1000u);
  EXPECT_GE(check.damaged_messages * 2, lost_rows);
  EXPECT_LE(check.damaged_messages * 2, lost_rows + 2);
  EXPECT_THAT(check.damaged[0].what, HasSubstr(absl::StrCat("its row in ", GetParam(), " for")));
}

TEST_F(StoreCheckTest, HistoryAndPolicyAreTold) {
  Fill(2000, 100);
  DamageTable("history");
  DamageTable("policy");
  const StoreCheck check = Check().value();
  EXPECT_EQ(check.whole_messages, 2000u);
  EXPECT_EQ(Of(check, "history").unreadable, 1u);
  EXPECT_GT(Of(check, "history").rows, 1000u);
  EXPECT_LT(Of(check, "history").rows, 2000u);
  EXPECT_EQ(Of(check, "policy").unreadable, 1u);
  EXPECT_GT(check.policy_entries, 1000u);
  EXPECT_LT(check.policy_entries, 2000u);
}

TEST_F(StoreCheckTest, PolicyRowsAreShownToTheirOwner) {
  Fill(10, 100);
  StoreCheckOptions options = {.directory = world_.options.data_dir, .env = world_.disk().env()};
  options.check_policy_row = [](absl::string_view key, absl::string_view value) {
    EXPECT_EQ(value, std::string(100, 'p'));
    return key == "domain3" ? absl::DataLossError("nobody knows this") : absl::OkStatus();
  };
  const StoreCheck check = CheckStore(options).value();
  EXPECT_FALSE(check.whole());
  EXPECT_EQ(check.policy_entries, 9u);
  EXPECT_EQ(Of(check, "policy").damaged, 1u);
  EXPECT_EQ(Of(check, "policy").error, "nobody knows this");
}

TEST_F(StoreCheckTest, TablesAreHeldAgainstEachOther) {
  Fill(10, 100);
  const std::string item = ItemKey(ids_[2], "a.example");
  world_.PutRow("envelope", item, std::nullopt);                         // and b.example stays
  world_.PutRow("envelope", ItemKey(ids_[4], "b.example"), "\xff\xff");  // no envelope
  world_.PutRow("body", BodyKey(ids_[5], 0), std::nullopt);
  world_.PutRow("body", BodyKey(ids_[6], 0), "short");
  world_.PutRow("body", BodyKey(MessageId::Of(1, 1), 0), "of nobody");
  world_.PutRow("due", TimeKey(world_.Now() + absl::Hours(9), ItemKey(ids_[7], "a.example")), "");
  world_.PutRow("expiry", TimeKey(ids_[8].time() + absl::Hours(168), ItemKey(ids_[8], "a.example")),
                std::nullopt);
  const StoreCheck check = Check().value();
  std::map<MessageId, std::string> what;
  for (const DamagedMessage& message : check.damaged) what[message.id] = message.what;
  EXPECT_THAT(what, SizeIs(6));
  EXPECT_EQ(what[ids_[2]], "its envelope for a.example is not there");
  EXPECT_THAT(what[ids_[4]], HasSubstr("for b.example is damaged"));
  EXPECT_EQ(what[ids_[5]], "chunk 0 of its body is not there");
  EXPECT_EQ(what[ids_[6]], "its body has 5 bytes instead of 100");
  EXPECT_EQ(what[MessageId::Of(1, 1)], "its body is there, and no envelope");
  EXPECT_EQ(what[ids_[8]], "its row in expiry for a.example is not there");
  EXPECT_EQ(check.messages, 10u);
  EXPECT_EQ(check.whole_messages, 5u);
  EXPECT_EQ(check.damaged_messages, 6u);
  EXPECT_EQ(check.leftovers, 2u);  // of ids_[2] and ids_[7]
}

TEST_F(StoreCheckTest, ALogThatBreaksOffIsSaid) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(world_.Accept(world_.Compose({"a.example"}, std::string(1000, 'x'))).ok());
  }
  world_.Crash();
  ASSERT_GT(world_.disk().Damage(".log"), 0);
  const StoreCheck check = Check().value();
  EXPECT_FALSE(check.whole());
  EXPECT_THAT(check.log_error, HasSubstr("dropping"));
  EXPECT_LT(check.messages, 20u);
  EXPECT_EQ(check.damaged_messages, 0u);
}

TEST_F(StoreCheckTest, ManyDamagedMessagesAreCountedAndTheFirstNamed) {
  Fill(1000, 100);
  DamageTable("envelope");
  const StoreCheck check =
      CheckStore(
          {.directory = world_.options.data_dir, .env = world_.disk().env(), .most_listed = 3})
          .value();
  EXPECT_GT(check.damaged_messages, 3u);
  EXPECT_THAT(check.damaged, SizeIs(3));
}

TEST_F(StoreCheckTest, AStoreThatCannotBeOpenedSaysWhatToDo) {
  Fill(10, 100);
  std::vector<std::string> names;
  ASSERT_TRUE(world_.disk().env()->GetChildren(world_.options.data_dir, &names).ok());
  int damaged = 0;
  for (const std::string& name : names) {
    if (name.starts_with("MANIFEST")) damaged += world_.disk().Damage(name.c_str());
  }
  ASSERT_GT(damaged, 0);
  const absl::Status checked = Check().status();
  EXPECT_EQ(checked.code(), absl::StatusCode::kDataLoss) << checked;

  const absl::Status opened = world_.Open();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss) << opened;
  EXPECT_THAT(std::string(opened.message()),
              HasSubstr("sluicectl store check --data_dir=/var/lib/sluice"));
}

TEST_F(StoreCheckTest, AGatewayDoesNotStartOnAQueueThatItCannotCount) {
  Fill(1000, 100);
  DamageTable("expiry");
  const absl::Status opened = world_.Open();
  EXPECT_EQ(opened.code(), absl::StatusCode::kDataLoss) << opened;
  EXPECT_THAT(std::string(opened.message()),
              HasSubstr("sluicectl store check --data_dir=/var/lib/sluice"));
}

}  // namespace
}  // namespace sluice::queue
