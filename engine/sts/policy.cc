#include "engine/sts/policy.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/dns/records.h"
#include "engine/dns/text_record.h"
#include "tls/certificate_checks.h"

namespace sluice::sts {
namespace {

constexpr size_t kMostMaxAgeDigits = 10;
constexpr size_t kMostShown = 100;

absl::Status Faulty(absl::string_view name, absl::string_view value, absl::string_view wanted) {
  return absl::InvalidArgumentError(absl::StrCat("the policy's ", name, " is '",
                                                 absl::CHexEscape(value.substr(0, kMostShown)),
                                                 "' and not ", wanted));
}

absl::StatusOr<Mode> ReadMode(absl::string_view value) {
  for (const Mode mode : {Mode::kEnforce, Mode::kTesting, Mode::kNone}) {
    if (value == ModeName(mode)) return mode;
  }
  return Faulty("mode", value, "enforce, testing or none");
}

absl::StatusOr<absl::Duration> ReadMaxAge(absl::string_view value) {
  int64_t seconds = 0;
  const bool digits = !value.empty() && value.size() <= kMostMaxAgeDigits &&
                      std::all_of(value.begin(), value.end(), [](char c) {
                        return absl::ascii_isdigit(static_cast<unsigned char>(c));
                      });
  if (!digits || !absl::SimpleAtoi(value, &seconds)) {
    return Faulty("max_age", value, "a number of seconds");
  }
  return std::min(absl::Seconds(seconds), kMostMaxAge);
}

absl::StatusOr<std::string> ReadMx(absl::string_view value) {
  absl::string_view domain = value;
  const bool wildcard = absl::ConsumePrefix(&domain, "*.");
  absl::StatusOr<std::string> name = dns::QueryName(domain);
  if (!name.ok()) return Faulty("mx", value, "the name of a host, or '*.' and a domain");
  return wildcard ? absl::StrCat("*.", *name) : *std::move(name);
}

// The fields that may stand once.
struct Single {
  std::optional<absl::string_view> version, mode, max_age;

  // Null for others.
  std::optional<absl::string_view>* Of(absl::string_view name) {
    if (name == "version") return &version;
    if (name == "mode") return &mode;
    if (name == "max_age") return &max_age;
    return nullptr;
  }
};

}  // namespace

absl::string_view ModeName(Mode mode) {
  switch (mode) {
    case Mode::kEnforce:
      return "enforce";
    case Mode::kTesting:
      return "testing";
    case Mode::kNone:
      return "none";
  }
  SLUICE_CHECK(false);
}

bool Policy::Names(absl::string_view host) const {
  return std::any_of(mx.begin(), mx.end(), [host](const std::string& pattern) {
    return tls::NameMatches(pattern, host);
  });
}

absl::StatusOr<Policy> ReadPolicy(absl::string_view file) {
  if (file.size() > kMostPolicyBytes) {
    return absl::InvalidArgumentError(absl::StrCat("the policy has ", file.size(), " bytes, and ",
                                                   kMostPolicyBytes,
                                                   " are the most that is taken"));
  }
  Policy policy;
  Single single;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(file, '\n')) {
    ++number;
    absl::ConsumeSuffix(&line, "\r");
    if (dns::WithoutSpace(line).empty()) continue;
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos || !dns::IsFieldName(line.substr(0, colon))) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, " of the policy is no 'name: value': '",
                       absl::CHexEscape(line.substr(0, kMostShown)), "'"));
    }
    const absl::string_view name = line.substr(0, colon);
    const absl::string_view value = dns::WithoutSpace(line.substr(colon + 1));
    if (name == "mx") {
      absl::StatusOr<std::string> mx = ReadMx(value);
      if (!mx.ok()) return mx.status();
      policy.mx.push_back(*std::move(mx));
    } else if (auto* const field = single.Of(name); field != nullptr && !field->has_value()) {
      *field = value;
    }
  }
  for (const absl::string_view name : {"version", "mode", "max_age"}) {
    if (single.Of(name)->has_value()) continue;
    return absl::InvalidArgumentError(absl::StrCat("the policy has no ", name));
  }
  if (*single.version != "STSv1") return Faulty("version", *single.version, "STSv1");
  const absl::StatusOr<Mode> mode = ReadMode(*single.mode);
  if (!mode.ok()) return mode.status();
  const absl::StatusOr<absl::Duration> max_age = ReadMaxAge(*single.max_age);
  if (!max_age.ok()) return max_age.status();
  policy.mode = *mode;
  policy.max_age = *max_age;
  if (policy.mx.empty() && policy.mode != Mode::kNone) {
    return absl::InvalidArgumentError("the policy has no mx");
  }
  return policy;
}

}  // namespace sluice::sts
