#include "policy/pattern.h"

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "policy/domain_name.h"

namespace sluice::policy {
namespace {

constexpr char kGrammar[] =
    "a pattern is 'example.com' (that name), '*.example.com' (every name below it), "
    "'.example.com' (both) or '*' (every domain)";

// Below zero, zero or above: `a` stands before, at or behind `b` when names are compared label by
// label from the right, octet by octet within a label.
int CompareFromRight(absl::string_view a, absl::string_view b) {
  while (!a.empty() && !b.empty()) {
    const size_t a_dot = a.rfind('.');
    const size_t b_dot = b.rfind('.');
    const absl::string_view a_label = a.substr(a_dot + 1);  // npos + 1 is 0
    const absl::string_view b_label = b.substr(b_dot + 1);
    if (const int order = a_label.compare(b_label); order != 0) return order;
    a = a_dot == absl::string_view::npos ? absl::string_view() : a.substr(0, a_dot);
    b = b_dot == absl::string_view::npos ? absl::string_view() : b.substr(0, b_dot);
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

}  // namespace

absl::StatusOr<Pattern> Pattern::Parse(absl::string_view typed) {
  Pattern pattern;
  if (typed == "*") return pattern;

  absl::string_view domain = typed;
  if (absl::ConsumePrefix(&domain, "*.")) {
    pattern.kind_ = Kind::kBelow;
  } else if (absl::ConsumePrefix(&domain, ".")) {
    pattern.kind_ = Kind::kSelfAndBelow;
  } else {
    pattern.kind_ = Kind::kExact;
  }
  if (domain.empty() || absl::StrContains(domain, "*")) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", absl::CHexEscape(typed.substr(0, kMaxDomainOctets)), "': ", kGrammar));
  }
  absl::StatusOr<std::string> normalized = NormalizeDomain(domain);
  if (!normalized.ok()) return normalized.status();
  pattern.domain_ = *std::move(normalized);
  return pattern;
}

std::string Pattern::text() const {
  switch (kind_) {
    case Kind::kAny:
      return "*";
    case Kind::kSelfAndBelow:
      return absl::StrCat(".", domain_);
    case Kind::kBelow:
      return absl::StrCat("*.", domain_);
    case Kind::kExact:
      return domain_;
  }
  SLUICE_CHECK(false);
}

std::string Pattern::ToUnicode() const {
  Pattern shown = *this;
  shown.domain_ = policy::ToUnicode(domain_);
  return shown.text();
}

bool Pattern::Matches(absl::string_view name) const {
  if (name.empty()) return false;
  if (kind_ == Kind::kAny) return true;
  if (name == domain_) return kind_ != Kind::kBelow;
  if (kind_ == Kind::kExact || !absl::EndsWith(name, domain_)) return false;
  const size_t head = name.size() - domain_.size();
  return head > 0 && name[head - 1] == '.';
}

bool operator<(const Pattern& a, const Pattern& b) {
  const int order = CompareFromRight(a.domain_, b.domain_);
  return order != 0 ? order < 0 : a.kind_ > b.kind_;
}

unsigned __int128 Pattern::order_prefix() const {
  unsigned __int128 prefix = 0;
  int shift = 128;
  absl::string_view rest = domain_;
  while (!rest.empty() && shift > 0) {
    const size_t dot = rest.rfind('.');
    for (const char c : rest.substr(dot + 1)) {  // npos + 1 is 0
      if (shift == 0) break;
      shift -= 8;
      prefix |= static_cast<unsigned __int128>(static_cast<unsigned char>(c)) << shift;
    }
    shift -= 8;
    rest = dot == absl::string_view::npos ? absl::string_view() : rest.substr(0, dot);
  }
  return prefix;
}

}  // namespace sluice::policy
