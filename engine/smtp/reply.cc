#include "engine/smtp/reply.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace sluice::smtp {

std::string EnhancedStatus::ToString() const { return absl::StrCat(klass, ".", subject, ".", detail); }

std::string Reply::ToString() const {
  return absl::StrCat(code, status.has_value() ? absl::StrCat(" ", status->ToString()) : "",
                      text.empty() ? "" : " ", absl::StrReplaceAll(text, {{"\n", " "}}));
}

void Reply::AppendTo(std::string& out) const {
  const std::string prefix = status.has_value() ? absl::StrCat(status->ToString(), " ") : "";
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    absl::StrAppend(&out, code, i + 1 < lines.size() ? "-" : " ", prefix, lines[i], "\r\n");
  }
}

}  // namespace sluice::smtp
