// How a body that lies in chunks is said, without copying it: dot-stuffed behind DATA, or as it is
// behind BDAT.
//
// Dot-stuffing (RFC 5321 §4.5.2):
//
//   DotStuffer stuffer(body);
//   std::vector<absl::string_view> pieces;
//   while (stuffer.Next(max_bytes, pieces)) { … co_await stream.Write(pieces, deadline); }
//
// The pieces point into the body's chunks, except for the dots that are put in and the final "."
// CRLF, which lie in static storage. What goes out is
//
//   *( line CRLF ) "." CRLF       with "." in front of every line that starts with one
//
// A body holds no bare LF: those are refused where mail comes in. Were there one, a dot behind it
// would be stuffed as well, so that a server that takes it for the end of a line does not take what
// follows for the end of the message (SMTP smuggling).
//
// One thread. The body outlives the stuffer and the pieces.
#ifndef SLUICE_ENGINE_SMTP_CLIENT_BODY_H_
#define SLUICE_ENGINE_SMTP_CLIENT_BODY_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/io/chunk.h"

namespace sluice::smtp {

class DotStuffer {
 public:
  // A body full of lines that start with dots falls into very many pieces; Next() stops at these.
  static constexpr size_t kMostPieces = 512;
  static constexpr size_t kLeastBytes = 8;

  explicit DotStuffer(const io::Body& body) : body_(body) {}

  // Replaces `pieces` by the next ones: at most `max_bytes` (>= kLeastBytes) in kMostPieces. False,
  // and none, once the final dot has been handed out. A body that does not end in CRLF gets one, so
  // that the final dot stands on a line of its own.
  bool Next(size_t max_bytes, std::vector<absl::string_view>& pieces);

  // The final dot is among what has been handed out.
  bool finished() const { return finished_; }

 private:
  const io::Body& body_;
  size_t chunk_ = 0;
  size_t offset_ = 0;  // in that chunk
  bool line_start_ = true;
  bool finished_ = false;
};

// One BDAT command with all of the body behind it (RFC 3030 §2):
//
//   "BDAT" SP size SP "LAST" CRLF body
//
// Not a byte of the body is looked at, so nothing in it can pass for the end of the message. One
// that does not end in CRLF gets one, as behind DATA.
//
// The pieces point into the body's chunks, and into the chunk itself. One thread. The body outlives
// it.
class BdatChunk {
 public:
  explicit BdatChunk(const io::Body& body);
  BdatChunk(const BdatChunk&) = delete;
  BdatChunk& operator=(const BdatChunk&) = delete;

  // Replaces `pieces` by the next ones, at most `max_bytes` (> 0) and some; false, and none, when
  // all have been handed out.
  bool Next(size_t max_bytes, std::vector<absl::string_view>& pieces);

 private:
  const io::Body& body_;
  const bool whole_lines_;
  const std::string command_;
  bool begun_ = false;
  bool finished_ = false;
  size_t chunk_ = 0;
  size_t offset_ = 0;  // in that chunk
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_CLIENT_BODY_H_
