#include "engine/sts/kept_policy.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "engine/sts/record.h"

namespace sluice::sts {
namespace {

// What stands in front of the next LF, taken off `row`; false: there is none.
bool TakeLine(absl::string_view& row, absl::string_view& line) {
  const size_t end = row.find('\n');
  if (end == absl::string_view::npos) return false;
  line = row.substr(0, end);
  row.remove_prefix(end + 1);
  return true;
}

bool TakeTime(absl::string_view& row, absl::Time& time) {
  absl::string_view line;
  int64_t nanos = 0;
  if (!TakeLine(row, line) || !absl::SimpleAtoi(line, &nanos) || absl::StrCat(nanos) != line) {
    return false;
  }
  time = absl::FromUnixNanos(nanos);
  return true;
}

}  // namespace

std::string EncodePolicy(const KeptPolicy& policy) {
  return absl::StrCat("1\n", policy.id, "\n", absl::ToUnixNanos(policy.fetched_at), "\n",
                      absl::ToUnixNanos(policy.used_at), "\n", policy.file);
}

absl::StatusOr<KeptPolicy> DecodePolicy(absl::string_view row) {
  KeptPolicy kept;
  absl::string_view version;
  absl::string_view id;
  if (!TakeLine(row, version) || version != "1" || !TakeLine(row, id) || !IsPolicyId(id) ||
      !TakeTime(row, kept.fetched_at) || !TakeTime(row, kept.used_at)) {
    return absl::DataLossError("the row of an MTA-STS policy is damaged");
  }
  absl::StatusOr<Policy> policy = ReadPolicy(row);
  if (!policy.ok()) {
    return absl::DataLossError(
        absl::StrCat("the row of an MTA-STS policy is damaged: ", policy.status().message()));
  }
  kept.id = std::string(id);
  kept.file = std::string(row);
  kept.policy = *std::move(policy);
  return kept;
}

}  // namespace sluice::sts
