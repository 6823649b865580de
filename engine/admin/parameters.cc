#include "engine/admin/parameters.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/admin/json_body.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"
#include "policy/domain_name.h"

namespace sluice::admin {
namespace {

std::string Shown(absl::string_view text) { return absl::Utf8SafeCEscape(text.substr(0, 64)); }

}  // namespace

Parameters Parameters::OfQuery(const Request& request) {
  Parameters parameters;
  for (const auto& [name, text] : request.query) parameters.Add(name, text);
  return parameters;
}

absl::StatusOr<Parameters> Parameters::OfBody(const Request& request) {
  Parameters parameters = OfQuery(request);
  if (request.body.empty()) return parameters;
  SLUICE_ASSIGN_OR_RETURN(const nlohmann::ordered_json object, ParseObject(request.body));
  for (const auto& [name, value] : object.items()) {
    if (value.is_string()) {
      parameters.Add(name, value.get_ref<const std::string&>());
    } else if (value.is_boolean()) {
      parameters.Add(name, value.get<bool>() ? "true" : "false");
    } else if (value.is_number_integer()) {
      parameters.Add(name, absl::StrCat(value.get<int64_t>()));
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat(Shown(name), ": must be a string, a whole number, true or false"));
    }
  }
  return parameters;
}

void Parameters::Add(std::string name, std::string text) {
  const bool twice = std::any_of(values_.begin(), values_.end(),
                                 [&name](const Value& value) { return value.name == name; });
  if (twice && fault_.empty()) fault_ = absl::StrCat(Shown(name), ": is named twice");
  values_.push_back({std::move(name), std::move(text)});
}

const std::string* Parameters::Find(absl::string_view name) {
  known_.emplace_back(name);
  for (Value& value : values_) {
    if (value.name != name) continue;
    value.asked_for = true;
    return &value.text;
  }
  return nullptr;
}

void Parameters::Fault(absl::string_view name, absl::string_view reason) {
  if (fault_.empty()) fault_ = absl::StrCat(name, ": ", reason);
}

std::string Parameters::Text(absl::string_view name, size_t max_octets) {
  const std::string* const text = Find(name);
  if (text == nullptr) return "";
  if (text->size() > max_octets) {
    Fault(name, absl::StrCat("must be at most ", max_octets, " octets long"));
    return "";
  }
  return *text;
}

std::string Parameters::Domain(absl::string_view name) {
  const policy::LookupName domain(Text(name));
  return std::string(domain.view());
}

size_t Parameters::Count(absl::string_view name, size_t default_value, size_t most) {
  const std::string* const text = Find(name);
  if (text == nullptr) return default_value;
  uint64_t count = 0;
  if (!absl::SimpleAtoi(*text, &count) || count > most) {
    Fault(name, absl::StrCat("must be a number from 0 to ", most, ", not '", Shown(*text), "'"));
    return default_value;
  }
  return count;
}

bool Parameters::Flag(absl::string_view name) {
  const std::string* const text = Find(name);
  if (text == nullptr || *text == "false") return false;
  if (!text->empty() && *text != "true") {
    Fault(name, absl::StrCat("must be true or false, not '", Shown(*text), "'"));
  }
  return true;
}

absl::Time Parameters::Time(absl::string_view name, absl::Time default_value) {
  const std::string* const text = Find(name);
  if (text == nullptr || text->empty()) return default_value;
  absl::Time time;
  std::string why;
  // Words such as "infinite-past", which abseil takes, are no times of anything here.
  if (!absl::ascii_isdigit(static_cast<unsigned char>((*text)[0])) ||
      !absl::ParseTime(absl::RFC3339_full, *text, &time, &why)) {
    Fault(name, absl::StrCat("must be a time such as 2026-03-01T12:00:00Z (RFC 3339), not '",
                             Shown(*text), "'"));
    return default_value;
  }
  return time;
}

std::optional<size_t> Parameters::Word(absl::string_view name,
                                       std::initializer_list<absl::string_view> words) {
  const std::string* const text = Find(name);
  if (text == nullptr || text->empty()) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found == words.end()) {
    Fault(name, absl::StrCat("must be one of ", absl::StrJoin(words, ", "), ", not '", Shown(*text),
                             "'"));
    return std::nullopt;
  }
  return static_cast<size_t>(found - words.begin());
}

absl::Status Parameters::Done() const {
  if (!fault_.empty()) return absl::InvalidArgumentError(fault_);
  for (const Value& value : values_) {
    if (value.asked_for) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("'", Shown(value.name), "' is not known here; ",
                     known_.empty() ? "no parameters are"
                                    : absl::StrCat("known are ", absl::StrJoin(known_, ", "))));
  }
  return absl::OkStatus();
}

}  // namespace sluice::admin
