// What the daemon and the signer process send each other (tls/signer/protocol.h): read the same
// however it is cut, within its bounds, and written again as it was read.
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/input.h"
#include "tls/signer/protocol.h"

namespace sluice::signer {
namespace {

constexpr size_t kLengthOctets = 4;

struct Cut {
  std::vector<std::string> bodies;
  bool broken = false;
};

Cut ReadAll(std::string_view bytes, size_t step) {
  Cut cut;
  FrameReader reader;
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, step);
    bytes.remove_prefix(piece.size());
    reader.Append(piece);
    while (const std::optional<std::string_view> body = reader.Next()) {
      SLUICE_CHECK(!body->empty() && body->size() <= kMostBody);
      cut.bodies.emplace_back(*body);
    }
  }
  cut.broken = reader.broken();
  return cut;
}

void CheckBody(std::string_view body) {
  if (const std::optional<Request> request = DecodeRequest(body)) {
    SLUICE_CHECK(request->input.size() <= kMostInput && request->files.size() <= kMostFiles &&
                 request->keep.size() <= kMostKept);
    SLUICE_CHECK(Encode(*request).substr(kLengthOctets) == body);
  }
  if (const std::optional<Response> response = DecodeResponse(body)) {
    SLUICE_CHECK(response->fault <= kLastFault && response->file_index < kMostFiles &&
                 response->output.size() <= kMostOutput);
    SLUICE_CHECK(Encode(*response).substr(kLengthOctets) == body);
  }
}

}  // namespace
}  // namespace sluice::signer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::signer;
  if (size == 0) return 0;
  const size_t step = data[0] % 64 + size_t{1};
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Cut whole = ReadAll(stream, stream.size());
  const Cut cut = ReadAll(stream, step);
  SLUICE_CHECK(whole.bodies == cut.bodies && whole.broken == cut.broken);
  for (const std::string& body : whole.bodies) CheckBody(body);
  CheckBody(stream);  // deep inside, without a length that has to be guessed
  return 0;
}
