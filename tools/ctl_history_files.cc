// The history as a file: export, and whether such a file, or the store, is as it was written.
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/admin/history_export.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

struct Line {
  char* text = nullptr;
  size_t capacity = 0;
  ~Line() { free(text); }
};

// The chain that `--chain` names, where it does, has to be the one at the end.
absl::StatusOr<int> Compare(const Invocation& invocation, const std::string& chain) {
  if (!invocation.Has("chain")) return kDone;
  if (absl::AsciiStrToLower(invocation.Get("chain")) == chain) return kDone;
  Print("NOT the chain that --chain names: entries are missing at the end, or all of it was "
        "written anew\n");
  return kNothing;
}

absl::StatusOr<int> VerifyFile(const Invocation& invocation) {
  const std::string& path = invocation.arguments[0];
  const std::unique_ptr<FILE, int (*)(FILE*)> file(path == "-" ? stdin : fopen(path.c_str(), "rb"),
                                                   path == "-" ? [](FILE*) { return 0; } : &fclose);
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(path), " cannot be opened: ", strerror(errno)));
  }
  admin::ExportVerifier verifier;
  Line line;
  uint64_t number = 0;
  absl::Status intact;
  ssize_t length = 0;
  while (intact.ok() && (length = getline(&line.text, &line.capacity, file.get())) >= 0) {
    ++number;
    intact = verifier.AddLine(
        absl::StripSuffix(absl::string_view(line.text, static_cast<size_t>(length)), "\n"));
  }
  if (ferror(file.get()) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(path), " cannot be read: ", strerror(errno)));
  }
  if (intact.ok()) intact = verifier.End();
  if (!intact.ok()) {
    Print(absl::StrCat("NOT intact: line ", number, ": ", Printable(intact.message()), "\n"));
    return kNothing;
  }
  const std::string chain = absl::BytesToHexString(verifier.chain());
  Print(absl::StrCat("intact: ",
                     CountText(static_cast<int64_t>(verifier.entries()), "entry", "entries"),
                     "; chain ", chain, "\n"));
  return Compare(invocation, chain);
}

}  // namespace

absl::StatusOr<int> ExportHistory(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const Query range, TimesOf(invocation, context.now));
  SLUICE_RETURN_IF_ERROR(context.client.Download(Path({"history:export"}, range), stdout));
  return kDone;
}

absl::StatusOr<int> VerifyHistory(const Context& context, const Invocation& invocation) {
  if (!invocation.arguments.empty()) return VerifyFile(invocation);
  SLUICE_ASSIGN_OR_RETURN(const Json answer, context.client.GetLong(Path({"history:verify"})));
  const std::string chain = TextOf(answer, "chain");
  if (context.json) {
    PrintJson(answer);
    return FlagOf(answer, "intact") ? kDone : kNothing;
  }
  const std::string count = CountText(NumberOf(answer, "entries"), "entry", "entries");
  if (!FlagOf(answer, "intact")) {
    Print(absl::StrCat("NOT intact, of ", count, ":\n"));
    for (const std::string& fault : TextsOf(answer, "faults")) {
      Print(absl::StrCat("  ", Printable(fault), "\n"));
    }
    return kNothing;
  }
  Print(absl::StrCat("intact: ", count, "; chain ", chain, "\n"));
  if (const int64_t unsealed = NumberOf(answer, "unsealed"); unsealed > 0) {
    Print(absl::StrCat(CountText(unsealed, "entry is", "entries are"),
                       " of a version without hashes, and not checked\n"));
  }
  return Compare(invocation, chain);
}

}  // namespace sluice::ctl
