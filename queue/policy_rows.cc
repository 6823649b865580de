#include "queue/policy_rows.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "queue/key_codec.h"
#include "queue/row_scan.h"

namespace sluice::queue {
namespace {

constexpr size_t kMostKeyBytes = 1024;

absl::Status CheckKey(absl::string_view key) {
  if (!key.empty() && key.size() <= kMostKeyBytes && !absl::StrContains(key, '\0')) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the key of a policy row has 1 to 1024 octets, none of them NUL");
}

std::string ChangeKey(uint64_t generation, uint64_t number) {
  return absl::StrCat(kPolicyChangePrefix, BigEndian64(generation), BigEndian64(number));
}

// Of all pings of an entry.
std::string PingPrefix(absl::string_view key) {
  std::string prefix = absl::StrCat(kPolicyPingPrefix, key);
  prefix.push_back('\0');
  return prefix;
}

std::string EndOfPings(absl::string_view key) {
  std::string end = absl::StrCat(kPolicyPingPrefix, key);
  end.push_back('\1');
  return end;
}

// Room for one more.
absl::Status DropOldPings(Batch& batch, absl::string_view key) {
  RowScan scan(batch.tables(), {.table = Table::kPolicy,
                                .from = PingPrefix(key),
                                .to = EndOfPings(key),
                                .backward = true});
  for (size_t kept = 0; scan.Valid(); scan.Next(), ++kept) {
    if (kept + 1 >= kMostPings) batch.Erase(Table::kPolicy, scan.key());
  }
  return scan.status();
}

}  // namespace

absl::Status CheckPolicyUpdate(const PolicyUpdate& update) {
  for (const PolicyWrite& write : update.entries) SLUICE_RETURN_IF_ERROR(CheckKey(write.key));
  for (const PolicyPing& ping : update.pings) SLUICE_RETURN_IF_ERROR(CheckKey(ping.key));
  return absl::OkStatus();
}

size_t BytesOf(const PolicyUpdate& update) {
  size_t bytes = 64;
  for (const PolicyWrite& write : update.entries) {
    bytes += write.key.size() + write.value.value_or("").size() + 32;
  }
  for (const std::string& change : update.changes) bytes += change.size() + 48;
  for (const PolicyPing& ping : update.pings) bytes += ping.key.size() + ping.value.size() + 32;
  return bytes;
}

absl::Status PutPolicy(Batch& batch, const PolicyUpdate& update) {
  for (const PolicyPing& ping : update.pings) {
    SLUICE_RETURN_IF_ERROR(DropOldPings(batch, ping.key));
    const auto nanos = static_cast<uint64_t>(KeyNanos(ping.at));
    batch.Put(Table::kPolicy, absl::StrCat(PingPrefix(ping.key), BigEndian64(nanos)), ping.value);
  }
  for (const PolicyWrite& write : update.entries) {
    const std::string key = absl::StrCat(kPolicyRowPrefix, write.key);
    if (write.value.has_value()) {
      batch.Put(Table::kPolicy, key, *write.value);
    } else {
      batch.Erase(Table::kPolicy, key);
      batch.EraseRange(Table::kPolicy, PingPrefix(write.key), EndOfPings(write.key));
    }
  }
  uint64_t number = 0;
  for (const std::string& change : update.changes) {
    batch.Put(Table::kPolicy, ChangeKey(update.generation, number++), change);
  }
  batch.Put(Table::kPolicy, kPolicyGenerationKey, BigEndian64(update.generation));
  return absl::OkStatus();
}

absl::StatusOr<PolicyRows> ReadPolicyRows(std::shared_ptr<const Tables> tables) {
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
  RowScan scan(std::move(tables), {.table = Table::kPolicy,
                                   .from = std::string(kPolicyRowPrefix),
                                   .to = EndOfPrefix(kPolicyRowPrefix),
                                   .keep_in_cache = false});
  for (; scan.Valid(); scan.Next()) {
    policy.rows.emplace_back(scan.key().substr(kPolicyRowPrefix.size()), scan.value());
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return policy;
}

absl::StatusOr<PolicyChanges> ReadPolicyChanges(std::shared_ptr<const Tables> tables,
                                                const PolicyChangeQuery& query) {
  RowRange range = {.table = Table::kPolicy,
                    .from = std::string(kPolicyChangePrefix),
                    .to = EndOfPrefix(kPolicyChangePrefix),
                    .backward = true,
                    .keep_in_cache = false};
  constexpr size_t kPositionBytes = 16;
  if (!query.cursor.empty()) {
    const std::string position = absl::HexStringToBytes(query.cursor);
    if (position.size() != kPositionBytes || absl::BytesToHexString(position) != query.cursor) {
      return absl::InvalidArgumentError(
          "this is no cursor of the changes: take it from the page before");
    }
    range.to = absl::StrCat(kPolicyChangePrefix, position);
  }
  PolicyChanges page;
  RowScan scan(std::move(tables), std::move(range));
  for (; scan.Valid(); scan.Next()) {
    if (page.rows.size() == query.limit) {
      page.next = page.rows.back().cursor;
      break;
    }
    const absl::string_view position = scan.key().substr(kPolicyChangePrefix.size());
    const std::optional<uint64_t> generation = ParseBigEndian64(position.substr(0, 8));
    if (!generation.has_value() || position.size() != kPositionBytes) {
      return absl::DataLossError("a key of the changes of the enforced-TLS list is damaged");
    }
    page.rows.push_back({.generation = *generation,
                         .value = std::string(scan.value()),
                         .cursor = absl::BytesToHexString(position)});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return page;
}

absl::StatusOr<std::vector<PolicyPing>> ReadPolicyPings(std::shared_ptr<const Tables> tables,
                                                        absl::string_view key) {
  std::vector<PolicyPing> pings;
  const std::string prefix = PingPrefix(key);
  RowScan scan(std::move(tables),
               {.table = Table::kPolicy, .from = prefix, .to = EndOfPings(key), .backward = true});
  for (; scan.Valid(); scan.Next()) {
    const std::optional<uint64_t> nanos = ParseBigEndian64(scan.key().substr(prefix.size()));
    if (!nanos.has_value()) return absl::DataLossError("a key of the pings is damaged");
    pings.push_back({.key = std::string(key),
                     .at = absl::FromUnixNanos(static_cast<int64_t>(*nanos)),
                     .value = std::string(scan.value())});
  }
  SLUICE_RETURN_IF_ERROR(scan.status());
  return pings;
}

}  // namespace sluice::queue
