// What would happen to a domain's mail: explain and ping.
#include <unistd.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

constexpr absl::Duration kRoundLook = absl::Seconds(1);

void PrintWay(absl::string_view title, const Json& way) {
  Print(absl::StrCat("\n", title, "\n  ", Printable(TextOf(way, "verdict")), "\n"));
  const Json& candidates = PartOf(way, "candidates");
  if (candidates.empty()) return;
  Table table({"  ENTRY", "LEVEL", "MODE", "WHY"});
  for (const Json& candidate : candidates) {
    const Json& entry = PartOf(candidate, "entry");
    table.Add(
        {absl::StrCat(FlagOf(candidate, "decides") ? "* " : "  ", TextOf(candidate, "pattern")),
         TextOf(entry, "level"), TextOf(entry, "mode"), TextOf(candidate, "why")});
  }
  Print(table.ToString());
}

void PrintTarget(const Json& target) {
  std::string title = Printable(ServerText(TextOf(target, "mx"), TextOf(target, "address")));
  if (FlagOf(target, "valid")) {
    absl::StrAppend(&title, ": valid");
  } else {
    const std::string stage = TextOf(target, "stage");
    const std::string reason = TextOf(target, "reason");
    absl::StrAppend(&title, ": INVALID at ", Printable(stage));
    if (!reason.empty() && reason != stage) absl::StrAppend(&title, ", ", Printable(reason));
  }
  Print(absl::StrCat("\n", title, "\n"));

  Sheet sheet(2);
  sheet.Add("Why", TextOf(target, "detail"));
  sheet.Add("Sent from", TextOf(target, "source"));
  sheet.Add("Decided by", TextOf(target, "decided_by"));
  sheet.Add("DANE", TextOf(target, "dane"));
  sheet.Add("Answer", TextOf(target, "smtp_reply"));
  sheet.Add("Handshake", LinesOf(target, "handshake"));
  const std::string version = TextOf(target, "tls_version");
  if (!version.empty()) sheet.Add("TLS", absl::StrCat(version, ", ", TextOf(target, "cipher")));
  const Json& certificate = PartOf(target, "certificate");
  if (!certificate.empty()) {
    sheet.Add("Certificate", TextOf(certificate, "subject"));
    sheet.Add("Issuer", TextOf(certificate, "issuer"));
    sheet.Add("Names", absl::StrJoin(TextsOf(certificate, "names"), ", "));
    const std::string not_after = TextOf(certificate, "not_after");
    if (!not_after.empty()) {
      sheet.Add(
          "Valid until",
          absl::StrCat(not_after.substr(0, 10), ", ",
                       CountText(NumberOf(certificate, "days_left"), "day", "days"), " left"));
    }
    sheet.Add("Fingerprint", TextOf(certificate, "fingerprint"));
    sheet.Add("Chain", TextsOf(certificate, "chain"));
  }
  if (const Json& own = PartOf(target, "client_certificate"); FlagOf(own, "asked")) {
    const std::string shown = TextOf(own, "shown");
    sheet.Add("Of us", shown.empty()
                           ? "a client certificate was asked for, and none was shown"
                           : absl::StrCat("a client certificate was asked for, and got ", shown));
  }
  sheet.Add("Took", absl::StrCat(NumberOf(target, "took_ms"), " ms"));
  sheet.Add("What to do", TextOf(target, "hint"));
  Print(sheet.ToString());
}

std::string RoundText(const Json& round) {
  return absl::StrCat(NumberOf(round, "done"), " of ", NumberOf(round, "entries"), " pinged: ",
                      NumberOf(round, "valid"), " valid, ", NumberOf(round, "partial"),
                      " partial, ", NumberOf(round, "invalid"), " invalid, ",
                      NumberOf(round, "skipped"), " could not be pinged\n");
}

// Says how it goes while it goes: at once where that is a terminal, else at the end.
absl::StatusOr<int> PingAll(const Context& context) {
  SLUICE_ASSIGN_OR_RETURN(Json round,
                          context.client.Post(Path({"pings:start"}), Json::object()));
  const bool live = !context.json && isatty(STDOUT_FILENO) == 1;
  while (FlagOf(round, "running")) {
    absl::SleepFor(kRoundLook);
    SLUICE_ASSIGN_OR_RETURN(round, context.client.Get(Path({"pings"})));
    if (live && FlagOf(round, "running")) Print(RoundText(round));
    SLUICE_RETURN_IF_ERROR(Flush());
  }
  if (context.json) {
    PrintJson(round);
  } else {
    Print(RoundText(round));
    Print("'sluicectl domains list --ping=invalid' shows those that failed\n");
  }
  return NumberOf(round, "invalid") + NumberOf(round, "partial") == 0 ? kDone : kNothing;
}

void AddMtaSts(const Json& policy, Sheet& sheet) {
  const std::string mode = TextOf(policy, "mode");
  const std::string fault = TextOf(policy, "fault");
  const std::string detail = TextOf(policy, "detail");
  if (mode.empty()) {
    sheet.Add("MTA-STS", detail.empty() ? "the domain publishes no policy" : "no policy is known");
  } else {
    sheet.Add("MTA-STS", absl::StrCat("mode ", mode, ", id ", TextOf(policy, "id"), ", until ",
                                      TimeText(TextOf(policy, "expires_at"))));
    sheet.Add("MTA-STS hosts", absl::StrJoin(TextsOf(policy, "mx"), ", "));
  }
  if (detail.empty()) return;
  sheet.Add("MTA-STS fault", fault.empty() ? detail : absl::StrCat(fault, ": ", detail));
}

}  // namespace

absl::StatusOr<int> ExplainDomain(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(
      const Json answer,
      context.client.Get(Path({"domains:explain"}, {{"domain", invocation.arguments[0]}})));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  const std::string domain = TextOf(answer, "domain");
  Sheet sheet;
  sheet.Add("Domain", domain);
  sheet.Add("Route", TextOf(answer, "route"));
  const std::string source = TextOf(answer, "source_addresses");
  if (!source.empty()) {
    sheet.Add("Sent from", absl::StrCat(source, " (", TextOf(answer, "source_of"), ")"));
  }
  const std::string certificate = TextOf(answer, "client_certificate");
  if (!certificate.empty()) {
    sheet.Add("Client certificate",
              absl::StrCat(certificate, " (", TextOf(answer, "client_certificate_of"), ")"));
  }
  sheet.Add("Default level", TextOf(answer, "default_tls_level"));
  if (const auto policy = answer.find("mta_sts"); policy != answer.end()) AddMtaSts(*policy, sheet);
  Print(sheet.ToString());
  PrintWay(absl::StrCat("Mail to ", Printable(domain)), PartOf(answer, "outbound"));
  PrintWay(absl::StrCat("Mail from ", Printable(domain)), PartOf(answer, "inbound"));
  if (!invocation.Has("servers")) return kDone;
  SLUICE_ASSIGN_OR_RETURN(const Json ping,
                          context.client.Post(Path({"domains:ping"}), {{"domain", domain}}));
  Print("\nIts mail servers, tried now\n");
  PrintPing(ping);
  return kDone;
}

int PrintPing(const Json& ping) {
  const std::string verdict = TextOf(ping, "verdict");
  const std::string entry = TextOf(ping, "entry");
  Print(absl::StrCat(Printable(TextOf(ping, "domain")), ": ", Printable(verdict), " (",
                     entry.empty() ? "on no entry" : absl::StrCat("entry ", Printable(entry)),
                     ", level ", Printable(TextOf(ping, "level")), ")\n"));
  Sheet sheet(2);
  sheet.Add("Why", TextOf(ping, "dns_failure"));
  sheet.Add("What to do", TextOf(ping, "hint"));
  sheet.Add("Warning", TextsOf(ping, "warnings"));
  Print(sheet.ToString());
  for (const Json& target : PartOf(ping, "targets")) PrintTarget(target);
  return verdict == "valid" ? kDone : kNothing;
}

absl::StatusOr<int> Ping(const Context& context, const Invocation& invocation) {
  const bool all = invocation.Has("all");
  const bool self = invocation.Has("self");
  const int named = static_cast<int>(!invocation.arguments.empty()) + static_cast<int>(all) +
                    static_cast<int>(self);
  if (named != 1) {
    return absl::InvalidArgumentError("name exactly one of a domain, --all and --self");
  }
  if (all) return PingAll(context);
  SLUICE_ASSIGN_OR_RETURN(
      const Json answer,
      self ? context.client.Post(Path({"status:ping"}), Json::object())
           : context.client.Post(Path({"domains:ping"}), {{"domain", invocation.arguments[0]}}));
  if (!context.json) return PrintPing(answer);
  PrintJson(answer);
  return TextOf(answer, "verdict") == "valid" ? kDone : kNothing;
}

}  // namespace sluice::ctl
