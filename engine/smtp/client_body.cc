#include "engine/smtp/client_body.h"

#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/planted_bug.h"

namespace sluice::smtp {
namespace {

constexpr absl::string_view kDot = ".";
constexpr absl::string_view kEnd = ".\r\n";
constexpr absl::string_view kEndOfUnfinishedLine = "\r\n.\r\n";

// How far `bytes` goes without a dot that needs another in front of it; `bytes` itself does not
// start with one.
size_t RunLength(absl::string_view bytes) {
  const char* const begin = bytes.data();
  const char* const end = begin + bytes.size();
  const char* at = begin;
  while (true) {
    const void* newline = std::memchr(at, '\n', static_cast<size_t>(end - at));
    if (newline == nullptr) return bytes.size();
    at = static_cast<const char*>(newline) + 1;
    if (at == end) return bytes.size();
    if (SLUICE_PLANTED_BUG(DotNotStuffed)) return bytes.size();
    if (*at == '.') return static_cast<size_t>(at - begin);
  }
}

// Whether the body is empty or ends in CRLF, wherever its chunks are cut.
bool EndsALine(const io::Body& body) {
  absl::string_view wanted = "\r\n";
  for (auto chunk = body.chunks().rbegin(); chunk != body.chunks().rend(); ++chunk) {
    absl::string_view bytes = chunk->view();
    while (!bytes.empty() && !wanted.empty()) {
      if (bytes.back() != wanted.back()) return false;
      bytes.remove_suffix(1);
      wanted.remove_suffix(1);
    }
    if (wanted.empty()) return true;
  }
  return body.size() == 0;
}

}  // namespace

bool DotStuffer::Next(size_t max_bytes, std::vector<absl::string_view>& pieces) {
  SLUICE_CHECK(max_bytes >= kLeastBytes);
  pieces.clear();
  if (finished_) return false;
  size_t room = max_bytes;
  const std::vector<io::Chunk>& chunks = body_.chunks();
  while (chunk_ < chunks.size()) {
    const absl::string_view rest = chunks[chunk_].view().substr(offset_);
    if (rest.empty()) {
      ++chunk_;
      offset_ = 0;
      continue;
    }
    // A dot and the one put in front of it are never parted.
    if (room < 2 || pieces.size() + 2 > kMostPieces) return true;
    if (line_start_ && rest.front() == '.') {
      pieces.push_back(kDot);
      --room;
    }
    const size_t n = RunLength(rest.substr(0, room));
    pieces.push_back(rest.substr(0, n));
    room -= n;
    offset_ += n;
    line_start_ = rest[n - 1] == '\n';
  }
  if (room < kEndOfUnfinishedLine.size() || pieces.size() == kMostPieces) return true;
  pieces.push_back(EndsALine(body_) ? kEnd : kEndOfUnfinishedLine);
  finished_ = true;
  return true;
}

BdatChunk::BdatChunk(const io::Body& body)
    : body_(body),
      whole_lines_(EndsALine(body)),
      command_(absl::StrCat("BDAT ", body.size() + (whole_lines_ ? 0 : 2), " LAST\r\n")) {}

bool BdatChunk::Next(size_t max_bytes, std::vector<absl::string_view>& pieces) {
  pieces.clear();
  if (finished_) return false;
  if (!std::exchange(begun_, true)) pieces.push_back(command_);
  const std::vector<io::Chunk>& chunks = body_.chunks();
  size_t room = max_bytes;
  while (chunk_ < chunks.size() && room > 0) {
    const absl::string_view piece = chunks[chunk_].view().substr(offset_, room);
    if (!piece.empty()) pieces.push_back(piece);
    room -= piece.size();
    offset_ += piece.size();
    if (offset_ == chunks[chunk_].view().size()) {
      ++chunk_;
      offset_ = 0;
    }
  }
  if (chunk_ < chunks.size()) return true;
  if (!whole_lines_) pieces.push_back("\r\n");
  finished_ = true;
  return true;
}

}  // namespace sluice::smtp
