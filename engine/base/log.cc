#include "engine/base/log.h"

#include <spdlog/async.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_replace.h"

namespace sluice::log {
namespace {

constexpr size_t kQueuedLines = 8192;

std::atomic<Level> lowest_level{Level::kInfo};
Sink* other_sink = nullptr;
std::atomic<Format> line_format{Format::kText};

// The prefix is the sink's, so that the time is that of the call and costs the caller nothing.
const char* PatternOf(Format format) {
  return format == Format::kText ? "%Y-%m-%dT%H:%M:%S.%eZ %l %v"
                                 : R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})";
}

// Neither is ever destroyed: threads may log until the very end.
using Writer = std::shared_ptr<spdlog::details::thread_pool>;
Writer& WriterThread() {
  static auto* const pool =
      new Writer(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, /*threads_n=*/1));
  return *pool;
}

spdlog::async_logger& Logger() {
  static const auto* const logger = [] {
    auto* made = new std::shared_ptr<spdlog::async_logger>(std::make_shared<spdlog::async_logger>(
        "sluice", std::make_shared<spdlog::sinks::stderr_sink_mt>(), WriterThread(),
        spdlog::async_overflow_policy::overrun_oldest));
    (*made)->set_level(spdlog::level::trace);
    (*made)->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        PatternOf(line_format.load()), spdlog::pattern_time_type::utc));
    (*made)->flush_on(spdlog::level::warn);
    return made;
  }();
  return **logger;
}

spdlog::level::level_enum SpdLevel(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
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
  Logger().set_formatter(std::make_unique<spdlog::pattern_formatter>(
      PatternOf(format), spdlog::pattern_time_type::utc));
}

void SetSink(Sink sink) {
  delete other_sink;
  other_sink = sink ? new Sink(std::move(sink)) : nullptr;
}

bool Enabled(Level level) { return level >= lowest_level.load(std::memory_order_relaxed); }

void Flush() {
  // The writer has no handshake to wait for. Half a second: a reader of stderr that has stopped
  // reading must not keep the process from ending.
  for (int i = 0; i < 500 && WriterThread()->queue_size() > 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  Logger().flush();
}

void Write(Level level, absl::string_view event, std::initializer_list<Field> fields) {
  if (!Enabled(level)) return;
  std::string line;
  if (line_format.load(std::memory_order_relaxed) == Format::kText) {
    line = Printable(event);
    for (const Field& field : fields) AppendText(line, field);
  } else {
    absl::StrAppend(&line, "\"event\":", JsonString(event));
    for (const Field& field : fields) {
      absl::StrAppend(&line, ",", JsonString(field.name), ":", JsonString(field.value));
    }
  }
  if (other_sink != nullptr) {
    (*other_sink)(level, line);
    return;
  }
  Logger().log(SpdLevel(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string Printable(absl::string_view bytes) {
  // CEscape also escapes the single quote, which is harmless and stands in most of our messages.
  return absl::StrReplaceAll(absl::CEscape(bytes), {{"\\'", "'"}, {"\\\\", "\\\\"}});
}

}  // namespace sluice::log
