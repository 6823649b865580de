// The enforced-TLS list as a file: import and export.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

// More than the daemon takes is not read to the end: it says itself that this is too much.
constexpr size_t kMostRead = (size_t{64} << 20) + 1;

// "-" is standard input.
absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(path == "-" ? stdin : fopen(path.c_str(), "rb"),
                                                   path == "-" ? [](FILE*) { return 0; } : &fclose);
  if (file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(path), " cannot be opened: ", strerror(errno)));
  }
  std::string content;
  char buffer[65536];
  while (content.size() < kMostRead) {
    const size_t n = fread(buffer, 1, sizeof(buffer), file.get());
    if (n == 0) break;
    content.append(buffer, n);
  }
  if (ferror(file.get()) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(Printable(path), " cannot be read: ", strerror(errno)));
  }
  return content;
}

absl::StatusOr<std::string> FormatOf(const Invocation& invocation, absl::string_view path) {
  const std::string format = invocation.Get("format");
  if (format == "csv" || format == "json" || format == "postfix") return format;
  if (invocation.Has("format")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--format: must be csv, json or postfix, not '", Printable(format), "'"));
  }
  return absl::EndsWithIgnoreCase(path, ".json") ? "json" : "csv";
}

}  // namespace

absl::StatusOr<int> ImportDomains(const Context& context, const Invocation& invocation) {
  const std::string& file = invocation.arguments[0];
  SLUICE_ASSIGN_OR_RETURN(const std::string format, FormatOf(invocation, file));
  SLUICE_ASSIGN_OR_RETURN(const std::string content, ReadFile(file));
  const std::string path =
      Path({"domains:import"}, {{"replace", invocation.Has("replace") ? "true" : ""},
                                {"dry_run", invocation.Has("dry_run") ? "true" : ""}});
  SLUICE_ASSIGN_OR_RETURN(
      const Json answer,
      context.client.Upload(path, content, format == "csv"    ? "text/csv"
                                           : format == "json" ? "application/json"
                                                              : "text/plain"));
  if (context.json) {
    PrintJson(answer);
    return kDone;
  }
  for (const std::string& difference : TextsOf(answer, "differences")) {
    Print(absl::StrCat(Printable(difference), "\n"));
  }
  if (const int64_t left_off = NumberOf(answer, "left_off"); left_off > 0) {
    Print(absl::StrCat("… and ", left_off, " more\n"));
  }
  for (const std::string& warning : TextsOf(answer, "warnings")) {
    Print(absl::StrCat("warning: ", Printable(warning), "\n"));
  }
  Print(absl::StrCat(FlagOf(answer, "dry_run") ? "nothing was changed; it would be: " : "",
                     NumberOf(answer, "added"), " added, ", NumberOf(answer, "changed"),
                     " changed, ", NumberOf(answer, "removed"), " removed\n"));
  return kDone;
}

absl::StatusOr<int> ExportDomains(const Context& context, const Invocation& invocation) {
  SLUICE_ASSIGN_OR_RETURN(const std::string format,
                          FormatOf(invocation, context.json ? ".json" : ""));
  SLUICE_RETURN_IF_ERROR(
      context.client.Download(Path({"domains:export"}, {{"format", format}}), stdout));
  return kDone;
}

}  // namespace sluice::ctl
