// Reads SMTP replies (RFC 5321 §4.2) from a byte stream that may be cut anywhere. No I/O.
//
//   ReplyReader reader;
//   size_t used = 0;
//   absl::StatusOr<bool> complete = reader.Read(stream.input(), used);
//   stream.Consume(used);
//   if (complete.ok() && *complete) Reply reply = reader.Take();
//
//   reply = *( code "-" [text] CRLF ) code [ SP [text] ] CRLF       code = ( 2 / 3 / 4 / 5 ) 2DIGIT
//
// Bounds: kMaxLine bytes a line, kMaxLines lines. Beyond them, with a line that does not start with
// a code, or with codes that differ from line to line, the reply is InvalidArgument and the
// connection out of step for good. A bare LF ends a line as CRLF does: servers that send it
// exist, and a client that reads one reply at a time and refuses surplus input cannot be made to
// see a reply that was not sent. A bare CR is text.
//
// The Reply keeps printable ASCII only ('?' for the rest) and kKeptBytes of text at most, cut at
// the end of a line.
#ifndef SLUICE_ENGINE_SMTP_REPLY_READER_H_
#define SLUICE_ENGINE_SMTP_REPLY_READER_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/smtp/reply.h"

namespace sluice::smtp {

class ReplyReader {
 public:
  static constexpr size_t kMaxLine = 2048;  // with CRLF; RFC 5321 §4.5.3.1.5 grants 512
  static constexpr int kMaxLines = 128;
  static constexpr size_t kKeptBytes = 4 * 1024;

  // Takes bytes from the front of `input`, up to the end of the reply and no further, and adds how
  // many to `used`. True: the reply is complete, and Take() is next. False: all of `input` was used
  // and more is needed.
  absl::StatusOr<bool> Read(absl::string_view input, size_t& used);

  // Moves the complete reply out and starts on the next one.
  Reply Take();

 private:
  absl::Status EndLine();
  void Keep(absl::string_view text);

  std::string line_;  // the current one, so far
  int lines_ = 0;     // before it
  bool complete_ = false;
  bool full_ = false;  // no more text is kept
  Reply reply_;
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_REPLY_READER_H_
