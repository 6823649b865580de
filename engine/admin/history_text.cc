#include "engine/admin/history_text.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::admin {
namespace {

using queue::Outcome;

struct Kind {
  HistoryKind kind;
  absl::string_view name;
  absl::string_view heading[2];
  // The entries of this kind: one of the first `outcomes_used` outcomes, and whether TLS is what
  // failed, where that makes a difference.
  Outcome outcomes[2];
  size_t outcomes_used;
  std::optional<bool> tls;
};

constexpr Kind kKinds[] = {
    {HistoryKind::kCheckTls,
     "check_tls",
     {"Processing: Check TLS", "Verarbeitung läuft: TLS prüfen"},
     {Outcome::kDeferred, Outcome::kRefused},
     2,
     true},
    {HistoryKind::kDeferred,
     "deferred",
     {"Processing: Delivery deferred", "Verarbeitung läuft: Zustellung verschoben"},
     {Outcome::kDeferred},
     1,
     false},
    {HistoryKind::kDelivered,
     "delivered",
     {"Delivered", "Zugestellt"},
     {Outcome::kDelivered},
     1,
     std::nullopt},
    {HistoryKind::kFailed,
     "failed",
     {"Undeliverable: Refused by the next server", "Unzustellbar: Vom nächsten Server abgelehnt"},
     {Outcome::kFailed},
     1,
     std::nullopt},
    {HistoryKind::kExpired,
     "expired",
     {"Undeliverable: Expired", "Unzustellbar: Frist abgelaufen"},
     {Outcome::kExpired},
     1,
     std::nullopt},
    {HistoryKind::kDeletedTlsPolicy,
     "deleted_tls_policy",
     {"Deleted because of TLS policy", "Wegen TLS-Richtlinie gelöscht"},
     {Outcome::kDeletedTlsPolicy},
     1,
     std::nullopt},
    {HistoryKind::kDeletedByAdmin,
     "deleted",
     {"Deleted by an administrator", "Von einem Administrator gelöscht"},
     {Outcome::kDeletedByAdmin},
     1,
     std::nullopt},
    {HistoryKind::kReturnedByAdmin,
     "returned",
     {"Returned to the sender by an administrator",
      "Von einem Administrator an den Absender zurückgegeben"},
     {Outcome::kReturnedByAdmin},
     1,
     std::nullopt},
    {HistoryKind::kWouldRefuse,
     "would_refuse",
     {"Monitored: TLS would have been demanded", "Überwacht: TLS wäre verlangt worden"},
     {Outcome::kWouldRefuse},
     1,
     std::nullopt},
    {HistoryKind::kRefused,
     "refused",
     {"Refused: Not taken from the client", "Abgelehnt: Vom Absender nicht angenommen"},
     {Outcome::kRefused},
     1,
     false},
};

const Kind& Find(HistoryKind wanted) {
  for (const Kind& kind : kKinds) {
    if (kind.kind == wanted) return kind;
  }
  SLUICE_CHECK(false);
}

bool Includes(const Kind& kind, const queue::HistoryEntry& entry) {
  const Outcome* const end = kind.outcomes + kind.outcomes_used;
  return std::find(kind.outcomes, end, entry.outcome) != end &&
         kind.tls.value_or(entry.tls) == entry.tls;
}

struct Word {
  absl::string_view word;
  absl::string_view text[2];
};

constexpr Word kReasons[] = {
    {"not_offered", {"STARTTLS is not offered", "STARTTLS wird nicht angeboten"}},
    {"refused", {"STARTTLS was refused", "STARTTLS wurde abgelehnt"}},
    {"plaintext_injected",
     {"bytes in clear followed STARTTLS", "nach STARTTLS folgten unverschlüsselte Daten"}},
    {"handshake_timeout",
     {"the TLS handshake took too long", "der TLS-Handshake dauerte zu lange"}},
    {"alert",
     {"the peer broke off the TLS handshake", "die Gegenstelle brach den TLS-Handshake ab"}},
    {"version", {"no TLS version that is allowed", "keine zugelassene TLS-Version"}},
    {"cipher", {"no cipher that is allowed", "kein zugelassenes Verschlüsselungsverfahren"}},
    {"untrusted",
     {"the certificate does not lead to a trusted root",
      "das Zertifikat führt zu keiner vertrauenswürdigen Stelle"}},
    {"name_mismatch",
     {"the certificate is for other names", "das Zertifikat gilt für andere Namen"}},
    {"expired_certificate",
     {"the certificate is out of date", "das Zertifikat ist abgelaufen oder noch nicht gültig"}},
    {"fingerprint_mismatch",
     {"the certificate has another fingerprint", "das Zertifikat hat einen anderen Fingerabdruck"}},
    {"dane_mismatch",
     {"the certificate is not the one that DNS announces (DANE)",
      "das Zertifikat ist nicht das im DNS angekündigte (DANE)"}},
    {"tlsa_invalid",
     {"none of the host's TLSA records can be used (DANE)",
      "keiner der TLSA-Einträge des Servers ist verwendbar (DANE)"}},
    {"dnssec_invalid",
     {"the host's TLSA records could not be looked up securely (DANE)",
      "die TLSA-Einträge des Servers waren nicht sicher abzufragen (DANE)"}},
    {"dane_required",
     {"DANE is demanded, and the host has no signed TLSA records",
      "DANE wird verlangt, und der Server hat keine signierten TLSA-Einträge"}},
    {"sts_mx_mismatch",
     {"the domain's MTA-STS policy does not name the host",
      "die MTA-STS-Richtlinie der Domain nennt den Server nicht"}},
    {"closed",
     {"the peer went away during the TLS handshake",
      "die Gegenstelle beendete die Verbindung während des TLS-Handshakes"}},
    {"protocol", {"what the peer sent is not TLS", "was die Gegenstelle sandte, ist kein TLS"}},
};

constexpr Word kStages[] = {
    {"dns", {"name lookup", "Namensauflösung"}},
    {"connect", {"connection", "Verbindungsaufbau"}},
    {"banner", {"greeting", "Begrüßung"}},
    {"ehlo", {"EHLO", "EHLO"}},
    {"starttls", {"STARTTLS", "STARTTLS"}},
    {"handshake", {"TLS handshake", "TLS-Handshake"}},
    {"verify", {"certificate check", "Zertifikatsprüfung"}},
    {"post_ehlo", {"EHLO over TLS", "EHLO über TLS"}},
    {"mail", {"sender", "Absender"}},
    {"rcpt", {"recipient", "Empfänger"}},
    {"data", {"announcement of the message", "Ankündigung der Nachricht"}},
    {"body", {"message", "Nachricht"}},
    {"final", {"answer to the message", "Antwort auf die Nachricht"}},
};

constexpr Label kLabels[] = {
    {"message_id", {"Message", "Nachricht"}},
    {"direction", {"Direction", "Richtung"}},
    {"sender", {"From", "Von"}},
    {"recipients", {"To", "An"}},
    {"domain", {"Domain", "Domain"}},
    {"entry", {"Entry", "Eintrag"}},
    {"entry_generation", {"generation", "Generation"}},
    {"decided_by", {"Decided by", "Maßgeblich"}},
    {"attempt", {"Attempt", "Versuch"}},
    {"server", {"Server", "Server"}},
    {"source_address", {"Sent from", "Gesendet von"}},
    {"why", {"Why", "Grund"}},
    {"detail", {"Detail", "Einzelheit"}},
    {"tls", {"TLS", "TLS"}},
    {"certificate", {"Certificate", "Zertifikat"}},
    {"handshake", {"Handshake", "TLS-Ablauf"}},
    {"next_try_at", {"Next try", "Nächster Versuch"}},
    {"deadline_at", {"Deadline", "Frist"}},
    {"inbound", {"inbound", "eingehend"}},
    {"outbound", {"outbound", "ausgehend"}},
};

template <size_t n>
absl::string_view TextOf(const Word (&words)[n], absl::string_view word, Language language) {
  for (const Word& known : words) {
    if (known.word == word) return known.text[static_cast<size_t>(language)];
  }
  return word;
}

}  // namespace

absl::StatusOr<Language> ParseLanguage(absl::string_view name) {
  if (name == "en") return Language::kEnglish;
  if (name == "de") return Language::kGerman;
  return absl::InvalidArgumentError("must be en or de");
}

HistoryKind KindOf(const queue::HistoryEntry& entry) {
  for (const Kind& kind : kKinds) {
    if (Includes(kind, entry)) return kind.kind;
  }
  SLUICE_CHECK(false);
}

void Select(HistoryKind wanted, queue::HistoryQuery& query) {
  const Kind& kind = Find(wanted);
  query.outcomes.assign(kind.outcomes, kind.outcomes + kind.outcomes_used);
  query.tls = kind.tls;
}

absl::string_view Heading(HistoryKind kind, Language language) {
  return Find(kind).heading[static_cast<size_t>(language)];
}

absl::string_view KindName(HistoryKind kind) { return Find(kind).name; }

absl::StatusOr<HistoryKind> ParseKind(absl::string_view name) {
  std::string accepted;
  for (const Kind& kind : kKinds) {
    if (kind.name == name) return kind.kind;
    absl::StrAppend(&accepted, accepted.empty() ? "" : ", ", kind.name);
  }
  return absl::InvalidArgumentError(absl::StrCat("must be one of ", accepted));
}

absl::string_view ReasonText(absl::string_view reason, Language language) {
  return TextOf(kReasons, reason, language);
}

absl::string_view StageText(absl::string_view stage, Language language) {
  return TextOf(kStages, stage, language);
}

absl::Span<const Label> Labels() { return kLabels; }

}  // namespace sluice::admin
