#include "queue/spool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "queue/database.h"
#include "queue/spool_state.h"

namespace sluice::queue {
namespace {

constexpr size_t kLeastMemory = size_t{8} << 20;

absl::Status CheckOptions(const SpoolOptions& options) {
  SLUICE_CHECK(options.clock != nullptr && options.store != nullptr);
  if (options.data_dir.empty()) {
    return absl::InvalidArgumentError("--data_dir: the queue needs a directory");
  }
  if (options.memory_bytes < kLeastMemory) {
    return absl::InvalidArgumentError(absl::StrCat("--store_memory: ", options.memory_bytes,
                                                   " bytes are too few; at least ", kLeastMemory));
  }
  if (options.lease < absl::Seconds(1)) {
    return absl::InvalidArgumentError("the lease of fresh mail is a second at least");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(SpoolOptions options) {
  SLUICE_RETURN_IF_ERROR(CheckOptions(options));
  SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                          Database::Open({.directory = options.data_dir,
                                          .env = options.env,
                                          .clock = options.clock,
                                          .memory_bytes = options.memory_bytes,
                                          .boot_id = options.boot_id}));
  auto state = std::make_shared<SpoolState>(options, std::move(database));
  SLUICE_RETURN_IF_ERROR(state->Load());
  SLUICE_RETURN_IF_ERROR(state->LoadTime());
  return std::unique_ptr<Spool>(new Spool(std::move(state)));
}

Spool::Spool(std::shared_ptr<SpoolState> state) : state_(std::move(state)) {}
Spool::~Spool() = default;

absl::Time Spool::Now() const { return state_->Now(); }
absl::Duration Spool::WallAhead() const { return state_->WallAhead(); }
void Spool::KeepTime() { state_->KeepTime(); }

AcceptTicket Spool::Accept(NewMessage message, Done<absl::Status> done) {
  return state_->Accept(std::move(message), std::move(done));
}

void Spool::Finish(AttemptResult result, Done<absl::StatusOr<Afterwards>> done) {
  state_->Finish(std::move(result), std::move(done));
}

void Spool::Release(const MessageId& id, absl::string_view destination, absl::Time not_before,
                    absl::AnyInvocable<void() &&> done) {
  state_->Release(id, destination, not_before, std::move(done));
}

void Spool::TakeDue(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done) {
  state_->TakeDue(now, limit, std::move(done));
}

void Spool::TakeExpired(absl::Time now, size_t limit, Done<absl::StatusOr<TakenWork>> done) {
  state_->TakeExpired(now, limit, std::move(done));
}

absl::Time Spool::NextDue() const { return state_->NextDue(); }

void Spool::LoadBody(const MessageId& id, absl::string_view destination,
                     Done<absl::StatusOr<io::Body>> done) {
  state_->LoadBody(id, destination, std::move(done));
}

void Spool::RetryNow(Selection selection, Done<absl::StatusOr<uint64_t>> done) {
  state_->RetryNow(std::move(selection), std::move(done));
}

void Spool::Hold(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done) {
  state_->Hold(std::move(selection), std::move(reason), std::move(done));
}

void Spool::EndHold(Selection selection, Done<absl::StatusOr<uint64_t>> done) {
  state_->EndHold(std::move(selection), std::move(done));
}

void Spool::Remove(Selection selection, Reason reason, Done<absl::StatusOr<uint64_t>> done) {
  state_->Remove(std::move(selection), std::move(reason), std::move(done));
}

void Spool::TakeSelected(Selection selection, std::string position, size_t limit,
                         Done<absl::StatusOr<SelectedWork>> done) {
  state_->TakeSelected(std::move(selection), std::move(position), limit, std::move(done));
}

void Spool::TakeParked(std::string destination, std::string position, size_t limit,
                       Done<absl::StatusOr<SelectedWork>> done) {
  state_->TakeParked(std::move(destination), std::move(position), limit, std::move(done));
}

absl::StatusOr<std::vector<ParkedDestination>> Spool::ReadParked() const {
  return state_->ReadParked();
}

uint64_t Spool::Parked(absl::string_view destination) const { return state_->Parked(destination); }

CommitFigures Spool::Commits() const { return state_->Commits(); }

absl::StatusOr<QueueSummary> Spool::Summarize(absl::string_view destination, size_t most) const {
  return state_->Summarize(destination, most);
}

absl::StatusOr<QueuePage> Spool::List(const QueueQuery& query) const { return state_->List(query); }

absl::StatusOr<std::vector<QueueItem>> Spool::Find(const MessageId& id) const {
  QueueQuery query;
  query.message_id = id;
  query.limit = SIZE_MAX;
  query.most_scanned = SIZE_MAX;
  SLUICE_ASSIGN_OR_RETURN(QueuePage page, state_->List(query));
  return std::move(page.items);
}

absl::StatusOr<io::Body> Spool::ReadBeginning(const MessageId& id, size_t least_bytes) const {
  return state_->ReadBeginning(id, least_bytes);
}

absl::StatusOr<QueueTotals> Spool::Count(size_t most_destinations) const {
  return state_->Count(most_destinations);
}

void Spool::AppendHistory(HistoryEntry entry, Done<absl::Status> done) {
  state_->AppendHistory(std::move(entry), std::move(done));
}

absl::StatusOr<HistoryPage> Spool::QueryHistory(const HistoryQuery& query) const {
  return state_->QueryHistory(query);
}

absl::StatusOr<HistoryRows> Spool::ReadHistoryRows(const HistoryRowQuery& query) const {
  return state_->ReadHistoryRows(query);
}

void Spool::TrimHistory(absl::Time before, uint64_t most_bytes, Done<absl::Status> done) {
  state_->TrimHistory(before, most_bytes, std::move(done));
}

void Spool::TellHistoryHead() { state_->TellHistoryHead(); }

void Spool::WritePolicy(PolicyUpdate update, Done<absl::Status> done) {
  state_->WritePolicy(std::move(update), std::move(done));
}

absl::StatusOr<PolicyRows> Spool::ReadPolicy() const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, state_->Read());
  return ReadPolicyRows(std::move(tables));
}

absl::StatusOr<PolicyChanges> Spool::ReadPolicyChanges(const PolicyChangeQuery& query) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, state_->Read());
  return queue::ReadPolicyChanges(std::move(tables), query);
}

absl::StatusOr<std::vector<PolicyPing>> Spool::ReadPolicyPings(absl::string_view key) const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, state_->Read());
  return queue::ReadPolicyPings(std::move(tables), key);
}

void Spool::WriteMtaSts(std::vector<SideWrite> writes, Done<absl::Status> done) {
  state_->WriteSide(Table::kMtaSts, std::move(writes), std::move(done));
}

absl::StatusOr<SideRows> Spool::ReadMtaSts() const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, state_->Read());
  return ReadSideRows(std::move(tables), Table::kMtaSts);
}

void Spool::WriteTlsReports(std::vector<SideWrite> writes, Done<absl::Status> done) {
  state_->WriteSide(Table::kTlsReports, std::move(writes), std::move(done));
}

absl::StatusOr<SideRows> Spool::ReadTlsReports() const {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const Tables> tables, state_->Read());
  return ReadSideRows(std::move(tables), Table::kTlsReports);
}

void Spool::Close(Done<absl::Status> done) { state_->Close(std::move(done)); }

}  // namespace sluice::queue
