#include "tests/smtp/data_reference.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::smtp {

std::ostream& operator<<(std::ostream& out, const DecodedData& decoded) {
  return out << "ends at " << decoded.end << ", '" << decoded.refusal << "', body '"
             << absl::CHexEscape(decoded.body) << "'";
}

// A line ends in CRLF and nothing else, a line of one dot is the end, any other line loses one dot
// in front (RFC 5321 §4.5.2).
std::optional<DecodedData> ReferenceDecode(const DataDecoder::Limits& limits,
                                           absl::string_view input) {
  DecodedData decoded;
  bool bare = false;
  bool in_header = true;
  size_t header_bytes = 0;
  int received_fields = 0;
  while (true) {
    const size_t crlf = input.find("\r\n", decoded.end);
    if (crlf == absl::string_view::npos) return std::nullopt;
    absl::string_view line = input.substr(decoded.end, crlf - decoded.end);
    decoded.end = crlf + 2;
    if (line == ".") break;
    if (absl::StartsWith(line, ".")) line.remove_prefix(1);
    bare = bare || line.find_first_of("\r\n") != absl::string_view::npos;
    if (in_header) header_bytes += line.size() + 2;
    if (in_header && absl::StartsWithIgnoreCase(line, "Received:")) ++received_fields;
    if (line.empty()) in_header = false;
    absl::StrAppend(&decoded.body, line, "\r\n");
  }
  if (decoded.body.size() > limits.message_bytes) {
    decoded.refusal = "552 5.3.4";
  } else if (bare) {
    decoded.refusal = "550 5.5.2";
  } else if (header_bytes > limits.header_bytes) {
    decoded.refusal = "552 5.3.4";
  } else if (received_fields > limits.received_fields) {
    decoded.refusal = "554 5.4.6";
  }
  if (!decoded.refusal.empty()) decoded.body.clear();
  return decoded;
}

}  // namespace sluice::smtp
