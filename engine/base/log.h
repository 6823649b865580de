// The operator's log: one line an event, to stderr, as text or JSON.
//
//   log::Info("listening", {{"address", address}, {"core", core}});
//     2026-03-01T12:00:00.123Z info listening address=127.0.0.1:2525 core=0
//     {"time":"2026-03-01T12:00:00.123Z","level":"info","event":"listening","address":"…","core":"0"}
//
// Every value is escaped and bounded: nothing that came from the network can forge a line, reach a
// terminal raw, or fill a disk with one reply. What a peer can cause as often as it likes goes
// through InfoSome and WarningSome, which write so many lines about it a minute and then one that
// counts the rest (repetition.h):
//
//   log::InfoSome("handshake_failed", client.ip(), {{"client", client.ToString()}});
//     … info handshake_failed key=192.0.2.1 repeated=1234
//
// A call never blocks on stderr: lines gather in a bounded buffer for a writer thread; when it is
// full lines are dropped, and how many is logged. Thread-safe.
#ifndef SLUICE_ENGINE_BASE_LOG_H_
#define SLUICE_ENGINE_BASE_LOG_H_

#include <functional>
#include <initializer_list>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace sluice::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kText, kJson };

// "debug", "info", "warning", "error"; "text", "json". The error names what is accepted.
absl::StatusOr<Level> ParseLevel(absl::string_view name);
absl::StatusOr<Format> ParseFormat(absl::string_view name);

// `name` is a word of ours; so is an event.
struct Field {
  Field(absl::string_view field_name, const absl::AlphaNum& field_value)
      : name(field_name), value(field_value.Piece()) {}
  absl::string_view name;
  absl::string_view value;  // lives as long as the full expression of the call
};

// Before the first line; without it lines are text from level info on.
void Configure(Level level, Format format);
bool Enabled(Level level);
// Lines go there, on the thread that writes them, instead of to stderr, and none is held back;
// null: to stderr again. For a world of one thread (engine/io/simulation).
using Sink = std::function<void(Level level, absl::string_view line)>;
void SetSink(Sink sink);
// Writes out what is queued and held back; call before the process ends.
void Flush();

void Write(Level level, absl::string_view event, std::initializer_list<Field> fields);
inline void Debug(absl::string_view event, std::initializer_list<Field> fields = {}) {
  if (Enabled(Level::kDebug)) Write(Level::kDebug, event, fields);
}
inline void Info(absl::string_view event, std::initializer_list<Field> fields = {}) {
  if (Enabled(Level::kInfo)) Write(Level::kInfo, event, fields);
}
inline void Warning(absl::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarning, event, fields);
}
inline void Error(absl::string_view event, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, event, fields);
}

// Of lines about the same `event` and `key` only so many a minute.
void WriteSome(Level level, absl::string_view event, absl::string_view key,
               std::initializer_list<Field> fields);
inline void InfoSome(absl::string_view event, absl::string_view key,
                     std::initializer_list<Field> fields) {
  if (Enabled(Level::kInfo)) WriteSome(Level::kInfo, event, key, fields);
}
inline void WarningSome(absl::string_view event, absl::string_view key,
                        std::initializer_list<Field> fields) {
  WriteSome(Level::kWarning, event, key, fields);
}

// Printable form of bytes from outside: AppendCEscaped() of escape.h.
std::string Printable(absl::string_view bytes);

}  // namespace sluice::log

#endif  // SLUICE_ENGINE_BASE_LOG_H_
