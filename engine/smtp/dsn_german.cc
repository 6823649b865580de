// A notification in German.
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/smtp/dsn_words.h"

namespace sluice::smtp {
namespace {

// Nominative; "der" is "dem" in the dative.
std::string Server(absl::string_view article, absl::string_view name) {
  return name.empty() ? absl::StrCat(article, " empfangende Mailserver")
                      : absl::StrCat(article, " Server ", name);
}

std::string DativeServer(absl::string_view name) {
  return name.empty() ? "dem empfangenden Mailserver" : absl::StrCat("dem Server ", name);
}

class German final : public DsnWords {
 public:
  absl::string_view Subject(DsnCause cause) const override;
  std::string Gateway(absl::string_view hostname) const override {
    return absl::StrCat("Hier ist das Mail-Gateway ", hostname, ".");
  }
  std::string Introduction(DsnCause cause, absl::Duration waited) const override;
  std::string TlsReason(tls::Reason reason, absl::string_view domain) const override;
  std::string LastAnswer(absl::string_view server, absl::string_view reply) const override {
    return absl::StrCat(Server("Der", server), " hat zuletzt geantwortet: ", reply);
  }
  std::string NotHandedTo(absl::string_view server, absl::string_view why) const override {
    return absl::StrCat("Die Nachricht konnte ", DativeServer(server),
                        " nicht übergeben werden: ", why);
  }
  std::string NoRequireTls(absl::string_view server) const override {
    return absl::StrCat("Ihre Nachricht verlangt Verschlüsselung auf dem gesamten Weg ",
                        "(REQUIRETLS). ", Server("Der", server), " unterstützt das nicht.");
  }
  std::string LastAttemptFailed(absl::string_view detail) const override {
    return absl::StrCat("Der letzte Versuch ist gescheitert: ", detail);
  }
  std::string NoAnswer(absl::string_view server) const override {
    return absl::StrCat("Von ", DativeServer(server), " kam keine Antwort.");
  }
  std::string ForAdministrator(absl::string_view detail) const override {
    return absl::StrCat("(Für den Administrator: ", detail, ")");
  }
  std::string Advice(DsnCause cause, bool tls, absl::Time until) const override;
  std::string Closing(absl::string_view message_id) const override {
    return absl::StrCat(
        "Die Kopfzeilen Ihrer Nachricht sind angehängt. Ihre Nummer auf diesem Gateway lautet ",
        message_id, ".");
  }
  std::string Duration(absl::Duration duration) const override;
};

absl::string_view German::Subject(DsnCause cause) const {
  switch (cause) {
    case DsnCause::kRejected:
      return "Nachricht nicht zugestellt: vom Zielserver abgelehnt";
    case DsnCause::kExpired:
      return "Nachricht nicht zugestellt: Frist abgelaufen";
    case DsnCause::kTlsPolicy:
      return "Nachricht nicht zugestellt: keine sichere Verbindung";
    case DsnCause::kReturned:
      return "Nachricht nicht zugestellt: vom Administrator abgebrochen";
    case DsnCause::kDelayed:
      return "Nachricht noch nicht zugestellt";
    case DsnCause::kRelayed:
      return "Nachricht weitergegeben";
  }
  SLUICE_CHECK(false);
}

std::string German::Introduction(DsnCause cause, absl::Duration waited) const {
  switch (cause) {
    case DsnCause::kRejected:
      return "Ihre Nachricht konnte nicht zugestellt werden. Nicht erreicht wurde:";
    case DsnCause::kExpired:
      return absl::StrCat("Ihre Nachricht konnte innerhalb von ", Duration(waited),
                          " nicht zugestellt werden und wurde nun gelöscht. Nicht erreicht wurde:");
    case DsnCause::kTlsPolicy:
      return absl::StrCat(
          "Ihre Nachricht konnte innerhalb von ", Duration(waited),
          " nicht sicher übertragen werden. Sie wurde zu keiner Zeit ungeschützt gesendet und ist "
          "nun aufgrund der TLS-Richtlinie gelöscht worden. Nicht erreicht wurde:");
    case DsnCause::kReturned:
      return absl::StrCat("Ihre Nachricht wartete seit ", Duration(waited),
                          " auf ihre Zustellung. Der Betreiber dieses Gateways hat sie Ihnen nun "
                          "zurückgegeben. Nicht erreicht wurde:");
    case DsnCause::kDelayed:
      return absl::StrCat("Ihre Nachricht wartet seit ", Duration(waited),
                          " auf ihre Zustellung. Sie ist nicht gelöscht worden. Bisher nicht "
                          "erreicht wurde:");
    case DsnCause::kRelayed:
      return "Sie wollten benachrichtigt werden: Ihre Nachricht ist an den nächsten Mailserver "
             "weitergegeben worden, der selbst nicht meldet, was aus ihr wird. Sie ging an:";
  }
  SLUICE_CHECK(false);
}

std::string German::Advice(DsnCause cause, bool tls, absl::Time until) const {
  switch (cause) {
    case DsnCause::kRejected:
      return "Es wird kein weiterer Versuch unternommen. Bitte prüfen Sie die Adresse. Ist sie "
             "richtig, bitten Sie den Empfänger auf anderem Weg, diesen Bericht dem Betreiber "
             "seines Mailservers zu zeigen.";
    case DsnCause::kExpired:
      return "Bitte senden Sie die Nachricht später noch einmal. Scheitert auch das, bitten Sie "
             "den Empfänger auf anderem Weg, diesen Bericht dem Betreiber seines Mailservers zu "
             "zeigen.";
    case DsnCause::kTlsPolicy:
      return "Nachrichten an diesen Empfänger müssen auf ihrem Weg verschlüsselt sein (TLS); "
             "dieses Gateway macht davon keine Ausnahme. Mit Ihrer Nachricht ist alles in Ordnung. "
             "Der Fehler muss dort behoben werden, wo die Post des Empfängers angenommen wird: "
             "Bitten Sie den Empfänger auf anderem Weg, diesen Bericht dem Betreiber seines "
             "Mailservers zu zeigen, und senden Sie die Nachricht danach noch einmal.";
    case DsnCause::kReturned:
      return "Es wird kein weiterer Versuch unternommen. Bitte fragen Sie den Betreiber dieses "
             "Gateways, bevor Sie die Nachricht noch einmal senden.";
    case DsnCause::kDelayed:
      return absl::StrCat(
          "Sie brauchen nichts zu tun und sollten die Nachricht nicht noch einmal senden: Dieses "
          "Gateway versucht die Zustellung weiter bis zum ",
          absl::FormatTime("%d.%m.%Y um %H:%M Uhr (UTC)", until, absl::UTCTimeZone()),
          " und benachrichtigt Sie, falls es aufgeben muss.",
          tls ? " Nachrichten an diesen Empfänger müssen auf ihrem Weg verschlüsselt sein (TLS); "
                "bis das möglich ist, wartet Ihre Nachricht hier und wird nicht ungeschützt "
                "gesendet."
              : "");
    case DsnCause::kRelayed:
      return "Von diesem Gateway erhalten Sie dazu keinen weiteren Bericht.";
  }
  SLUICE_CHECK(false);
}

std::string German::TlsReason(tls::Reason reason, absl::string_view domain) const {
  const std::string server = absl::StrCat("Der Mailserver für ", domain);
  const std::string unproven =
      absl::StrCat(server, " konnte nicht nachweisen, dass er der richtige ist: ");
  switch (reason) {
    case tls::Reason::kNotOffered:
      return absl::StrCat(server, " bietet keine Verschlüsselung (STARTTLS) an.");
    case tls::Reason::kRefused:
      return absl::StrCat(server,
                          " bietet Verschlüsselung an, hat es auf Anfrage aber abgelehnt, sie "
                          "einzuschalten.");
    case tls::Reason::kPlaintextInjected:
      return absl::StrCat("Als die Verschlüsselung mit dem Mailserver für ", domain,
                          " beginnen sollte, trafen unverschlüsselte Daten ein. Entweder ist der "
                          "Server fehlerhaft, oder jemand greift in die Verbindung ein.");
    case tls::Reason::kHandshakeTimeout:
      return absl::StrCat(server,
                          " hat den Aufbau der Verschlüsselung nicht rechtzeitig abgeschlossen.");
    case tls::Reason::kAlert:
      return absl::StrCat(server, " hat den Aufbau der Verschlüsselung abgebrochen.");
    case tls::Reason::kVersion:
      return absl::StrCat(server,
                          " beherrscht nur Fassungen der Verschlüsselung, die zu alt sind, um als "
                          "sicher zu gelten.");
    case tls::Reason::kCipher:
      return absl::StrCat(server,
                          " hat kein Verschlüsselungsverfahren, das als sicher genug gilt.");
    case tls::Reason::kUntrusted:
      return absl::StrCat(unproven,
                          "Sein Zertifikat stammt von keiner Stelle, der dieses Gateway vertraut.");
    case tls::Reason::kNameMismatch:
      return absl::StrCat(unproven, "Sein Zertifikat ist auf einen anderen Namen ausgestellt.");
    case tls::Reason::kExpiredCertificate:
      return absl::StrCat(unproven, "Sein Zertifikat ist abgelaufen oder noch nicht gültig.");
    case tls::Reason::kFingerprintMismatch:
      return absl::StrCat(unproven, "Sein Zertifikat ist nicht das vereinbarte.");
    case tls::Reason::kDaneMismatch:
      return absl::StrCat(unproven,
                          "Sein Zertifikat ist nicht das, das für ihn veröffentlicht ist "
                          "(DANE).");
    case tls::Reason::kTlsaInvalid:
      return absl::StrCat(unproven,
                          "Was über sein Zertifikat veröffentlicht ist (DANE), ist "
                          "unbrauchbar.");
    case tls::Reason::kDnssecInvalid:
      return absl::StrCat(
          "Was über den Mailserver für ", domain,
          " veröffentlicht ist (DANE), ließ sich nicht abfragen oder ist verfälscht "
          "worden.");
    case tls::Reason::kDaneRequired:
      return absl::StrCat(unproven,
                          "Dafür sind signierte Einträge im Domain Name System (DANE) "
                          "nötig, und er hat keine.");
    case tls::Reason::kStsMxMismatch:
      return absl::StrCat(server, " ist keiner von denen, die ", domain,
                          " selbst für seine Post nennt (MTA-STS).");
    case tls::Reason::kClosed:
      return absl::StrCat(
          server, " hat die Verbindung getrennt, während die Verschlüsselung aufgebaut wurde.");
    case tls::Reason::kProtocol:
      return absl::StrCat(server,
                          " hat beim Aufbau der Verschlüsselung mit etwas geantwortet, das keine "
                          "gültige Verschlüsselung (TLS) ist.");
  }
  SLUICE_CHECK(false);
}

std::string German::Duration(absl::Duration duration) const {
  const RoundDuration round = RoundDuration::Of(duration);
  switch (round.unit) {
    case RoundDuration::Unit::kDay:
      return round.count == 1 ? "einem Tag" : absl::StrCat(round.count, " Tagen");
    case RoundDuration::Unit::kHour:
      return round.count == 1 ? "einer Stunde" : absl::StrCat(round.count, " Stunden");
    case RoundDuration::Unit::kMinute:
      if (round.count == 0) return "weniger als einer Minute";
      return round.count == 1 ? "einer Minute" : absl::StrCat(round.count, " Minuten");
  }
  SLUICE_CHECK(false);
}

}  // namespace

const DsnWords& GermanWords() {
  static const auto& words = *new German;
  return words;
}

}  // namespace sluice::smtp
