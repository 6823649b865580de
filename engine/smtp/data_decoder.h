// The body of a message as it arrives behind DATA (RFC 5321 §4.5.2): finds its end, takes the dots
// off, and watches what it must not have.
//
//   DataDecoder decoder(limits);
//   size_t used = 0;
//   if (decoder.Consume(input, used)) …          // the end has been seen
//   std::optional<Reply> refusal = decoder.refusal();
//   io::Body body = decoder.TakeBody();
//
// Only CRLF "." CRLF ends a message. A bare CR or a bare LF anywhere gets it refused, but only
// after its real end: whoever reads another end into it finds commands where we saw text, which is
// how mail is smuggled past a gateway (CVE-2023-51764 and its kin). What is over a limit is read
// and dropped, for the same reason.
//
// What else a message holds is not ours to judge, and passes as it is: lines longer than the 1000
// octets of §4.5.3.1.6 (to break them would break signatures, and many senders write them), NUL,
// and octets outside ASCII whatever BODY= said. The only bounds are those in Limits.
//
// One thread; no I/O; any split of the input gives the same result.
#ifndef SLUICE_ENGINE_SMTP_DATA_DECODER_H_
#define SLUICE_ENGINE_SMTP_DATA_DECODER_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "engine/io/chunk.h"
#include "engine/smtp/reply.h"

namespace sluice::smtp {

class DataDecoder {
 public:
  struct Limits {
    size_t message_bytes = size_t{50} << 20;
    size_t header_bytes = 256 * 1024;
    int received_fields = 100;  // more of them are a loop (RFC 5321 §6.3)
  };

  // `prefix` is put in front of the body: this hop's own trace field.
  DataDecoder(const Limits& limits, absl::string_view prefix);

  // True when the end of the message was in `input`. `used` grows by what was taken: up to and with
  // that end, or all of `input`.
  bool Consume(absl::string_view input, size_t& used);

  // Keeps nothing any more, and lets go of what was kept; the end is still looked for.
  void Discard();
  // The memory that the message holds: its chunks, each allocated whole for its first byte.
  size_t memory() const { return writer_.memory(); }
  // Why the message is not taken; nullopt: nothing is wrong with it.
  std::optional<Reply> refusal() const;
  // After the end; when there was no refusal.
  io::Body TakeBody() { return std::move(writer_).Finish(); }

 private:
  enum class At : uint8_t { kLineStart, kDot, kDotCr, kInLine };

  // Keeps the front of `text`, which begins in a line and not with its dot: to the end of that
  // line, behind the header also the lines that follow up to one with a dot in front. Its length.
  size_t TakeLines(absl::string_view text);
  // Moves `at` behind the next LF, or to the end of `text`; true behind CRLF.
  bool ScanLine(absl::string_view text, size_t& at);
  void Keep(absl::string_view bytes);
  void NoteHeader(absl::string_view bytes);
  void EndHeaderLine();

  const Limits limits_;
  const size_t prefix_bytes_;
  io::ChunkWriter writer_;
  At at_ = At::kLineStart;
  bool after_cr_ = false;  // the last byte of the line so far was a CR
  bool bare_ = false;
  bool too_large_ = false;
  bool discarding_ = false;

  bool in_header_ = true;
  bool header_too_large_ = false;
  size_t header_bytes_ = 0;
  int received_fields_ = 0;
  size_t line_bytes_ = 0;   // of the present header line
  char line_head_[9] = {};  // its first bytes
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_DATA_DECODER_H_
