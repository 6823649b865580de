#include "engine/base/log_line.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "engine/base/escape.h"

namespace sluice::log {
namespace {

// "2026-03-01T12:00:00.123Z". What comes before the milliseconds is kept for as long as it holds.
void AppendTime(absl::Time now, std::string& out) {
  thread_local int64_t kept_s = INT64_MIN;
  thread_local std::string kept;
  const int64_t now_ms = absl::ToUnixMillis(now);
  const int64_t now_s = absl::ToUnixSeconds(now);
  if (now_s != kept_s) {
    kept =
        absl::FormatTime("%Y-%m-%dT%H:%M:%S.", absl::FromUnixSeconds(now_s), absl::UTCTimeZone());
    kept_s = now_s;
  }
  absl::StrAppend(&out, kept, absl::Dec(now_ms - now_s * 1000, absl::kZeroPad3), "Z");
}

// Whether a value stands without quotes: nothing in it could be taken for the end of it, or for
// the mark of an empty one.
bool IsWord(absl::string_view value) {
  if (value.empty() || value == "-") return false;
  for (const char c : value) {
    if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=') return false;
  }
  return true;
}

void AppendTextValue(absl::string_view value, absl::string_view missing, std::string& out) {
  if (value.empty()) {
    out += '-';
  } else if (missing.empty() && IsWord(value)) {
    out.append(value.data(), value.size());
  } else {
    out += '"';
    AppendCEscaped(value, out);
    absl::StrAppend(&out, missing, "\"");
  }
}

void AppendJsonValue(absl::string_view value, absl::string_view missing, std::string& out) {
  out += '"';
  AppendJsonEscaped(value, out);
  absl::StrAppend(&out, missing, "\"");
}

void AppendField(Format format, const Field& field, std::string& out) {
  const absl::string_view value = field.value.substr(0, kMostValueBytes);
  std::string missing;
  if (value.size() < field.value.size()) {
    missing = absl::StrCat("... (", field.value.size() - value.size(), " bytes more)");
  }
  if (format == Format::kText) {
    absl::StrAppend(&out, " ", field.name, "=");
    AppendTextValue(value, missing, out);
  } else {
    absl::StrAppend(&out, ",\"", field.name, "\":");
    AppendJsonValue(value, missing, out);
  }
}

}  // namespace

absl::string_view LevelName(Level level) {
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

void AppendBody(Format format, absl::string_view event, std::initializer_list<Field> fields,
                std::string& out) {
  if (format == Format::kText) {
    out.append(event.data(), event.size());
  } else {
    absl::StrAppend(&out, "\"event\":\"", event, "\"");
  }
  for (const Field& field : fields) AppendField(format, field, out);
}

void AppendLine(Format format, absl::Time now, Level level, absl::string_view event,
                std::initializer_list<Field> fields, std::string& out) {
  const bool text = format == Format::kText;
  if (!text) out += "{\"time\":\"";
  AppendTime(now, out);
  absl::StrAppend(&out, text ? " " : "\",\"level\":\"", LevelName(level), text ? " " : "\",");
  AppendBody(format, event, fields, out);
  out += text ? "\n" : "}\n";
}

}  // namespace sluice::log
