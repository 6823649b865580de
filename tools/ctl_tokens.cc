// The tokens of --admin_listen: add, list, remove.
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"
#include "tools/ctl_time.h"

namespace sluice::ctl {

absl::StatusOr<int> AddToken(const Context& context, const Invocation& invocation) {
  if (!invocation.Has("role")) {
    return absl::InvalidArgumentError("--role=read or --role=write says what the token may do");
  }
  Json wanted = {{"name", invocation.arguments[0]}, {"role", invocation.Get("role")}};
  if (invocation.Has("expires")) {
    const absl::StatusOr<absl::Time> until = ParseUntil(invocation.Get("expires"), context.now);
    if (!until.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--expires: ", until.status().message()));
    }
    wanted["expires_at"] = absl::FormatTime(absl::RFC3339_sec, *until, absl::UTCTimeZone());
  }
  SLUICE_ASSIGN_OR_RETURN(const Json made, context.client.Post(Path({"tokens"}), wanted));
  if (context.json) {
    PrintJson(made);
  } else {
    // Alone, so that it can go straight into a file.
    Print(absl::StrCat(Printable(TextOf(made, "token")), "\n"));
  }
  return kDone;
}

absl::StatusOr<int> ListTokens(const Context& context, const Invocation& /*invocation*/) {
  SLUICE_ASSIGN_OR_RETURN(const Json answer, context.client.Get(Path({"tokens"})));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  Table table({"NAME", "ROLE", "MADE", "BY", "EXPIRES"});
  for (const Json& token : PartOf(answer, "tokens")) {
    const std::string expires = TextOf(token, "expires_at");
    table.Add({TextOf(token, "name"), TextOf(token, "role"),
               DistanceText(ReadTime(TextOf(token, "created_at")), context.now),
               TextOf(token, "created_by"),
               expires.empty()            ? "never"
               : FlagOf(token, "expired") ? "EXPIRED"
                                          : DistanceText(ReadTime(expires), context.now)});
  }
  Print(table.ToString());
  return kDone;
}

absl::StatusOr<int> RemoveToken(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Json answer,
                          context.client.Delete(Path({"tokens", invocation.arguments[0]})));
  if (context.json) {
    PrintJson(answer);
  } else {
    Print(absl::StrCat("removed: ", Printable(TextOf(answer, "removed")), "\n"));
  }
  return kDone;
}

}  // namespace sluice::ctl
