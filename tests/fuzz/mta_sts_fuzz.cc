// What domains publish for MTA-STS (sts/record.h, sts/policy.h) and the row that keeps it
// (sts/kept_policy.h): what is read is in bounds and in its own grammar, and what is refused is
// refused in printable text.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/dns/records.h"
#include "engine/sts/kept_policy.h"
#include "engine/sts/policy.h"
#include "engine/sts/record.h"
#include "tests/fuzz/input.h"

namespace sluice::sts {
namespace {

void CheckRecord(absl::string_view text) {
  const std::vector<std::string> texts = absl::StrSplit(text, '\n');
  const absl::StatusOr<std::string> id = ReadPolicyId(texts);
  if (!id.ok()) {
    SLUICE_CHECK(absl::IsNotFound(id.status()) || absl::IsInvalidArgument(id.status()));
    SLUICE_CHECK(IsPrintableAscii(id.status().message()));
    return;
  }
  SLUICE_CHECK(ReadPolicyId({absl::StrCat("v=STSv1; id=", *id, ";")}).value() == *id);
  SLUICE_CHECK(absl::IsInvalidArgument(
      ReadPolicyId({absl::StrCat("v=STSv1; id=", *id), texts[0], "v=STSv1; id=1"}).status()));
}

void CheckPolicy(absl::string_view file) {
  const absl::StatusOr<Policy> policy = ReadPolicy(file);
  if (!policy.ok()) {
    SLUICE_CHECK(absl::IsInvalidArgument(policy.status()));
    SLUICE_CHECK(IsPrintableAscii(policy.status().message()));
    return;
  }
  SLUICE_CHECK(policy->max_age >= absl::ZeroDuration() && policy->max_age <= kMostMaxAge);
  SLUICE_CHECK(policy->mode == Mode::kNone || !policy->mx.empty());
  for (const std::string& mx : policy->mx) {
    absl::string_view name = mx;
    absl::ConsumePrefix(&name, "*.");
    SLUICE_CHECK(dns::QueryName(name).value() == name);
    if (name == mx) SLUICE_CHECK(policy->Names(mx));
  }
  KeptPolicy kept;
  kept.id = "1";
  kept.file = std::string(file);
  const absl::StatusOr<KeptPolicy> again = DecodePolicy(EncodePolicy(kept));
  SLUICE_CHECK(again.ok() && again->file == file && again->policy.mx == policy->mx);
}

void CheckRow(absl::string_view row) {
  const absl::StatusOr<KeptPolicy> kept = DecodePolicy(row);
  if (!kept.ok()) {
    SLUICE_CHECK(absl::IsDataLoss(kept.status()));
    SLUICE_CHECK(IsPrintableAscii(kept.status().message()));
    return;
  }
  SLUICE_CHECK(EncodePolicy(*kept) == row);
}

}  // namespace
}  // namespace sluice::sts

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = sluice::InputText(data, size);
  sluice::sts::CheckRecord(text);
  sluice::sts::CheckPolicy(text);
  sluice::sts::CheckRow(text);
  return 0;
}
