#include "engine/smtp/data_decoder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/planted_bug.h"

namespace sluice::smtp {

DataDecoder::DataDecoder(const Limits& limits, absl::string_view prefix)
    : limits_(limits), prefix_bytes_(prefix.size()) {
  writer_.Append(prefix);
}

bool DataDecoder::Consume(absl::string_view input, size_t& used) {
  size_t i = 0;
  while (i < input.size()) {
    const char c = input[i];
    switch (at_) {
      case At::kLineStart:
        after_cr_ = false;
        if (c == '.') {
          at_ = At::kDot;
          ++i;
        } else {
          at_ = At::kInLine;
        }
        break;
      case At::kDot:  // taken off, whatever follows (§4.5.2)
        if (c == '\r') {
          at_ = At::kDotCr;
          ++i;
        } else {
          at_ = At::kInLine;
        }
        break;
      case At::kDotCr:
        if (c == '\n') {
          used += i + 1;
          return true;
        }
        Keep("\r");  // the line goes on behind a bare CR
        after_cr_ = true;
        at_ = At::kInLine;
        break;
      case At::kInLine:
        i += TakeLines(input.substr(i));
        break;
    }
  }
  used += i;
  return false;
}

size_t DataDecoder::TakeLines(absl::string_view text) {
  size_t taken = 0;
  bool line_ended = false;
  do {
    line_ended = ScanLine(text, taken);
  } while (line_ended && !in_header_ && taken < text.size() && text[taken] != '.');
  Keep(text.substr(0, taken));
  if (line_ended) {
    at_ = SLUICE_PLANTED_BUG(DotAtBufferEdgeKept) && taken == text.size() ? At::kInLine
                                                                         : At::kLineStart;
    if (in_header_) EndHeaderLine();
  }
  return taken;
}

bool DataDecoder::ScanLine(absl::string_view text, size_t& at) {
  const absl::string_view rest = text.substr(at);
  const void* const found = std::memchr(rest.data(), '\n', rest.size());
  const size_t length = found == nullptr
                            ? rest.size()
                            : static_cast<size_t>(static_cast<const char*>(found) - rest.data());
  if (length > 0) {
    if (after_cr_) bare_ = true;
    // The first CR must be the last octet, with the LF behind it.
    const void* const cr = std::memchr(rest.data(), '\r', length);
    if (cr != nullptr && static_cast<const char*>(cr) != rest.data() + length - 1) bare_ = true;
    after_cr_ = rest[length - 1] == '\r';
  }
  if (found == nullptr) {
    at = text.size();
    return false;
  }
  at += length + 1;
  const bool line_ended = std::exchange(after_cr_, false);
  if (!line_ended) bare_ = true;  // a bare LF ends no line
  return line_ended;
}

void DataDecoder::Keep(absl::string_view bytes) {
  if (in_header_) NoteHeader(bytes);
  if (discarding_ || too_large_) return;
  if (writer_.size() - prefix_bytes_ + bytes.size() > limits_.message_bytes) {
    too_large_ = true;
    writer_ = io::ChunkWriter();
    return;
  }
  writer_.Append(bytes);
}

void DataDecoder::Discard() {
  discarding_ = true;
  writer_ = io::ChunkWriter();
}

void DataDecoder::NoteHeader(absl::string_view bytes) {
  header_bytes_ += bytes.size();
  if (header_bytes_ > limits_.header_bytes) header_too_large_ = true;
  if (line_bytes_ < sizeof(line_head_)) {
    const size_t n = std::min(sizeof(line_head_) - line_bytes_, bytes.size());
    std::memcpy(line_head_ + line_bytes_, bytes.data(), n);
  }
  line_bytes_ += bytes.size();
}

void DataDecoder::EndHeaderLine() {
  if (line_bytes_ == 2) {  // CRLF alone
    in_header_ = false;
  } else if (line_bytes_ > sizeof(line_head_) &&
             absl::EqualsIgnoreCase(absl::string_view(line_head_, sizeof(line_head_)),
                                    "Received:")) {
    ++received_fields_;
  }
  line_bytes_ = 0;
}

std::optional<Reply> DataDecoder::refusal() const {
  if (too_large_) {
    return Reply{
        552, EnhancedStatus{5, 3, 4},
        absl::StrCat("Message too large: at most ", limits_.message_bytes, " bytes are taken")};
  }
  if (discarding_) {
    return Reply{452, EnhancedStatus{4, 3, 1}, "Not enough memory now; try again later"};
  }
  if (bare_) {
    return Reply{550, EnhancedStatus{5, 5, 2},
                 "The message has a CR or LF of its own: lines end in CRLF (RFC 5321 2.3.8)"};
  }
  if (header_too_large_) {
    return Reply{
        552, EnhancedStatus{5, 3, 4},
        absl::StrCat("Header too large: at most ", limits_.header_bytes, " bytes are taken")};
  }
  if (received_fields_ > limits_.received_fields) {
    return Reply{
        554, EnhancedStatus{5, 4, 6},
        absl::StrCat("Mail loop: more than ", limits_.received_fields, " Received: fields")};
  }
  return std::nullopt;
}

}  // namespace sluice::smtp
