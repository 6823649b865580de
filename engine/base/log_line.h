// The form of a line of the log, as text and as JSON; log.h shows one of each.
#ifndef SLUICE_ENGINE_BASE_LOG_LINE_H_
#define SLUICE_ENGINE_BASE_LOG_LINE_H_

#include <initializer_list>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/log.h"

namespace sluice::log {

// Of a longer value the log has only the beginning, and how much is missing.
inline constexpr size_t kMostValueBytes = 1024;

absl::string_view LevelName(Level level);

// Event and fields, every value escaped and bounded: what is between the level and the line's end.
void AppendBody(Format format, absl::string_view event, std::initializer_list<Field> fields,
                std::string& out);

// The whole line, with its '\n'.
void AppendLine(Format format, absl::Time now, Level level, absl::string_view event,
                std::initializer_list<Field> fields, std::string& out);

}  // namespace sluice::log

#endif  // SLUICE_ENGINE_BASE_LOG_LINE_H_
