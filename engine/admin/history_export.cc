#include "engine/admin/history_export.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/history_json.h"
#include "nlohmann/json.hpp"
#include "queue/history_chain.h"
#include "queue/history_codec.h"
#include "queue/key_codec.h"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

constexpr int kVersion = 1;

void AppendLine(const ordered_json& line, std::string& out) {
  // What came from the network may be no UTF-8: such bytes become U+FFFD.
  out.append(line.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
  out.push_back('\n');
}

absl::StatusOr<ordered_json> EntryOf(absl::string_view key, absl::string_view row) {
  const std::optional<queue::HistoryPosition> position = queue::ParseHistoryKey(key);
  if (!position.has_value()) return absl::DataLossError("its key is none of a history");
  const absl::StatusOr<queue::HistoryEntry> entry = queue::DecodeHistoryEntry(*position, row);
  if (!entry.ok()) return entry.status();
  return HistoryToJson(*entry, absl::ZeroDuration(), Language::kEnglish);
}

// A member that is a string of hex digits.
std::string HexOf(const ordered_json& object, const char* member) {
  const auto found = object.find(member);
  if (found == object.end() || !found->is_string()) return "";
  const std::string& text = found->get_ref<const std::string&>();
  const std::string bytes = absl::HexStringToBytes(text);
  return absl::BytesToHexString(bytes) == text ? bytes : "";
}

}  // namespace

void HistoryExportWriter::Begin(std::string& out) {
  if (std::exchange(begun_, true)) return;
  AppendLine({{"sluice_history", kVersion}, {"previous", absl::BytesToHexString(chain_)}}, out);
}

void HistoryExportWriter::Append(const queue::HistoryRows::Row& row, std::string& out) {
  Begin(out);
  ++entries_;
  chain_ = queue::ChainBehind(row.value);
  absl::StatusOr<ordered_json> entry = EntryOf(row.key, row.value);
  AppendLine({{"entry", entry.ok() ? *std::move(entry) : ordered_json::object()},
              {"key", absl::BytesToHexString(row.key)},
              {"row", absl::Base64Escape(row.value)}},
             out);
}

void HistoryExportWriter::AppendEnd(std::string& out) {
  Begin(out);
  AppendLine({{"end", {{"entries", entries_}, {"chain", absl::BytesToHexString(chain_)}}}}, out);
}

void ChainVerifier::Add(absl::string_view key, absl::string_view row) {
  ++entries_;
  const bool sealed = !queue::OpenRow(row).chain.empty();
  if (!sealed && chain_ == queue::ChainStart()) {
    ++unsealed_;
  } else if (!queue::Holds(chain_, key, row)) {
    ++fault_count_;
    const std::optional<queue::HistoryPosition> position = queue::ParseHistoryKey(key);
    if (faults_.size() < kMostFaults) {
      faults_.push_back(absl::StrCat("the chain breaks at entry ",
                                     position.has_value() ? position->sequence : entries_,
                                     ": it was changed, or one in front of it was changed, "
                                     "removed, added or moved"));
    }
  }
  chain_ = queue::ChainBehind(row);
}

absl::Status ExportVerifier::AddLine(absl::string_view line) {
  if (ended_) return absl::DataLossError("there is more behind its end");
  const ordered_json object = ordered_json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::DataLossError("is no JSON object");
  if (!chain_.has_value()) {
    const std::string previous = HexOf(object, "previous");
    if (object.value("sluice_history", ordered_json()) != kVersion ||
        previous.size() != queue::kChainBytes) {
      return absl::DataLossError("is no first line of an exported history");
    }
    chain_.emplace(previous);
    return absl::OkStatus();
  }
  if (object.contains("end")) {
    ended_ = true;
    const ordered_json& end = object["end"];
    if (!end.is_object() || end.value("entries", ordered_json()) != chain_->entries() ||
        HexOf(end, "chain") != chain_->chain()) {
      return absl::DataLossError("its end does not belong to what stands in front of it");
    }
    return absl::OkStatus();
  }
  const std::string key = HexOf(object, "key");
  std::string row;
  if (!object.contains("row") || !object["row"].is_string() ||
      !absl::Base64Unescape(object["row"].get_ref<const std::string&>(), &row)) {
    return absl::DataLossError("is no line of an exported history");
  }
  chain_->Add(key, row);
  if (!chain_->intact()) return absl::DataLossError(chain_->faults().front());
  const absl::StatusOr<ordered_json> entry = EntryOf(key, row);
  if (!entry.ok()) return entry.status();
  // As it was written: with what is no UTF-8 replaced.
  std::string written;
  AppendLine(*entry, written);
  if (object.value("entry", ordered_json()) != ordered_json::parse(written)) {
    return absl::DataLossError("its entry is not what its row says");
  }
  return absl::OkStatus();
}

absl::Status ExportVerifier::End() const {
  if (ended_) return absl::OkStatus();
  return absl::DataLossError("it is cut off: its last line is missing");
}

}  // namespace sluice::admin
