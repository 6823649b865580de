#include "engine/base/log.h"

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "engine/base/line_writer.h"

namespace sluice::log {
namespace {

// A reader of stderr that has stopped reading must not keep the process from ending.
constexpr absl::Duration kLastWords = absl::Milliseconds(500);

std::atomic<Level> lowest_level{Level::kInfo};
Sink* other_sink = nullptr;
std::atomic<Format> line_format{Format::kText};

// "2026-03-01T12:00:00.123Z". What comes before the milliseconds is kept for as long as it holds.
void AppendTime(std::string& line, absl::Time now) {
  thread_local int64_t kept_s = INT64_MIN;
  thread_local std::string kept;
  const int64_t now_ms = absl::ToUnixMillis(now);
  const int64_t now_s = absl::ToUnixSeconds(now);
  if (now_s != kept_s) {
    kept =
        absl::FormatTime("%Y-%m-%dT%H:%M:%S.", absl::FromUnixSeconds(now_s), absl::UTCTimeZone());
    kept_s = now_s;
  }
  absl::StrAppend(&line, kept, absl::Dec(now_ms - now_s * 1000, absl::kZeroPad3), "Z");
}

absl::string_view NameOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

void AppendText(std::string& line, const Field& field) {
  const std::string value = Printable(field.value);
  const bool quote = value.empty() || value.find_first_of(" =") != std::string::npos ||
                     value.size() != field.value.size();
  absl::StrAppend(&line, " ", field.name, quote ? "=\"" : "=", value, quote ? "\"" : "");
}

// Bytes outside printable ASCII become \u00XX: the log shows bytes, it does not guess an encoding.
std::string JsonString(absl::string_view bytes) {
  std::string json = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      absl::StrAppend(&json, "\\u00", absl::Hex(byte, absl::kZeroPad2));
    } else {
      json += c;
    }
  }
  return json + '"';
}

// A whole line. `body` is what Body() makes.
std::string Line(Level level, absl::string_view body) {
  const bool text = line_format.load(std::memory_order_relaxed) == Format::kText;
  std::string line = text ? "" : "{\"time\":\"";
  AppendTime(line, absl::Now());
  if (text) {
    absl::StrAppend(&line, " ", NameOf(level), " ", body, "\n");
  } else {
    absl::StrAppend(&line, "\",\"level\":\"", NameOf(level), "\",", body, "}\n");
  }
  return line;
}

std::string Body(absl::string_view event, std::initializer_list<Field> fields) {
  std::string body;
  if (line_format.load(std::memory_order_relaxed) == Format::kText) {
    body = Printable(event);
    for (const Field& field : fields) AppendText(body, field);
  } else {
    absl::StrAppend(&body, "\"event\":", JsonString(event));
    for (const Field& field : fields) {
      absl::StrAppend(&body, ",", JsonString(field.name), ":", JsonString(field.value));
    }
  }
  return body;
}

std::string DroppedLines(uint64_t count) {
  return Line(Level::kWarning, Body("log_lines_dropped", {{"count", count}}));
}

// Never destroyed: threads may log until the very end.
LineWriter& Writer() {
  static auto* const writer = new LineWriter(STDERR_FILENO, &DroppedLines);
  return *writer;
}

}  // namespace

absl::StatusOr<Level> ParseLevel(absl::string_view name) {
  if (name == "debug") return Level::kDebug;
  if (name == "info") return Level::kInfo;
  if (name == "warning") return Level::kWarning;
  if (name == "error") return Level::kError;
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

void Flush() { Writer().Flush(kLastWords); }

void Write(Level level, absl::string_view event, std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  const std::string body = Body(event, fields);
  if (other_sink != nullptr) {
    (*other_sink)(level, body);
    return;
  }
  Writer().Add(Line(level, body), /*urgent=*/level >= Level::kWarning);
}

std::string Printable(absl::string_view bytes) {
  // CEscape also escapes the single quote, which is harmless and stands in most of our messages.
  return absl::StrReplaceAll(absl::CEscape(bytes), {{"\\'", "'"}, {"\\\\", "\\\\"}});
}

}  // namespace sluice::log
