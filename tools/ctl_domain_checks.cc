// What would happen to a domain's mail: explain and ping.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

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
  sheet.Add("Answer", TextOf(target, "smtp_reply"));
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
  sheet.Add("Took", absl::StrCat(NumberOf(target, "took_ms"), " ms"));
  sheet.Add("What to do", TextOf(target, "hint"));
  Print(sheet.ToString());
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
  sheet.Add("Default level", TextOf(answer, "default_tls_level"));
  Print(sheet.ToString());
  PrintWay(absl::StrCat("Mail to ", Printable(domain)), PartOf(answer, "outbound"));
  PrintWay(absl::StrCat("Mail from ", Printable(domain)), PartOf(answer, "inbound"));
  return kDone;
}

absl::StatusOr<int> Ping(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(
      const Json answer,
      context.client.Post(Path({"domains:ping"}), {{"domain", invocation.arguments[0]}}));
  const std::string verdict = TextOf(answer, "verdict");
  const int code = verdict == "valid" ? kDone : kNothing;
  if (context.json) {
    PrintJson(answer);
    return code;
  }
  const std::string entry = TextOf(answer, "entry");
  Print(absl::StrCat(Printable(TextOf(answer, "domain")), ": ", Printable(verdict), " (",
                     entry.empty() ? "on no entry" : absl::StrCat("entry ", Printable(entry)),
                     ", level ", Printable(TextOf(answer, "level")), ")\n"));
  Sheet sheet(2);
  sheet.Add("Why", TextOf(answer, "dns_failure"));
  sheet.Add("What to do", TextOf(answer, "hint"));
  Print(sheet.ToString());
  for (const Json& target : PartOf(answer, "targets")) PrintTarget(target);
  return code;
}

}  // namespace sluice::ctl
