#include "queue/spool_state.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/envelope_codec.h"
#include "queue/key_codec.h"
#include "queue/queue_list.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

constexpr size_t kMostPolicyKeyBytes = 1024;

}  // namespace

SpoolState::SpoolState(const SpoolOptions& options, std::unique_ptr<Database> database)
    : clock_(*options.clock),
      store_(*options.store),
      readers_(options.readers == nullptr ? *options.store : *options.readers),
      lease_(options.lease),
      database_(std::move(database)),
      commits_(*database_, options.max_pending_bytes,
               [this] { store_.Post([self = shared_from_this()] { self->commits_.Run(); }); }),
      due_(Table::kDue, lease_ / 2),
      expiry_(Table::kExpiry, lease_ / 2) {
  database_->OnReopened(
      [this](std::shared_ptr<const Tables> tables) { return Reload(std::move(tables)); });
}

absl::Status SpoolState::Load() {
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, database_->Read());
  SLUICE_RETURN_IF_ERROR(history_.Load(tables));
  return totals_.Rebuild(tables);
}

// A write that was reported as failed may have been found on the disk, so rows can be newer than
// what is known of them. (That none can be older is the promise of the log.)
absl::Status SpoolState::Reload(std::shared_ptr<const Tables> tables) {
  due_.Reset();
  expiry_.Reset();
  next_due_nanos_.store(0);
  for (const std::string& item : in_flight_.Items()) {
    SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                            tables->Get(Table::kEnvelope, item));
    const absl::StatusOr<Envelope> envelope =
        row.has_value() ? DecodeEnvelope(item, *row) : absl::NotFoundError("");
    if (envelope.ok()) {
      in_flight_.Set(item, FactsOf(*envelope));
    } else {
      in_flight_.Remove(item);
    }
  }
  return Load();
}

absl::StatusOr<QueuePage> SpoolState::List(const QueueQuery& query) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database_->Read());
  return ListQueue(std::move(tables), in_flight_, query);
}

absl::StatusOr<QueueTotals> SpoolState::Count(size_t most_destinations) const {
  QueueTotals totals = totals_.Get(most_destinations);
  totals.in_flight = in_flight_.size();
  absl::StatusOr<std::shared_ptr<const Tables>> tables = database_->Read();
  if (!tables.ok()) return totals;
  const absl::StatusOr<std::optional<absl::Time>> oldest = OldestMessage(*std::move(tables));
  if (oldest.ok()) totals.oldest_accepted_at = *oldest;
  return totals;
}

void SpoolState::AppendHistory(HistoryEntry entry, Done<absl::Status> done) {
  commits_.Push({.bytes = 512,
                 .prepare =
                     [this, entry = std::move(entry)](Batch& batch) mutable {
                       history_.Append(batch, clock_.WallNow(), std::move(entry));
                       return absl::OkStatus();
                     },
                 .complete = std::move(done)});
}

absl::StatusOr<HistoryPage> SpoolState::QueryHistory(const HistoryQuery& query) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, database_->Read());
  return ReadHistory(std::move(tables), query);
}

void SpoolState::TrimHistory(absl::Time before, Done<absl::Status> done) {
  commits_.Push({.bytes = 64,
                 .may_exceed = true,
                 .prepare =
                     [before](Batch& batch) {
                       queue::TrimHistory(batch, before);
                       return absl::OkStatus();
                     },
                 .complete = std::move(done)});
}

void SpoolState::WritePolicy(std::vector<PolicyWrite> writes, uint64_t generation,
                             Done<absl::Status> done) {
  size_t bytes = 64;
  for (const PolicyWrite& write : writes) {
    if (write.key.empty() || write.key.size() > kMostPolicyKeyBytes) {
      std::move(done)(absl::InvalidArgumentError("the key of a policy row has 1 to 1024 octets"));
      return;
    }
    bytes += write.key.size() + write.value.value_or("").size() + 32;
  }
  commits_.Push({.bytes = bytes,
                 .durable = true,
                 .prepare =
                     [writes = std::move(writes), generation](Batch& batch) {
                       for (const PolicyWrite& write : writes) {
                         const std::string key = std::string(kPolicyRowPrefix) + write.key;
                         if (write.value.has_value()) {
                           batch.Put(Table::kPolicy, key, *write.value);
                         } else {
                           batch.Erase(Table::kPolicy, key);
                         }
                       }
                       batch.Put(Table::kPolicy, kPolicyGenerationKey, BigEndian64(generation));
                       return absl::OkStatus();
                     },
                 .complete = std::move(done)});
}

absl::StatusOr<PolicyRows> SpoolState::ReadPolicy() const {
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, database_->Read());
  PolicyRows policy;
  SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> generation,
                          tables->Get(Table::kPolicy, kPolicyGenerationKey));
  if (generation.has_value()) {
    const std::optional<uint64_t> number = ParseBigEndian64(*generation);
    if (!number.has_value()) {
      return absl::DataLossError("the generation of the enforced-TLS list is damaged");
    }
    policy.generation = *number;
  }
  RowScan scan(tables, {.table = Table::kPolicy,
                        .from = std::string(kPolicyRowPrefix),
                        .to = EndOfPrefix(kPolicyRowPrefix),
                        .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) {
    policy.rows.emplace_back(scan.key().substr(kPolicyRowPrefix.size()), scan.value());
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return policy;
}

void SpoolState::Close(Done<absl::Status> done) {
  commits_.Close({.durable = true,
                  .prepare =
                      [this](Batch& batch) {
                        PutTime(batch);
                        return absl::OkStatus();
                      },
                  .complete =
                      [this, done = std::move(done)](absl::Status ready) mutable {
                        if (absl::IsCancelled(ready)) {  // it has been closed before
                          std::move(done)(std::move(ready));
                          return;
                        }
                        const absl::Status closed = database_->Close();
                        std::move(done)(ready.ok() ? closed : std::move(ready));
                      }});
}

}  // namespace sluice::queue
