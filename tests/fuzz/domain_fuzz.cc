// Domain names and patterns (policy/domain_name.h, policy/pattern.h): one form for each name, and
// what an administrator typed matches the mail that he meant.
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/domain_name.h"
#include "policy/pattern.h"
#include "tests/fuzz/input.h"

namespace sluice::policy {
namespace {

// RFC 1035 §2.3.4, RFC 5890 §2.3.1.
void CheckForm(absl::string_view name) {
  SLUICE_CHECK(!name.empty() && name.size() <= kMaxDomainOctets);
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    SLUICE_CHECK(!label.empty() && label.size() <= kMaxLabelOctets);
    SLUICE_CHECK(label.front() != '-' && label.back() != '-');
    for (const char c : label) {
      SLUICE_CHECK(absl::ascii_islower(static_cast<unsigned char>(c)) ||
                   absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '-');
    }
  }
}

void CheckStrict(absl::string_view typed) {
  const absl::StatusOr<std::string> name = NormalizeDomain(typed);
  if (!name.ok()) {
    SLUICE_CHECK(IsPrintableAscii(name.status().message()));
    return;
  }
  CheckForm(*name);
  const absl::StatusOr<std::string> again = NormalizeDomain(*name);
  SLUICE_CHECK(again.ok() && *again == *name);
  // What is shown to people can be typed by them.
  const std::string shown = ToUnicode(*name);
  SLUICE_CHECK(!HasControl(shown));
  const absl::StatusOr<std::string> retyped = NormalizeDomain(shown);
  SLUICE_CHECK(retyped.ok() && *retyped == *name);
  // Mail to the name as it was typed is mail to the name.
  SLUICE_CHECK(LookupName(typed).view() == *name);
}

void CheckLenient(absl::string_view wire) {
  const LookupName name(wire);
  const absl::string_view view = name.view();
  SLUICE_CHECK(view.size() <= kMaxDomainOctets);
  for (const char c : view) SLUICE_CHECK(!absl::ascii_isupper(static_cast<unsigned char>(c)));
  for (size_t end = view.size(); end > 0; --end) {
    const size_t dot = view.substr(0, end).rfind('.');
    SLUICE_CHECK(name.LabelBegin(end) == (dot == absl::string_view::npos ? 0 : dot + 1));
  }
  // Whatever the case, and with the dot of the root or without.
  SLUICE_CHECK(LookupName(absl::AsciiStrToUpper(wire)).view() == view);
  if (!absl::EndsWith(wire, ".") && wire.size() < kMaxDomainOctets) {
    SLUICE_CHECK(LookupName(absl::StrCat(wire, ".")).view() == view);
  }
}

void CheckPattern(absl::string_view typed) {
  const absl::StatusOr<Pattern> pattern = Pattern::Parse(typed);
  if (!pattern.ok()) return;
  const absl::StatusOr<Pattern> stored = Pattern::Parse(pattern->text());
  SLUICE_CHECK(stored.ok() && *stored == *pattern && stored->text() == pattern->text());
  const absl::StatusOr<Pattern> shown = Pattern::Parse(pattern->ToUnicode());
  SLUICE_CHECK(shown.ok() && *shown == *pattern);
  SLUICE_CHECK(!pattern->Matches("") && !(*pattern < *pattern));
  if (pattern->kind() == Pattern::Kind::kAny) {
    SLUICE_CHECK(pattern->domain().empty() && pattern->Matches("a.b"));
    return;
  }
  CheckForm(pattern->domain());
  const std::string below = absl::StrCat("a.", pattern->domain());
  const std::string beside = absl::StrCat("a", pattern->domain());
  SLUICE_CHECK(pattern->Matches(pattern->domain()) == (pattern->kind() != Pattern::Kind::kBelow));
  SLUICE_CHECK(pattern->Matches(below) == (pattern->kind() != Pattern::Kind::kExact));
  SLUICE_CHECK(!pattern->Matches(beside));
}

}  // namespace
}  // namespace sluice::policy

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = sluice::InputText(data, size);
  sluice::policy::CheckStrict(text);
  sluice::policy::CheckLenient(text);
  sluice::policy::CheckPattern(text);
  return 0;
}
