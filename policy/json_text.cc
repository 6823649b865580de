#include <cstddef>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "policy/entry_field.h"
#include "policy/import_export.h"
#include "policy/import_rows.h"

namespace sluice::policy {
namespace {

using nlohmann::json;

// Over the text, counting lines as the parser goes along, since it does not say where a value
// began.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* at, int* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_++ == '\n') ++*line_;
    return *this;
  }
  LineCounter operator++(int) {
    LineCounter before = *this;
    ++*this;
    return before;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }
  bool operator!=(const LineCounter& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  int* line_;
};

// What an export has and an import skips.
bool IsRecord(absl::string_view name) {
  return name == "created" || name == "changed" || name == "generation" || name == "last_ping" ||
         name == "pattern_unicode";
}

absl::Status SetList(absl::string_view name, const json& value, Entry& entry) {
  std::string items;
  bool all_strings = value.is_array();
  if (all_strings) {
    for (const json& item : value) {
      all_strings = all_strings && item.is_string();
      if (all_strings) absl::StrAppend(&items, item.get_ref<const std::string&>(), " ");
    }
  }
  if (!all_strings) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": must be an array of strings"));
  }
  return SetField(name, items, entry);
}

void AddObject(const json& object, int line, ImportRows& rows) {
  Entry entry;
  std::vector<std::string> faults;
  if (!object.contains("pattern")) faults.push_back("has no field 'pattern'");
  for (const auto& [name, value] : object.items()) {
    if (IsRecord(name)) continue;
    absl::Status set;
    if (IsListField(name)) {
      set = SetList(name, value, entry);
    } else if (value.is_string()) {
      set = SetField(name, value.get_ref<const std::string&>(), entry);
    } else {
      set = absl::InvalidArgumentError(
          absl::StrCat(absl::CHexEscape(name.substr(0, 64)), ": must be a string"));
    }
    if (!set.ok()) faults.emplace_back(set.message());
  }
  rows.Add(line, std::move(entry), std::move(faults));
}

json StampToJson(const Stamp& stamp) {
  return {{"at", absl::FormatTime(absl::RFC3339_sec, stamp.at, absl::UTCTimeZone())},
          {"by", stamp.by}};
}

}  // namespace

Imported ImportJson(absl::string_view text) {
  ImportRows rows;
  if (rows.TooLarge(text)) return std::move(rows).Take();
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  int line = 1;
  int object_line = 1;
  bool is_array = false;
  // Entries are taken out of the array one by one, as they end, so that it is never there as a
  // whole.
  const auto on_event = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth == 0 && event == json::parse_event_t::array_start) is_array = true;
    if (depth != 1 || !is_array) return true;
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      object_line = line;
      return !rows.full();
    }
    if (event == json::parse_event_t::object_end) {
      AddObject(parsed, object_line, rows);
      return false;
    }
    if (event == json::parse_event_t::array_end || event == json::parse_event_t::value) {
      rows.AddFault(line, "an entry must be an object: {\"pattern\": \"example.com\", ...}");
      return false;
    }
    return true;
  };
  try {
    const json discarded = json::parse(LineCounter(text.data(), &line),
                                       LineCounter(text.data() + text.size(), &line), on_event);
    if (!is_array) rows.AddFault(1, "must be an array of objects: [{\"pattern\": ...}, ...]");
  } catch (const json::exception& error) {
    rows.AddFault(line, absl::StrCat("is no JSON: ", absl::CHexEscape(error.what())));
  }
  return std::move(rows).Take();
}

void AppendJson(const Entry& entry, std::string& out) {
  nlohmann::ordered_json object;
  for (const absl::string_view field : FieldNames()) {
    const std::string name(field);
    if (IsListField(field)) {
      object[name] = GetList(field, entry);
    } else {
      object[name] = GetField(field, entry);
    }
  }
  if (std::string shown = entry.pattern.ToUnicode(); shown != entry.pattern.text()) {
    object["pattern_unicode"] = std::move(shown);
  }
  object["created"] = StampToJson(entry.created);
  object["changed"] = StampToJson(entry.changed);
  object["generation"] = entry.generation;
  if (entry.last_ping.has_value()) {
    object["last_ping"] = {
        {"at", absl::FormatTime(absl::RFC3339_sec, entry.last_ping->at, absl::UTCTimeZone())},
        {"summary", entry.last_ping->summary},
        {"warnings", entry.last_ping->warnings}};
  }
  out.append(object.dump(-1, ' ', false, json::error_handler_t::replace));
}

}  // namespace sluice::policy
