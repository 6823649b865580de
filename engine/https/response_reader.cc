#include "engine/https/response_reader.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"

namespace sluice::https {
namespace {

constexpr size_t kMostShown = 100;

absl::Status NoResponse(absl::string_view what, absl::string_view line) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the HTTP response has ", what, ": '", absl::CHexEscape(line.substr(0, kMostShown)), "'"));
}

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

bool IsToken(absl::string_view text) {  // RFC 9110 §5.6.2
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
           absl::StrContains("!#$%&'*+-.^_`|~", c);
  });
}

}  // namespace

absl::StatusOr<size_t> ResponseReader::Take(absl::string_view input) {
  const size_t given = input.size();
  while (!done()) {
    if (state_ == State::kBody || state_ == State::kChunk) {
      const size_t part = static_cast<size_t>(std::min<uint64_t>(expected_, input.size()));
      response_.body.append(input.data(), part);
      input.remove_prefix(part);
      expected_ -= part;
      if (expected_ > 0) break;
      state_ = state_ == State::kBody ? State::kDone : State::kChunkEnd;
      continue;
    }
    const size_t end = input.find('\n');
    const size_t line_bytes = end == absl::string_view::npos ? input.size() : end + 1;
    if (line_bytes > kMostLineBytes || head_bytes_ + line_bytes > kMostHeadBytes) {
      return absl::InvalidArgumentError("the HTTP response has a head that is too long");
    }
    if (end == absl::string_view::npos) break;
    head_bytes_ += line_bytes;
    absl::string_view line = input.substr(0, end);
    absl::ConsumeSuffix(&line, "\r");
    SLUICE_RETURN_IF_ERROR(TakeLine(line));
    input.remove_prefix(line_bytes);
  }
  return given - input.size();
}

absl::Status ResponseReader::TakeLine(absl::string_view line) {
  switch (state_) {
    case State::kStatus:
      return TakeStatus(line);
    case State::kHeader:
      return line.empty() ? TakeHeadEnd() : TakeField(line);
    case State::kChunkSize:
      return TakeChunkSize(line);
    case State::kChunkEnd:
      if (!line.empty()) return NoResponse("a chunk that is longer than it says", line);
      state_ = State::kChunkSize;
      return absl::OkStatus();
    case State::kTrailer:
      if (line.empty()) state_ = State::kDone;
      return absl::OkStatus();
    case State::kBody:
    case State::kChunk:
    case State::kDone:
      break;
  }
  SLUICE_CHECK(false);
}

absl::Status ResponseReader::TakeStatus(absl::string_view line) {
  absl::string_view rest = line;
  const bool version =
      absl::ConsumePrefix(&rest, "HTTP/1.1 ") || absl::ConsumePrefix(&rest, "HTTP/1.0 ");
  const absl::string_view code = rest.substr(0, 3);
  const bool ends = rest.size() == 3 || (rest.size() > 3 && rest[3] == ' ');
  if (!version || !ends || !AllDigits(code) || !absl::SimpleAtoi(code, &response_.status) ||
      response_.status < 100 || response_.status > 599) {
    return NoResponse("no status", line);
  }
  state_ = State::kHeader;
  return absl::OkStatus();
}

absl::Status ResponseReader::TakeField(absl::string_view line) {
  const size_t colon = line.find(':');
  // A line that begins with space is the obsolete way to go on with the one before (RFC 9112 §5.2).
  if (colon == absl::string_view::npos || !IsToken(line.substr(0, colon))) {
    return NoResponse("a header that is none", line);
  }
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "Content-Type") && response_.content_type.empty()) {
    response_.content_type = std::string(value);
  } else if (absl::EqualsIgnoreCase(name, "Content-Length")) {
    uint64_t length = 0;
    const bool read = AllDigits(value) && absl::SimpleAtoi(value, &length);
    if (!read || content_length_.value_or(length) != length) {
      return NoResponse("a Content-Length that cannot be", line);
    }
    content_length_ = length;
  } else if (absl::EqualsIgnoreCase(name, "Transfer-Encoding")) {
    if (chunked_ || !absl::EqualsIgnoreCase(value, "chunked")) {
      return NoResponse("an encoding that was not asked for", line);
    }
    chunked_ = true;
  }
  return absl::OkStatus();
}

absl::Status ResponseReader::TakeHeadEnd() {
  // Interim responses (1xx) stand in front of the one that counts.
  if (response_.status < 200) {
    response_ = Response();
    content_length_.reset();
    chunked_ = false;
    state_ = State::kStatus;
    return absl::OkStatus();
  }
  if (response_.status != 200 || most_body_bytes_ == 0) {
    state_ = State::kDone;
    return absl::OkStatus();
  }
  if (chunked_ && content_length_.has_value()) {
    return absl::InvalidArgumentError(
        "the HTTP response has both a Content-Length and chunks: RFC 9112 §6.3");
  }
  if (chunked_) {
    state_ = State::kChunkSize;
    return absl::OkStatus();
  }
  if (!content_length_.has_value()) {
    return absl::InvalidArgumentError(
        "the HTTP response does not say how long it is: neither by Content-Length nor by chunks");
  }
  return Expect(*content_length_, *content_length_ == 0 ? State::kDone : State::kBody);
}

absl::Status ResponseReader::TakeChunkSize(absl::string_view line) {
  const absl::string_view digits = absl::StripAsciiWhitespace(line.substr(0, line.find(';')));
  uint64_t size = 0;
  // Signs and "0x" are SimpleHexAtoi's, and no one else's.
  const bool hex = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) {
    return absl::ascii_isxdigit(static_cast<unsigned char>(c));
  });
  if (!hex || !absl::SimpleHexAtoi(digits, &size)) return NoResponse("no size of a chunk", line);
  return Expect(size, size == 0 ? State::kTrailer : State::kChunk);
}

absl::Status ResponseReader::Expect(uint64_t bytes, State state) {
  if (bytes > most_body_bytes_ - response_.body.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the HTTP response has a body of more than ", most_body_bytes_, " bytes"));
  }
  expected_ = bytes;
  state_ = state;
  return absl::OkStatus();
}

}  // namespace sluice::https
