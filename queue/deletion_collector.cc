#include "queue/deletion_collector.h"

#include <rocksdb/table_properties.h>

#include <algorithm>
#include <string>

namespace sluice::queue {
namespace {

class DeletionCollector : public rocksdb::TablePropertiesCollector {
 public:
  rocksdb::Status AddUserKey(const rocksdb::Slice& /*key*/, const rocksdb::Slice& /*value*/,
                             rocksdb::EntryType type, rocksdb::SequenceNumber /*sequence*/,
                             uint64_t /*file_size*/) override {
    ++rows_;
    if (type == rocksdb::kEntryDelete || type == rocksdb::kEntrySingleDelete) {
      ++deletions_;
      longest_run_ = std::max(longest_run_, ++run_);
    } else {
      run_ = 0;
    }
    return rocksdb::Status::OK();
  }

  rocksdb::Status Finish(rocksdb::UserCollectedProperties* properties) override {
    *properties = GetReadableProperties();
    return rocksdb::Status::OK();
  }

  rocksdb::UserCollectedProperties GetReadableProperties() const override {
    return {{"sluice.deletions", std::to_string(deletions_)},
            {"sluice.longest_run_of_deletions", std::to_string(longest_run_)}};
  }

  bool NeedCompact() const override {
    return longest_run_ >= kDeletionRun || (deletions_ >= kDeletionRun && deletions_ * 2 >= rows_);
  }

  const char* Name() const override { return "sluice.DeletionCollector"; }

 private:
  size_t rows_ = 0;
  size_t deletions_ = 0;
  size_t run_ = 0;
  size_t longest_run_ = 0;
};

class DeletionCollectorFactory : public rocksdb::TablePropertiesCollectorFactory {
 public:
  rocksdb::TablePropertiesCollector* CreateTablePropertiesCollector(
      rocksdb::TablePropertiesCollectorFactory::Context /*context*/) override {
    return new DeletionCollector;
  }
  const char* Name() const override { return "sluice.DeletionCollectorFactory"; }
};

}  // namespace

std::shared_ptr<rocksdb::TablePropertiesCollectorFactory> NewDeletionCollectorFactory() {
  return std::make_shared<DeletionCollectorFactory>();
}

}  // namespace sluice::queue
