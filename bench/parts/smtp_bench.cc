// What SMTP itself costs: a line understood as a command, a body decoded as it arrives.
//
//   smtp_bench
//
// x_memchr is the time of the decoder as a multiple of looking for every LF with memchr in the same
// bytes and copying them once, which is the least that any decoder has to do.
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bench/parts/in_turns.h"
#include "benchmark/benchmark.h"
#include "engine/io/chunk.h"
#include "engine/smtp/command.h"
#include "engine/smtp/data_decoder.h"

namespace sluice::smtp {
namespace {

void BM_Command(benchmark::State& state, const char* line) {
  for (auto _ : state) {
    Command command = ParseCommand(line);
    benchmark::DoNotOptimize(command);
  }
}
BENCHMARK_CAPTURE(BM_Command, Ehlo, "EHLO mail.example.com");
BENCHMARK_CAPTURE(BM_Command, Mail,
                  "MAIL FROM:<alice.smith@mail.example.com> SIZE=10240 BODY=8BITMIME");
BENCHMARK_CAPTURE(BM_Command, Rcpt, "RCPT TO:<bob.jones@customers.example.net>");
BENCHMARK_CAPTURE(BM_Command, Data, "DATA");
BENCHMARK_CAPTURE(BM_Command, Unicode,
                  "RCPT TO:<r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s@b\xc3\xbc"
                  "cher.example>");

// A header, then lines of `line_bytes` with their CRLF; one in `dotted` begins with a dot that was
// stuffed (0: none).
std::string MakeMessage(size_t bytes, size_t line_bytes, size_t dotted) {
  std::string text = "From: <alice@example.com>\r\nTo: <bob@example.net>\r\nSubject: bench\r\n\r\n";
  for (size_t line = 1; text.size() < bytes; ++line) {
    const bool dot = dotted > 0 && line % dotted == 0;
    absl::StrAppend(&text, dot ? ".." : "ab", std::string(line_bytes - 4, 'x'), "\r\n");
  }
  return absl::StrCat(text, ".\r\n");
}

size_t Decode(const std::string& message, size_t piece) {
  DataDecoder decoder(DataDecoder::Limits{}, "Received: by bench\r\n");
  size_t used = 0;
  while (!decoder.Consume(absl::string_view(message).substr(used, piece), used)) {
  }
  return decoder.TakeBody().size();
}

size_t Bound(const std::string& message, std::string& copy) {
  size_t lines = 0;
  const char* at = message.data();
  const char* const end = at + message.size();
  while (const void* const found = std::memchr(at, '\n', static_cast<size_t>(end - at))) {
    at = static_cast<const char*>(found) + 1;
    ++lines;
    if (at == end) break;
  }
  std::memcpy(copy.data(), message.data(), message.size());
  benchmark::DoNotOptimize(copy.data());
  return lines;
}

// Arguments: bytes of the message, of a line, one stuffed dot in so many lines.
void BM_Decode(benchmark::State& state) {
  const std::string message =
      MakeMessage(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)),
                  static_cast<size_t>(state.range(2)));
  constexpr size_t kPiece = 16 * 1024;  // a TLS record
  for (auto _ : state) benchmark::DoNotOptimize(Decode(message, kPiece));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(message.size()));
  std::string copy(message.size(), '\0');
  const size_t some = 1 + (size_t{4} << 20) / message.size();
  const auto repeat = [&](auto work) {
    return [some, work] {
      for (size_t i = 0; i < some; ++i) benchmark::DoNotOptimize(work());
    };
  };
  state.counters["x_memchr"] = InTurns(repeat([&] { return Decode(message, kPiece); }),
                                       repeat([&] { return Bound(message, copy); }), 15);
}
BENCHMARK(BM_Decode)
    ->ArgNames({"bytes", "line", "dotted"})
    ->Args({10 << 10, 78, 0})
    ->Args({10 << 10, 78, 10})
    ->Args({1 << 20, 78, 0})
    ->Args({1 << 20, 998, 0});

}  // namespace
}  // namespace sluice::smtp
