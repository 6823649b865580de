// An HTTP response from a stranger (https/response_reader.h): however it comes in pieces, the same
// is read of it, and no more than was allowed.
#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/https/response_reader.h"
#include "tests/fuzz/input.h"

namespace sluice::https {
namespace {

constexpr size_t kMostBody = 300;

struct Read {
  bool refused = false;
  bool done = false;
  Response response;
};

Read ReadInPieces(absl::string_view text, size_t piece) {
  ResponseReader reader(kMostBody);
  std::string waiting;
  Read read;
  while (!text.empty() && !reader.done()) {
    const size_t part = std::min(piece, text.size());
    waiting.append(text.data(), part);
    text.remove_prefix(part);
    const absl::StatusOr<size_t> taken = reader.Take(waiting);
    if (!taken.ok()) {
      SLUICE_CHECK(absl::IsInvalidArgument(taken.status()));
      SLUICE_CHECK(IsPrintableAscii(taken.status().message()));
      read.refused = true;
      return read;
    }
    SLUICE_CHECK(*taken <= waiting.size());
    waiting.erase(0, *taken);
    SLUICE_CHECK(waiting.size() <= ResponseReader::kMostLineBytes || reader.done());
  }
  read.done = reader.done();
  if (!read.done) return read;
  read.response = reader.response();
  SLUICE_CHECK(read.response.status >= 200 && read.response.status <= 599);
  SLUICE_CHECK(read.response.body.size() <= kMostBody);
  SLUICE_CHECK(read.response.status == 200 || read.response.body.empty());
  return read;
}

}  // namespace
}  // namespace sluice::https

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::https;
  const absl::string_view text = sluice::InputText(data, size);
  const Read whole = ReadInPieces(text, text.size() + 1);
  for (const size_t piece : {size_t{1}, size_t{3}}) {
    const Read read = ReadInPieces(text, piece);
    SLUICE_CHECK(read.refused == whole.refused && read.done == whole.done);
    SLUICE_CHECK(read.response.status == whole.response.status);
    SLUICE_CHECK(read.response.content_type == whole.response.content_type);
    SLUICE_CHECK(read.response.body == whole.response.body);
  }
  return 0;
}
