// Bodies (smtp/data_decoder.h), held against a plain account of the rules: the end is where it is,
// and nowhere else, however the octets arrive.
#include <fuzzer/FuzzedDataProvider.h>

#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/smtp/data_decoder.h"
#include "tests/fuzz/input.h"
#include "tests/smtp/data_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  FuzzedDataProvider provider(data, size);
  DataDecoder::Limits limits;
  limits.message_bytes = provider.ConsumeIntegralInRange<size_t>(0, 600);
  limits.header_bytes = provider.ConsumeIntegralInRange<size_t>(0, 300);
  limits.received_fields = provider.ConsumeIntegralInRange<int>(0, 3);
  const size_t segment = provider.ConsumeIntegralInRange<size_t>(1, 40);
  const std::string input = provider.ConsumeRemainingBytesAsString();

  const std::optional<DecodedData> expected = ReferenceDecode(limits, input);
  constexpr absl::string_view kPrefix = "Received: by us\r\n";
  DataDecoder decoder(limits, kPrefix);
  size_t used = 0;
  bool ended = false;
  while (!ended && used < input.size()) {
    const size_t before = used;
    const absl::string_view piece = absl::string_view(input).substr(used, segment);
    ended = decoder.Consume(piece, used);
    SLUICE_CHECK(used - before <= piece.size() && (ended || used - before == piece.size()));
  }
  SLUICE_CHECK(ended == expected.has_value());
  if (!ended) return 0;
  SLUICE_CHECK(used == expected->end);
  // What makes the whole dialogue safe: no message ends but behind CRLF "." CRLF.
  SLUICE_CHECK(absl::EndsWith(absl::StrCat("\r\n", input.substr(0, used)), "\r\n.\r\n"));
  const std::optional<Reply> refusal = decoder.refusal();
  SLUICE_CHECK(refusal.has_value() != expected->refusal.empty());
  if (refusal.has_value()) {
    SLUICE_CHECK(absl::StrCat(refusal->code, " ", refusal->status->ToString()) ==
                 expected->refusal);
  } else {
    SLUICE_CHECK(decoder.TakeBody().Flatten() == absl::StrCat(kPrefix, expected->body));
  }
  return 0;
}
