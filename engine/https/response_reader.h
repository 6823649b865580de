// Reads the response to one HTTPS request (RFC 9112), from a server that is not trusted:
//
//   ResponseReader reader(/*most_body_bytes=*/65536);
//   while (!reader.done()) {
//     … more input …
//     SLUICE_CO_ASSIGN_OR_RETURN(const size_t taken, reader.Take(stream.input()));
//     stream.Consume(taken);
//   }
//   const Response& response = reader.response();
//
// A body is read only of a 200, and only where one is wanted (most_body_bytes > 0): of any other
// response the status is all that counts. Its end has to be told by Content-Length or by chunks:
// where it is told by the end of the connection, whoever can cut that can cut the body. No content
// codings: none was offered.
//
// No I/O; one thread.
#ifndef SLUICE_ENGINE_HTTPS_RESPONSE_READER_H_
#define SLUICE_ENGINE_HTTPS_RESPONSE_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::https {

struct Response {
  int status = 0;            // 100 to 599
  std::string content_type;  // as sent; of several the first
  std::string body;
};

class ResponseReader {
 public:
  // Of everything that is not body.
  static constexpr size_t kMostLineBytes = 8 * 1024;
  static constexpr size_t kMostHeadBytes = 32 * 1024;

  explicit ResponseReader(size_t most_body_bytes) : most_body_bytes_(most_body_bytes) {}

  // How much of `input` has been read: what is left is to be given again with more behind it.
  // InvalidArgument: this is no HTTP response, or is larger than what is taken; then no further.
  absl::StatusOr<size_t> Take(absl::string_view input);
  bool done() const { return state_ == State::kDone; }
  // Once done().
  const Response& response() const { return response_; }

 private:
  enum class State : uint8_t {
    kStatus,
    kHeader,
    kBody,
    kChunkSize,
    kChunk,
    kChunkEnd,
    kTrailer,
    kDone
  };

  absl::Status TakeLine(absl::string_view line);
  absl::Status TakeStatus(absl::string_view line);
  absl::Status TakeField(absl::string_view line);
  absl::Status TakeHeadEnd();
  absl::Status TakeChunkSize(absl::string_view line);
  absl::Status Expect(uint64_t bytes, State state);

  const size_t most_body_bytes_;
  State state_ = State::kStatus;
  size_t head_bytes_ = 0;
  uint64_t expected_ = 0;  // of the body, or of this chunk
  std::optional<uint64_t> content_length_;
  bool chunked_ = false;
  Response response_;
};

}  // namespace sluice::https

#endif  // SLUICE_ENGINE_HTTPS_RESPONSE_READER_H_
