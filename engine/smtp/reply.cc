#include "engine/smtp/reply.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace sluice::smtp {

std::string EnhancedStatus::ToString() const {
  return absl::StrCat(klass, ".", subject, ".", detail);
}

std::string Reply::ToString() const {
  return absl::StrCat(code, status.has_value() ? absl::StrCat(" ", status->ToString()) : "",
                      text.empty() ? "" : " ", absl::StrReplaceAll(text, {{"\n", " "}}));
}

void Reply::AppendTo(std::string& out) const {
  const std::string prefix = status.has_value() ? absl::StrCat(status->ToString(), " ") : "";
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t start = out.size();
    absl::StrAppend(&out, code, i + 1 < lines.size() ? "-" : " ", prefix, lines[i]);
    out.resize(std::min(out.size(), start + kMaxReplyLineOctets - 2));
    std::replace_if(
        out.begin() + static_cast<std::ptrdiff_t>(start), out.end(),
        [](char c) { return !absl::ascii_isprint(static_cast<unsigned char>(c)); }, '?');
    out += "\r\n";
  }
}

}  // namespace sluice::smtp
