// What a notification says to people, in one language: whole sentences, for someone who has never
// heard of SMTP. dsn_text puts them together; what is handed in is fit to be shown.
//
//   const DsnWords& words = WordsIn(Language::kGerman);
//   words.TlsReason(tls::Reason::kNotOffered, "example.com");
//
// A language is one file, and a line of WordsIn. Thread-safe.
#ifndef SLUICE_ENGINE_SMTP_DSN_WORDS_H_
#define SLUICE_ENGINE_SMTP_DSN_WORDS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/smtp/dsn.h"
#include "tls/failure.h"

namespace sluice::smtp {

class DsnWords {
 public:
  virtual ~DsnWords() = default;

  virtual absl::string_view Subject(DsnCause cause) const = 0;  // ASCII
  virtual std::string Gateway(absl::string_view hostname) const = 0;
  // Ends in a colon: the recipients follow. `waited` is how long the message has been here.
  virtual std::string Introduction(DsnCause cause, absl::Duration waited) const = 0;
  // Two or three sentences: what went wrong between us and the servers of `domain`.
  virtual std::string TlsReason(tls::Reason reason, absl::string_view domain) const = 0;
  // What else went wrong. `server` is a host name; empty: none was reached.
  virtual std::string LastAnswer(absl::string_view server, absl::string_view reply) const = 0;
  virtual std::string NotHandedTo(absl::string_view server, absl::string_view why) const = 0;
  virtual std::string NoRequireTls(absl::string_view server) const = 0;
  virtual std::string LastAttemptFailed(absl::string_view detail) const = 0;
  virtual std::string NoAnswer(absl::string_view server) const = 0;
  // In brackets: what the administrator of the other side wants to know.
  virtual std::string ForAdministrator(absl::string_view detail) const = 0;
  // What to do now. `tls`: it is TLS that the message waits for; `until`: of kDelayed.
  virtual std::string Advice(DsnCause cause, bool tls, absl::Time until) const = 0;
  virtual std::string Closing(absl::string_view message_id) const = 0;
  // "7 days", "3 hours", "less than a minute"; in German in the dative, behind "seit" and "von".
  virtual std::string Duration(absl::Duration duration) const = 0;
};

const DsnWords& WordsIn(Language language);
const DsnWords& EnglishWords();
const DsnWords& GermanWords();

// A duration in the unit that says most of it: "47 hours" rather than "1 day".
struct RoundDuration {
  enum class Unit { kDay, kHour, kMinute };
  Unit unit = Unit::kMinute;
  int64_t count = 0;  // 0: less than a minute

  static RoundDuration Of(absl::Duration duration);
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_DSN_WORDS_H_
