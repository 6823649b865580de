#include "engine/admin/domain_files_api.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "policy/import_export.h"
#include "policy/public_suffix.h"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

// Entries written at a time: some ten KiB, so that one long answer does not hold up the others.
constexpr size_t kEntriesAtOnce = 64;

enum class Format : size_t { kCsv, kJson, kPostfix };

// The list, piece by piece.
class Exporter {
 public:
  Exporter(std::shared_ptr<const policy::Snapshot> list, Format format)
      : list_(std::move(list)), format_(format) {
    entries_.reserve(list_->size());
    list_->ForEach([this](const policy::EntryPtr& entry) {
      entries_.push_back(entry.get());
      return true;
    });
  }

  bool Next(std::string& out) {
    if (ended_) return false;
    if (next_ == 0) AppendHead(out);
    for (size_t i = 0; i < kEntriesAtOnce && next_ < entries_.size(); ++i, ++next_) {
      AppendEntry(*entries_[next_], out);
    }
    ended_ = next_ == entries_.size();
    if (ended_ && format_ == Format::kJson) out.append("\n]\n");
    return true;
  }

 private:
  void AppendHead(std::string& out) const {
    switch (format_) {
      case Format::kCsv:
        out.append(policy::CsvHeader());
        return;
      case Format::kJson:
        out.append("[");
        return;
      case Format::kPostfix:
        out.append(policy::PostfixHeader());
        return;
    }
  }
  void AppendEntry(const policy::Entry& entry, std::string& out) const {
    switch (format_) {
      case Format::kCsv:
        policy::AppendCsv(entry, out);
        return;
      case Format::kJson:
        out.append(next_ == 0 ? "\n" : ",\n");
        policy::AppendJson(entry, out);
        return;
      case Format::kPostfix:
        policy::AppendPostfix(entry, out);
        return;
    }
  }

  const std::shared_ptr<const policy::Snapshot> list_;  // keeps the entries
  const Format format_;
  std::vector<const policy::Entry*> entries_;
  size_t next_ = 0;
  bool ended_ = false;
};

// Of entries that are wider than who wrote the file may have meant, or cannot do what they ask for.
ordered_json WarningsOf(relay::Control& control, const relay::PolicyResult& result) {
  ordered_json warnings = ordered_json::array();
  for (const policy::Written& written : result.written) {
    if (written.after == nullptr || warnings.size() == kMaxDifferences) continue;
    std::string warning = policy::WidthWarning(written.after->pattern);
    if (!warning.empty()) warnings.push_back(std::move(warning));
    for (const std::string& more : control.WarningsOf(*written.after)) {
      warnings.push_back(absl::StrCat(written.after->pattern.text(), ": ", more));
    }
  }
  return warnings;
}

Response ImportReply(relay::Control& control, const relay::PolicyResult& result, bool dry_run) {
  size_t added = 0;
  size_t removed = 0;
  ordered_json differences = ordered_json::array();
  for (const policy::Written& written : result.written) {
    added += static_cast<size_t>(written.before == nullptr);
    removed += static_cast<size_t>(written.after == nullptr);
    if (differences.size() < kMaxDifferences) differences.push_back(DifferenceLine(written));
  }
  const size_t left_off = result.written.size() - differences.size();
  return JsonReply({{"dry_run", dry_run},
                    {"added", added},
                    {"changed", result.written.size() - added - removed},
                    {"removed", removed},
                    {"differences", std::move(differences)},
                    {"left_off", left_off},
                    {"warnings", WarningsOf(control, result)},
                    {"generation", result.generation}});
}

Response Refused(const std::vector<policy::Fault>& faults) {
  return FaultsReply(absl::StrCat("nothing was imported: ", faults.size(),
                                  faults.size() == 1 ? " row is" : " rows are",
                                  " at fault; mend the file and import it again"),
                     faults);
}

}  // namespace

void DomainFilesApi::AddTo(Router& router) {
  router.Add({.method = "POST",
              .path = "/v1/domains:import",
              .handle = [this](const Request& request) { return Import(request); },
              .max_body_bytes = kMaxImportBytes,
              .time_limit = absl::Minutes(5),
              .slow = true});
  router.Add({.method = "GET",
              .path = "/v1/domains:export",
              .handle = [this](const Request& request) { return Export(request); }});
}

absl::StatusOr<Response> DomainFilesApi::Import(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const bool replace = parameters.Flag("replace");
  const bool dry_run = parameters.Flag("dry_run");
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  policy::Imported imported;
  if (request.content_type == "text/csv") {
    imported = policy::ImportCsv(request.body);
  } else if (request.content_type == "application/json") {
    imported = policy::ImportJson(request.body);
  } else if (request.content_type == "text/plain") {
    imported = policy::ImportPostfix(request.body);
  } else {
    return ErrorReply(415, "unsupported_media_type",
                      "an import has the Content-Type text/csv, application/json or, for Postfix's "
                      "smtp_tls_policy_maps, text/plain");
  }
  if (!imported.faults.empty()) return Refused(imported.faults);
  SLUICE_ASSIGN_OR_RETURN(
      const relay::PolicyResult result,
      editor_.Edit(request, dry_run ? relay::DryRun::kYes : relay::DryRun::kNo,
                   [&](const policy::Snapshot&, policy::Transaction& transaction) {
                     transaction.changes = std::move(imported.changes);
                     transaction.replace_all = replace;
                     return absl::OkStatus();
                   }));
  if (!result.faults.empty()) return Refused(result.faults);
  return ImportReply(control_, result, dry_run);
}

absl::StatusOr<Response> DomainFilesApi::Export(const Request& request) {
  Parameters parameters = Parameters::OfQuery(request);
  const auto format =
      static_cast<Format>(parameters.Word("format", {"csv", "json", "postfix"}).value_or(0));
  SLUICE_RETURN_IF_ERROR(parameters.Done());
  auto exporter = std::make_shared<Exporter>(control_.PolicyList(), format);
  Response response;
  constexpr const char* kTypes[] = {"text/csv; charset=utf-8", "application/json",
                                    "text/plain; charset=utf-8"};
  response.content_type = kTypes[static_cast<size_t>(format)];
  response.source = [exporter](std::string& out) { return exporter->Next(out); };
  return response;
}

}  // namespace sluice::admin
