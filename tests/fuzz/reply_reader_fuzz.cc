// What servers say (smtp/reply_reader.h): read the same however it is cut, and never as more, or as
// something else, than what was sent.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/smtp/reply_reader.h"
#include "tests/fuzz/input.h"

namespace sluice::smtp {
namespace {

struct Heard {
  std::vector<Reply> replies;
  bool broken = false;
  size_t used = 0;  // by the replies that were complete
};

// Reads on in pieces of `segment` octets until the end or an error.
Heard ReadAll(absl::string_view bytes, size_t segment) {
  Heard heard;
  ReplyReader reader;
  size_t used = 0;
  while (used < bytes.size()) {
    const absl::string_view piece = bytes.substr(used, segment);
    const size_t before = used;
    const absl::StatusOr<bool> complete = reader.Read(piece, used);
    SLUICE_CHECK(used - before <= piece.size());
    if (!complete.ok()) {
      SLUICE_CHECK(IsPrintableAscii(complete.status().message()));
      heard.broken = true;
      return heard;
    }
    SLUICE_CHECK(*complete || used - before == piece.size());
    if (!*complete) continue;
    heard.replies.push_back(reader.Take());
    heard.used = used;
  }
  return heard;
}

bool Same(const Reply& a, const Reply& b) {
  return a.code == b.code && a.status == b.status && a.text == b.text;
}

void CheckReply(const Reply& reply) {
  SLUICE_CHECK(reply.code >= 200 && reply.code <= 599);
  SLUICE_CHECK(!reply.status.has_value() || reply.status->klass == reply.code / 100);
  SLUICE_CHECK(reply.text.size() <= ReplyReader::kKeptBytes);
  for (const absl::string_view line : absl::StrSplit(reply.text, '\n')) {
    SLUICE_CHECK(IsPrintableAscii(line));
  }
  // As it is sent on, it is a reply of the same code again.
  std::string sent;
  reply.AppendTo(sent);
  const Heard again = ReadAll(sent, sent.size());
  SLUICE_CHECK(!again.broken && again.used == sent.size() && again.replies.size() == 1);
  SLUICE_CHECK(again.replies[0].code == reply.code);
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  FuzzedDataProvider provider(data, size);
  const size_t segment = provider.ConsumeIntegralInRange<size_t>(1, 64);
  const std::string bytes = provider.ConsumeRemainingBytesAsString();

  const Heard whole = ReadAll(bytes, bytes.size());
  const Heard cut = ReadAll(bytes, segment);
  SLUICE_CHECK(whole.broken == cut.broken && whole.used == cut.used);
  SLUICE_CHECK(whole.replies.size() == cut.replies.size());
  for (size_t i = 0; i < whole.replies.size(); ++i) {
    SLUICE_CHECK(Same(whole.replies[i], cut.replies[i]));
    CheckReply(whole.replies[i]);
  }
  // No reply without a last line of its own.
  SLUICE_CHECK(whole.replies.size() <=
               static_cast<size_t>(std::count(bytes.begin(), bytes.end(), '\n')));
  return 0;
}
