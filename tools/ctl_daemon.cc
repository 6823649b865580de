// The daemon itself: certificates, status, reload.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

// As an administrator hands it to a partner.
void PrintCertificate(const Json& certificate) {
  Sheet sheet;
  const std::string name = TextOf(certificate, "name");
  sheet.Add("Shown to", name.empty() ? "clients" : absl::StrCat("servers, as ", name));
  sheet.Add("Common name", TextOf(certificate, "common_name"));
  sheet.Add("Subject alternative names", TextsOf(certificate, "subject_alternative_names"));
  sheet.Add("Organization", TextOf(certificate, "organization"));
  sheet.Add("Location", TextOf(certificate, "location"));
  sheet.Add("Serial number", TextOf(certificate, "serial_number"));
  sheet.Add("Signature algorithm", TextOf(certificate, "signature_algorithm"));
  sheet.Add("Issuer", TextOf(certificate, "issuer"));
  sheet.Add("Valid from", TextOf(certificate, "not_before").substr(0, 10));
  const int64_t days_left = NumberOf(certificate, "days_left");
  sheet.Add("Valid until",
            absl::StrCat(TextOf(certificate, "not_after").substr(0, 10),
                         days_left < 0
                             ? " (EXPIRED)"
                             : absl::StrCat(" (", CountText(days_left, "day", "days"), " left)")));
  sheet.Add("Key", TextOf(certificate, "key"));
  sheet.Add("SHA-256 fingerprint", TextOf(certificate, "fingerprint_sha256"));
  sheet.Add("SHA-256 of the key", TextOf(certificate, "key_fingerprint_sha256"));
  std::vector<std::string> chain;
  for (const Json& sent : PartOf(certificate, "chain")) chain.push_back(TextOf(sent, "subject"));
  sheet.Add("Sent behind it", chain);
  sheet.Add("File", TextOf(certificate, "file"));
  Print(sheet.ToString());
}

void PrintCertificates(const Context& context, const Json& answer) {
  if (context.json) {
    PrintJson(answer);
    return;
  }
  bool first = true;
  for (const Json& certificate : PartOf(answer, "certificates")) {
    if (!first) Print("\n");
    first = false;
    PrintCertificate(certificate);
  }
}

std::vector<std::string> CoreRow(std::string name, const Json& counts) {
  std::vector<std::string> row = {std::move(name)};
  for (const char* const member : {"sessions", "connections", "handshakes", "handshakes_failed",
                                   "messages_accepted", "messages_refused", "outbound_connections",
                                   "outbound_failed", "delivered", "deferred", "tls_deferred"}) {
    row.push_back(absl::StrCat(NumberOf(counts, member)));
  }
  return row;
}

void PrintStatus(const Json& status, absl::Time now) {
  const Json& policy = PartOf(status, "policy");
  Sheet sheet;
  sheet.Add("Version", TextOf(status, "version"));
  sheet.Add("Hostname", TextOf(status, "hostname"));
  sheet.Add("State", FlagOf(status, "draining") ? "draining: takes no new mail" : "running");
  sheet.Add("Up for", DurationText(absl::Seconds(NumberOf(status, "uptime_seconds"))));
  if (const int64_t ahead = NumberOf(status, "wall_clock_ahead_seconds"); ahead != 0) {
    sheet.Add("Clock", absl::StrCat("the machine's was set ", ahead > 0 ? "forward" : "back",
                                    " by ", DurationText(absl::Seconds(std::abs(ahead))),
                                    "; what is queued waits as if it had not been"));
  }
  sheet.Add("Listens on", absl::StrJoin(TextsOf(status, "listeners"), ", "));
  sheet.Add("Enforced TLS",
            absl::StrCat(CountText(NumberOf(policy, "entries"), "entry", "entries"),
                         ", generation ", NumberOf(policy, "generation"),
                         "; all other domains: ", TextOf(policy, "default_tls_level")));
  sheet.Add("Queue", QueueText(PartOf(status, "queue"), now));
  std::vector<std::string> failures;
  for (const auto& [reason, count] : PartOf(PartOf(status, "total"), "failures").items()) {
    if (count.is_number()) failures.push_back(absl::StrCat(reason, " ", count.get<int64_t>()));
  }
  sheet.Add("Failures", absl::StrJoin(failures, ", "));
  Print(sheet.ToString());

  Table table({"CORE", "SESSIONS", "IN", "TLS IN", "TLS FAILED", "ACCEPTED", "REFUSED", "OUT",
               "OUT FAILED", "DELIVERED", "DEFERRED", "FOR TLS"});
  for (const Json& core : PartOf(status, "cores")) {
    table.Add(CoreRow(absl::StrCat(NumberOf(core, "core")), core));
  }
  table.Add(CoreRow("all", PartOf(status, "total")));
  Print("\n");
  Print(table.ToString());
}

}  // namespace

absl::StatusOr<int> ShowCertificates(const Context& context, const Invocation& /*invocation*/) {
  SLUICE_ASSIGN_OR_RETURN(const Json answer, context.client.Get(Path({"certificates"})));
  PrintCertificates(context, answer);
  return kDone;
}

absl::StatusOr<int> ShowStatus(const Context& context, const Invocation& /*invocation*/) {
  SLUICE_ASSIGN_OR_RETURN(const Json status, context.client.Get(Path({"status"})));
  if (context.json) {
    PrintJson(status);
  } else {
    PrintStatus(status, context.now);
  }
  return kDone;
}

absl::StatusOr<int> Reload(const Context& context, const Invocation& /*invocation*/) {
  SLUICE_ASSIGN_OR_RETURN(const Json answer,
                          context.client.Post(Path({"certificates:reload"}), Json::object()));
  if (!context.json) Print("The certificates were read anew; these are shown now:\n\n");
  PrintCertificates(context, answer);
  return kDone;
}

}  // namespace sluice::ctl
