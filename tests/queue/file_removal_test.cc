#include "queue/file_removal.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace sluice::queue {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Sizes that a file was cut to.
struct Cuts {
  std::vector<uint64_t> sizes;
  bool fail = false;
};

class WatchedFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  WatchedFile(std::unique_ptr<rocksdb::FSWritableFile> file, Cuts& cuts)
      : FSWritableFileOwnerWrapper(std::move(file)), cuts_(cuts) {}
  rocksdb::IOStatus Truncate(uint64_t size, const rocksdb::IOOptions& options,
                             rocksdb::IODebugContext* debug) override {
    if (cuts_.fail) return rocksdb::IOStatus::IOError("planted");
    cuts_.sizes.push_back(size);
    return FSWritableFileOwnerWrapper::Truncate(size, options, debug);
  }

 private:
  Cuts& cuts_;
};

// The machine's own files.
class Watched : public rocksdb::FileSystemWrapper {
 public:
  Watched() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "Watched"; }
  rocksdb::IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* result,
                                       rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus opened = FileSystemWrapper::ReopenWritableFile(name, options, &file, debug);
    if (opened.ok()) *result = std::make_unique<WatchedFile>(std::move(file), cuts);
    return opened;
  }

  Cuts cuts;
};

class FileRemovalTest : public ::testing::Test {
 protected:
  FileRemovalTest() {
    std::string path = ::testing::TempDir() + "/file-removal-XXXXXX";
    directory_ = mkdtemp(path.data());
  }
  ~FileRemovalTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path Make(size_t bytes) {
    const std::filesystem::path path = directory_ / "file";
    std::ofstream(path, std::ios::binary) << std::string(bytes, 'x');
    return path;
  }
  rocksdb::IOStatus Remove(const std::filesystem::path& path) {
    return files_->DeleteFile(path.string(), rocksdb::IOOptions(), nullptr);
  }

  std::filesystem::path directory_;
  std::shared_ptr<Watched> watched_ = std::make_shared<Watched>();
  std::shared_ptr<rocksdb::FileSystem> files_ = RemoveInSteps(watched_);
};

TEST_F(FileRemovalTest, ALargeFileGoesInSteps) {
  const std::filesystem::path path = Make(2 * kRemovalStep + 5);
  ASSERT_TRUE(Remove(path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(watched_->cuts.sizes, ElementsAre(kRemovalStep + 5, 5));
}

TEST_F(FileRemovalTest, ASmallOneGoesAtOnce) {
  const std::filesystem::path path = Make(kRemovalStep);
  ASSERT_TRUE(Remove(path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THAT(watched_->cuts.sizes, IsEmpty());
}

TEST_F(FileRemovalTest, ItsOtherNameKeepsWhatIsInIt) {
  const std::filesystem::path path = Make(2 * kRemovalStep);
  const std::filesystem::path backup = directory_ / "backup";
  std::filesystem::create_hard_link(path, backup);
  ASSERT_TRUE(Remove(path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(std::filesystem::file_size(backup), 2 * kRemovalStep);
  EXPECT_THAT(watched_->cuts.sizes, IsEmpty());
}

TEST_F(FileRemovalTest, WhatCannotBeCutIsRemoved) {
  const std::filesystem::path path = Make(3 * kRemovalStep);
  watched_->cuts.fail = true;
  ASSERT_TRUE(Remove(path).ok());
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(FileRemovalTest, AFileThatIsNotThereIsAnError) {
  EXPECT_FALSE(Remove(directory_ / "none").ok());
}

}  // namespace
}  // namespace sluice::queue
