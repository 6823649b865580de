#include "queue/database_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <memory>

#include "queue/database.h"
#include "queue/deletion_collector.h"
#include "queue/key_codec.h"
#include "queue/rocksdb_log.h"

namespace sluice::queue {
namespace {

rocksdb::CompressionType FastCompression() {
  const std::vector<rocksdb::CompressionType> built_in = rocksdb::GetSupportedCompressions();
  const bool has_lz4 =
      std::find(built_in.begin(), built_in.end(), rocksdb::kLZ4Compression) != built_in.end();
  return has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::ColumnFamilyOptions Common(const std::shared_ptr<rocksdb::Cache>& cache,
                                    size_t memory_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memory_bytes / 16;
  // One that fills up while another is being flushed.
  options.max_write_buffer_number = 3;
  options.compression = FastCompression();

  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  blocks.block_size = 8 << 10;
  // Index and filter blocks count against the cache, so that memory stays bounded however long the
  // queue grows.
  blocks.cache_index_and_filter_blocks = true;
  blocks.pin_l0_filter_and_index_blocks_in_cache = true;
  blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  return options;
}

// Rows that come and go. What is erased while it is still in a write buffer leaves no trace (see
// Batch::EraseOnce); what is erased later leaves a mark, and files full of marks are compacted
// before their share in the tree would have them compacted.
void ForQueueRows(rocksdb::ColumnFamilyOptions& options) {
  options.table_properties_collector_factories.push_back(NewDeletionCollectorFactory());
}

void ForEnvelopes(rocksdb::ColumnFamilyOptions& options) {
  ForQueueRows(options);
  // "Does this message have another envelope" is answered by a filter, mostly without a read.
  options.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(kIdBytes));
}

void ForBodies(rocksdb::ColumnFamilyOptions& options, size_t memory_bytes) {
  ForQueueRows(options);
  options.write_buffer_size = memory_bytes / 4;
  // Bodies lie in files of their own and are not written again by each compaction of their keys.
  options.enable_blob_files = true;
  options.min_blob_size = 2 << 10;
  options.blob_file_size = 64 << 20;
  // Attachments do not compress, and text is gone before it is worth it.
  options.compression = rocksdb::kNoCompression;
  options.blob_compression_type = rocksdb::kNoCompression;
  // A blob file whose bodies are all gone is deleted; the older half of them, once half of what
  // they hold is gone, is written anew without it.
  options.enable_blob_garbage_collection = true;
  options.blob_garbage_collection_age_cutoff = 0.5;
  options.blob_garbage_collection_force_threshold = 0.5;
}

}  // namespace

rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env, size_t memory_bytes) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;

  // All write buffers together; the fullest is flushed when they exceed it.
  options.db_write_buffer_size = memory_bytes / 2;
  options.max_open_files = 512;
  options.max_file_opening_threads = 1;  // and so in order
  options.max_background_jobs = 2;
  // Only the store thread writes: nothing to coordinate.
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;

  // The log. After a loss of power replay stops at the first record that is torn: all that was
  // synced stands in front of it. (The stricter modes refuse to start on a torn tail that had never
  // been synced. Where no power was lost, Database asks for one of them.) Files are not recycled,
  // since in a recycled file a torn tail and an old record cannot be told apart. Their synced sizes
  // stand in the manifest, so that one that is missing or short is found out at the start.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.recycle_log_file_num = 0;
  options.track_and_verify_wals_in_manifest = true;
  // A table that is hardly written to is flushed rather than holding on to old logs: this bounds
  // what is replayed at the start.
  options.max_total_wal_size = memory_bytes;
  // fdatasync: it brings the size of a file to the disk as well, which is all that a log needs.
  options.use_fsync = false;
  // Files written in the background go to the disk bit by bit, so that the sync of the log does not
  // wait for hundreds of megabytes.
  options.bytes_per_sync = 1 << 20;

  // Going on after an error is the Database's own business, by its own clock.
  options.max_bgerror_resume_count = 0;

  options.max_manifest_file_size = 16 << 20;
  options.info_log = NewRocksdbLog();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  return options;
}

std::vector<rocksdb::ColumnFamilyDescriptor> MakeTableOptions(size_t memory_bytes) {
  // In few shards: what is larger than one is never kept, and the filter of a file with a million
  // keys has 2.5 MB, to be read anew for each row then. Few threads read, so none waits for a shard.
  const std::shared_ptr<rocksdb::Cache> cache =
      rocksdb::NewLRUCache(memory_bytes / 2, /*num_shard_bits=*/2);
  std::vector<rocksdb::ColumnFamilyDescriptor> tables;
  for (size_t i = 0; i < kTables; ++i) {
    const auto table = static_cast<Table>(i);
    rocksdb::ColumnFamilyOptions options = Common(cache, memory_bytes);
    if (table == Table::kEnvelope) ForEnvelopes(options);
    if (table == Table::kBody) ForBodies(options, memory_bytes);
    if (table == Table::kDue || table == Table::kExpiry || table == Table::kParked) {
      ForQueueRows(options);
    }
    tables.emplace_back(TableName(table), options);
  }
  return tables;
}

}  // namespace sluice::queue
