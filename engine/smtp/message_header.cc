#include "engine/smtp/message_header.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace sluice::smtp {

std::string HeaderOf(const io::Body& body, size_t most_bytes) {
  std::string head;
  for (const io::Chunk& chunk : body.chunks()) {
    const absl::string_view bytes = chunk.view().substr(0, most_bytes - head.size());
    absl::StrAppend(&head, bytes);
    if (head.size() == most_bytes) break;
  }
  if (absl::StartsWith(head, "\r\n")) return "";
  const size_t end = head.find("\r\n\r\n");
  const size_t last_line = end != std::string::npos ? end : head.rfind("\r\n");
  if (last_line == std::string::npos) return "";
  head.resize(last_line + 2);
  return head;
}

bool SaysTlsRequiredNo(const io::Body& body) {
  constexpr absl::string_view kName = "TLS-Required:";
  const std::string header = HeaderOf(body, kSearchedHeaderBytes);
  absl::string_view rest = header;
  int fields = 0;
  bool no = false;
  while (!rest.empty()) {
    const bool found = absl::StartsWithIgnoreCase(rest, kName);
    size_t end = rest.find("\r\n") + 2;  // a header consists of whole lines
    while (found && end < rest.size() && (rest[end] == ' ' || rest[end] == '\t')) {
      end = rest.find("\r\n", end) + 2;  // folded
    }
    if (found) {
      const absl::string_view value =
          absl::StripAsciiWhitespace(rest.substr(kName.size(), end - kName.size()));
      no = absl::EqualsIgnoreCase(value, "No");
      ++fields;
    }
    rest.remove_prefix(end);
  }
  return fields == 1 && no;
}

}  // namespace sluice::smtp
