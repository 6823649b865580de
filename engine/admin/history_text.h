// The words of the history in the languages in which it can be read: one table for the command
// line, the HTTP API and the web page.
//
//   Heading(relay::HistoryKind::kTlsFailure, Language::kGerman)   "Verarbeitung läuft: TLS prüfen"
//   ReasonText("name_mismatch", Language::kEnglish)               "its certificate is for other
//   names"
//
// UTF-8. Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_HISTORY_TEXT_H_
#define SLUICE_ENGINE_ADMIN_HISTORY_TEXT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "queue/history.h"

namespace sluice::admin {

enum class Language : uint8_t { kEnglish, kGerman };

// "en", "de".
absl::StatusOr<Language> ParseLanguage(absl::string_view name);

// What an entry tells of: every entry is of exactly one kind.
enum class HistoryKind : uint8_t {
  kCheckTls,  // an attempt, in or out, failed for TLS
  kDeferred,  // an attempt failed otherwise, and there will be another
  kDelivered,
  kFailed,
  kExpired,
  kDeletedTlsPolicy,
  kDeletedByAdmin,
  kReturnedByAdmin,
  kWouldRefuse,  // taken, for its entry is only monitored
  kRefused,      // not taken from the client, for another reason than TLS
};
HistoryKind KindOf(const queue::HistoryEntry& entry);
// Restricts `query` to entries of one kind.
void Select(HistoryKind kind, queue::HistoryQuery& query);

// What stands at the head of an entry.
absl::string_view Heading(HistoryKind kind, Language language);

// The word of a kind in filters: "check_tls", "deferred", "delivered", …
absl::string_view KindName(HistoryKind kind);
absl::StatusOr<HistoryKind> ParseKind(absl::string_view name);

// For the words of tls::ReasonName and of the stages of a session; a word that is not known is
// given back.
absl::string_view ReasonText(absl::string_view reason, Language language);
absl::string_view StageText(absl::string_view stage, Language language);

// What the members of an entry are called: "sender" -> "From", "Von".
struct Label {
  absl::string_view member;
  absl::string_view text[2];  // by Language
};
absl::Span<const Label> Labels();

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HISTORY_TEXT_H_
