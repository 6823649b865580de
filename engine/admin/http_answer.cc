#include "engine/admin/http_answer.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "engine/base/check.h"

namespace sluice::admin {
namespace {

constexpr size_t kStreamBlock = 64 * 1024;

// A body whose pieces are made as the connection takes them.
struct Stream {
  Response::Source source;
  std::string piece;
  size_t sent = 0;

  static ssize_t Read(void* stream, uint64_t /*position*/, char* out, size_t room) {
    Stream& self = *static_cast<Stream*>(stream);
    if (self.sent == self.piece.size()) {
      self.piece.clear();
      self.sent = 0;
      while (self.piece.empty()) {
        if (!self.source(self.piece) && self.piece.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
      }
    }
    const size_t n = std::min(room, self.piece.size() - self.sent);
    memcpy(out, self.piece.data() + self.sent, n);
    self.sent += n;
    return static_cast<ssize_t>(n);
  }
  static void Free(void* stream) { delete static_cast<Stream*>(stream); }
};

// What every answer has, unless its handler says otherwise: nobody keeps it, and no browser runs,
// frames, guesses at or tells others of what it has got.
constexpr std::pair<const char*, const char*> kHeaders[] = {
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
};

void AddHeaders(const Response& response, MHD_Response* answer) {
  MHD_add_response_header(answer, MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type.c_str());
  for (const auto& [name, value] : kHeaders) {
    const bool replaced = std::any_of(
        response.headers.begin(), response.headers.end(),
        [own = name](const auto& header) { return absl::EqualsIgnoreCase(header.first, own); });
    if (!replaced) MHD_add_response_header(answer, name, value);
  }
  for (const auto& [name, value] : response.headers) {
    MHD_add_response_header(answer, name.c_str(), value.c_str());
  }
}

}  // namespace

MHD_Result SendAnswer(MHD_Connection* connection, Response response) {
  MHD_Response* const answer =
      response.source ? MHD_create_response_from_callback(
                            MHD_SIZE_UNKNOWN, kStreamBlock, &Stream::Read,
                            new Stream{std::move(response.source), "", 0}, &Stream::Free)
                      : MHD_create_response_from_buffer(response.body.size(), response.body.data(),
                                                        MHD_RESPMEM_MUST_COPY);
  SLUICE_CHECK(answer != nullptr);
  AddHeaders(response, answer);
  const MHD_Result queued =
      MHD_queue_response(connection, static_cast<unsigned>(response.status), answer);
  MHD_destroy_response(answer);
  return queued;
}

}  // namespace sluice::admin
