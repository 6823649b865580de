#include "engine/admin/entry_json.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/reply.h"
#include "nlohmann/json.hpp"
#include "policy/entry_field.h"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;

ordered_json StampToJson(const policy::Stamp& stamp) {
  return {{"at", TimeText(stamp.at)}, {"by", stamp.by}};
}

// Lists as policy::SetField takes them.
absl::StatusOr<std::string> ListText(absl::string_view field, const ordered_json& value) {
  std::string text;
  bool valid = value.is_array();
  if (valid) {
    for (const ordered_json& item : value) {
      valid = valid && item.is_string();
      if (valid) absl::StrAppend(&text, item.get_ref<const std::string&>(), " ");
    }
  }
  if (valid) return text;
  return absl::InvalidArgumentError(absl::StrCat(field, ": must be an array of strings"));
}

// What the list itself records about an entry.
bool IsRecord(absl::string_view name) {
  return name == "created" || name == "changed" || name == "generation" || name == "last_ping" ||
         name == "pattern_unicode";
}

absl::Status ReadField(const std::string& field, const ordered_json& value, policy::Entry& entry) {
  if (policy::IsListField(field)) {
    const absl::StatusOr<std::string> text = ListText(field, value);
    return text.ok() ? policy::SetField(field, *text, entry) : text.status();
  }
  if (!value.is_string()) {
    return absl::InvalidArgumentError(
        absl::StrCat(absl::Utf8SafeCEscape(field.substr(0, 64)), ": must be a string"));
  }
  return policy::SetField(field, value.get_ref<const std::string&>(), entry);
}

}  // namespace

ordered_json EntryToJson(const policy::Entry& entry) {
  ordered_json object;
  for (const absl::string_view field : policy::FieldNames()) {
    const std::string name(field);
    if (policy::IsListField(field)) {
      object[name] = policy::GetList(field, entry);
    } else {
      object[name] = policy::GetField(field, entry);
    }
  }
  if (std::string shown = entry.pattern.ToUnicode(); shown != entry.pattern.text()) {
    object["pattern_unicode"] = std::move(shown);
  }
  object["created"] = StampToJson(entry.created);
  object["changed"] = StampToJson(entry.changed);
  object["generation"] = entry.generation;
  if (entry.last_ping) {
    object["last_ping"] = {{"at", TimeText(entry.last_ping->at)},
                           {"summary", entry.last_ping->summary},
                           {"warnings", entry.last_ping->warnings}};
  }
  return object;
}

std::vector<policy::Fault> ReadFields(const ordered_json& object, policy::Entry& entry) {
  std::vector<policy::Fault> faults;
  for (const auto& [field, value] : object.items()) {
    if (IsRecord(field)) continue;
    if (const absl::Status read = ReadField(field, value, entry); !read.ok()) {
      faults.push_back({0, std::string(read.message())});
      if (faults.size() >= 100) break;
    }
  }
  return faults;
}

}  // namespace sluice::admin
