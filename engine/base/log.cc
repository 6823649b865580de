#include "engine/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "engine/base/clock.h"
#include "engine/base/escape.h"
#include "engine/base/line_writer.h"
#include "engine/base/log_line.h"
#include "engine/base/repetition.h"

namespace sluice::log {
namespace {

// A reader of stderr that has stopped reading must not keep the process from ending.
constexpr absl::Duration kLastWords = absl::Seconds(5);

std::atomic<Level> lowest_level{Level::kInfo};
Sink* other_sink = nullptr;
std::atomic<Format> line_format{Format::kText};

Format TheFormat() { return line_format.load(std::memory_order_relaxed); }

std::string DroppedLines(uint64_t count) {
  std::string line;
  AppendLine(TheFormat(), absl::Now(), Level::kWarning, "log_lines_dropped", {{"count", count}},
             line);
  return line;
}

// Never destroyed: threads may log until the very end.
LineWriter& Writer() {
  static auto* const writer = new LineWriter(STDERR_FILENO, &DroppedLines);
  return *writer;
}

void WriteLine(Level level, absl::string_view event, std::initializer_list<Field> fields) {
  thread_local std::string line;  // keeps its room
  line.clear();
  if (other_sink != nullptr) {
    AppendBody(TheFormat(), event, fields, line);
    (*other_sink)(level, line);
    return;
  }
  AppendLine(TheFormat(), absl::Now(), level, event, fields, line);
  Writer().Add(line, /*urgent=*/level >= Level::kWarning);
}

struct Repeated {
  absl::Mutex mutex;
  Repetition repetition ABSL_GUARDED_BY(mutex);
  std::atomic<bool> any{false};  // so that a line without repetition need not ask
};

Repeated& TheRepeated() {
  static auto* const repeated = new Repeated;
  return *repeated;
}

void Tell(const std::vector<Repetition::HeldBack>& held_back) {
  for (const Repetition::HeldBack& lines : held_back) {
    WriteLine(static_cast<Level>(lines.level), lines.event,
              {{"key", lines.key}, {"repeated", lines.lines}});
  }
}

// What the last minute held back is told by whoever writes the first line after it.
void TellIfOver() {
  Repeated& repeated = TheRepeated();
  if (!repeated.any.load(std::memory_order_relaxed)) return;
  std::vector<Repetition::HeldBack> held_back;
  {
    const absl::MutexLock lock(&repeated.mutex);
    if (!repeated.repetition.Over(SystemClock().MonoNow())) return;
    held_back = repeated.repetition.SumUp();
    repeated.any.store(false, std::memory_order_relaxed);
  }
  Tell(held_back);
}

bool Admit(Level level, absl::string_view event, absl::string_view key) {
  Repeated& repeated = TheRepeated();
  const absl::MutexLock lock(&repeated.mutex);
  repeated.any.store(true, std::memory_order_relaxed);
  return repeated.repetition.Admit(static_cast<int>(level), event, key, SystemClock().MonoNow());
}

}  // namespace

absl::StatusOr<Level> ParseLevel(absl::string_view name) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (name == LevelName(level)) return level;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' is none of debug, info, warning, error"));
}

absl::StatusOr<Format> ParseFormat(absl::string_view name) {
  if (name == "text") return Format::kText;
  if (name == "json") return Format::kJson;
  return absl::InvalidArgumentError(absl::StrCat("'", name, "' is none of text, json"));
}

void Configure(Level level, Format format) {
  lowest_level.store(level);
  line_format.store(format);
}

void SetSink(Sink sink) {
  delete other_sink;
  other_sink = sink ? new Sink(std::move(sink)) : nullptr;
}

bool Enabled(Level level) { return level >= lowest_level.load(std::memory_order_relaxed); }

void Flush() {
  Repeated& repeated = TheRepeated();
  std::vector<Repetition::HeldBack> held_back;
  {
    const absl::MutexLock lock(&repeated.mutex);
    held_back = repeated.repetition.SumUp();
  }
  Tell(held_back);
  Writer().Flush(kLastWords);
}

void Write(Level level, absl::string_view event, std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  TellIfOver();
  WriteLine(level, event, fields);
}

void WriteSome(Level level, absl::string_view event, absl::string_view key,
               std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  TellIfOver();
  if (other_sink == nullptr && !Admit(level, event, key)) return;
  WriteLine(level, event, fields);
}

std::string Printable(absl::string_view bytes) {
  std::string text;
  AppendCEscaped(bytes, text);
  return text;
}

}  // namespace sluice::log
