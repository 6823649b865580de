#include "engine/smtp/reply_reader.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"

namespace sluice::smtp {
namespace {

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

// The code at the front of `line`; 0 when there is none.
int CodeOf(absl::string_view line) {
  if (line.size() < 3 || line[0] < '2' || line[0] > '5' || !IsDigit(line[1]) || !IsDigit(line[2])) {
    return 0;
  }
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

// One number of an enhanced status, of 1 to 3 digits, at the front of `text`.
std::optional<int> TakeNumber(absl::string_view& text) {
  size_t n = 0;
  int number = 0;
  for (; n < text.size() && n < 3 && IsDigit(text[n]); ++n) number = number * 10 + (text[n] - '0');
  if (n == 0) return std::nullopt;
  text.remove_prefix(n);
  return number;
}

// The enhanced status (RFC 2034, RFC 3463) at the front of a line's text, and the blank behind it,
// taken off; nullopt, and `text` as it was, when there is none of the reply's own class.
std::optional<EnhancedStatus> TakeStatus(int code_class, absl::string_view& text) {
  absl::string_view rest = text;
  const std::optional<int> status_class = TakeNumber(rest);
  if (status_class != code_class || !absl::ConsumePrefix(&rest, ".")) return std::nullopt;
  const std::optional<int> subject = TakeNumber(rest);
  if (!subject.has_value() || !absl::ConsumePrefix(&rest, ".")) return std::nullopt;
  const std::optional<int> detail = TakeNumber(rest);
  if (!detail.has_value() || !(rest.empty() || absl::ConsumePrefix(&rest, " "))) {
    return std::nullopt;
  }
  text = rest;
  return EnhancedStatus{*status_class, *subject, *detail};
}

}  // namespace

absl::StatusOr<bool> ReplyReader::Read(absl::string_view input, size_t& used) {
  SLUICE_CHECK(!complete_);
  while (!input.empty() && !complete_) {
    const size_t newline = input.find('\n');
    const size_t n = newline == absl::string_view::npos ? input.size() : newline + 1;
    if (line_.size() + n > kMaxLine) {
      return absl::InvalidArgumentError(
          absl::StrCat("the server sent a reply line of more than ", kMaxLine, " bytes"));
    }
    absl::StrAppend(&line_, input.substr(0, n));
    input.remove_prefix(n);
    used += n;
    if (newline != absl::string_view::npos) SLUICE_RETURN_IF_ERROR(EndLine());
  }
  return complete_;
}

absl::Status ReplyReader::EndLine() {
  absl::string_view line = line_;
  absl::ConsumeSuffix(&line, "\n");
  absl::ConsumeSuffix(&line, "\r");
  const int code = CodeOf(line);
  const char separator = line.size() > 3 ? line[3] : ' ';
  if (code == 0 || (separator != ' ' && separator != '-')) {
    return absl::InvalidArgumentError(absl::StrCat("the server sent a line that is no SMTP reply: ",
                                                   log::Printable(line.substr(0, 80))));
  }
  if (lines_ > 0 && code != reply_.code) {
    return absl::InvalidArgumentError(
        absl::StrCat("the server sent one reply with two codes: ", reply_.code, " and ", code));
  }
  if (++lines_ > kMaxLines) {
    return absl::InvalidArgumentError(
        absl::StrCat("the server sent a reply of more than ", kMaxLines, " lines"));
  }
  reply_.code = code;
  Keep(line.substr(std::min<size_t>(line.size(), 4)));
  complete_ = separator == ' ';
  line_.clear();
  return absl::OkStatus();
}

void ReplyReader::Keep(absl::string_view text) {
  if (const std::optional<EnhancedStatus> status = TakeStatus(reply_.code / 100, text)) {
    if (!reply_.status.has_value()) reply_.status = status;
  }
  if (full_ || reply_.text.size() + 1 + text.size() > kKeptBytes) {
    full_ = true;
    return;
  }
  if (lines_ > 1) reply_.text.push_back('\n');
  for (const char c : text) {
    reply_.text.push_back(absl::ascii_isprint(static_cast<unsigned char>(c)) ? c : '?');
  }
}

Reply ReplyReader::Take() {
  SLUICE_CHECK(complete_);
  Reply reply = std::move(reply_);
  *this = ReplyReader();
  return reply;
}

}  // namespace sluice::smtp
