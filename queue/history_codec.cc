#include "queue/history_codec.h"

#include <climits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "queue/history_chain.h"
#include "queue/spool.pb.h"

namespace sluice::queue {
namespace {

using Row = storage::HistoryEntry;

struct OutcomePair {
  Outcome outcome;
  Row::Outcome stored;
};
constexpr OutcomePair kOutcomes[] = {
    {Outcome::kDeferred, Row::DEFERRED},
    {Outcome::kDelivered, Row::DELIVERED},
    {Outcome::kFailed, Row::FAILED},
    {Outcome::kExpired, Row::EXPIRED},
    {Outcome::kDeletedTlsPolicy, Row::DELETED_TLS_POLICY},
    {Outcome::kDeletedByAdmin, Row::DELETED_BY_ADMIN},
    {Outcome::kReturnedByAdmin, Row::RETURNED_BY_ADMIN},
    {Outcome::kRefused, Row::REFUSED},
    {Outcome::kWouldRefuse, Row::WOULD_REFUSE},
};

Row::Outcome ToStorage(Outcome outcome) {
  for (const OutcomePair& pair : kOutcomes) {
    if (pair.outcome == outcome) return pair.stored;
  }
  SLUICE_CHECK(false);
}

std::optional<Outcome> FromStorage(Row::Outcome stored) {
  for (const OutcomePair& pair : kOutcomes) {
    if (pair.stored == stored) return pair.outcome;
  }
  return std::nullopt;
}

absl::Status Damaged(const HistoryPosition& position) {
  return absl::DataLossError(
      absl::StrCat("entry ", position.sequence, " of the history is damaged"));
}

}  // namespace

std::string EncodeHistoryEntry(const HistoryEntry& entry) {
  thread_local Row row;  // what its strings have allocated serves the next entry
  row.Clear();
  row.set_outcome(ToStorage(entry.outcome));
  row.set_tls(entry.tls);
  row.set_direction(entry.direction == Direction::kInbound ? Row::INBOUND : Row::OUTBOUND);
  if (entry.message_id) row.set_message_id(IdKey(*entry.message_id));
  row.set_sender(entry.sender);
  for (const std::string& recipient : entry.recipients) row.add_recipients(recipient);
  row.set_domain(entry.domain);
  row.set_entry(entry.entry);
  row.set_entry_generation(entry.entry_generation);
  row.set_attempt(static_cast<uint32_t>(entry.attempt));
  if (entry.next_attempt) row.set_next_attempt_ns(KeyNanos(*entry.next_attempt));
  if (entry.deadline) row.set_deadline_ns(KeyNanos(*entry.deadline));
  row.set_mx(entry.mx);
  row.set_address(entry.address);
  row.set_source_address(entry.source_address);
  row.set_stage(entry.stage);
  row.set_reason(entry.reason);
  row.set_detail(entry.detail);
  row.set_tls_version(entry.tls_version);
  row.set_cipher(entry.cipher);
  row.set_certificate(entry.certificate);
  row.set_handshake(entry.handshake);
  row.set_monitored(entry.monitored);
  row.set_decided_by(entry.decided_by);
  row.set_parked(entry.parked);
  return row.SerializeAsString();
}

absl::StatusOr<HistoryEntry> DecodeHistoryEntry(const HistoryPosition& position,
                                                absl::string_view sealed) {
  const auto [bytes, chain] = OpenRow(sealed);
  Row row;
  if (bytes.size() > INT_MAX || !row.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      row.attempt() > INT_MAX || row.next_attempt_ns() < 0 || row.deadline_ns() < 0 ||
      (row.direction() != Row::INBOUND && row.direction() != Row::OUTBOUND)) {
    return Damaged(position);
  }
  const std::optional<Outcome> outcome = FromStorage(row.outcome());
  if (!outcome.has_value()) return Damaged(position);
  HistoryEntry entry;
  entry.time = absl::FromUnixNanos(position.nanos);
  entry.sequence = position.sequence;
  entry.outcome = *outcome;
  entry.tls = row.tls();
  entry.direction = row.direction() == Row::INBOUND ? Direction::kInbound : Direction::kOutbound;
  if (!row.message_id().empty()) {
    entry.message_id = ParseIdKey(row.message_id());
    if (!entry.message_id.has_value()) return Damaged(position);
  }
  entry.sender = std::move(*row.mutable_sender());
  entry.recipients.reserve(static_cast<size_t>(row.recipients_size()));
  for (std::string& recipient : *row.mutable_recipients()) {
    entry.recipients.push_back(std::move(recipient));
  }
  entry.domain = std::move(*row.mutable_domain());
  entry.entry = std::move(*row.mutable_entry());
  entry.entry_generation = row.entry_generation();
  entry.attempt = static_cast<int>(row.attempt());
  if (row.has_next_attempt_ns()) entry.next_attempt = absl::FromUnixNanos(row.next_attempt_ns());
  if (row.has_deadline_ns()) entry.deadline = absl::FromUnixNanos(row.deadline_ns());
  entry.mx = std::move(*row.mutable_mx());
  entry.address = std::move(*row.mutable_address());
  entry.source_address = std::move(*row.mutable_source_address());
  entry.stage = std::move(*row.mutable_stage());
  entry.reason = std::move(*row.mutable_reason());
  entry.detail = std::move(*row.mutable_detail());
  entry.tls_version = std::move(*row.mutable_tls_version());
  entry.cipher = std::move(*row.mutable_cipher());
  entry.certificate = std::move(*row.mutable_certificate());
  entry.handshake = std::move(*row.mutable_handshake());
  entry.monitored = row.monitored();
  entry.decided_by = std::move(*row.mutable_decided_by());
  entry.parked = row.parked();
  entry.chain = std::string(chain);
  return entry;
}

}  // namespace sluice::queue
