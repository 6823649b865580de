// What a request asks for by name: its query string, or the members of its JSON body. Values are
// read one by one; whatever was wrong, unknown names too, is told at the end, so that a handler
// checks once.
//
//   Parameters parameters = Parameters::OfQuery(request);
//   query.domain = parameters.Text("domain");
//   query.limit = parameters.Count("limit", 100, kMaxPage);
//   SLUICE_RETURN_IF_ERROR(parameters.Done());
//
// One thread.
#ifndef SLUICE_ENGINE_ADMIN_PARAMETERS_H_
#define SLUICE_ENGINE_ADMIN_PARAMETERS_H_

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/admin/http_message.h"

namespace sluice::admin {

// The most rows of one page; pages beyond it are asked for with the cursor or offset of the answer.
inline constexpr size_t kMaxPage = 1000;
inline constexpr size_t kDefaultPage = 100;

class Parameters {
 public:
  static Parameters OfQuery(const Request& request);
  // The body is one object of strings, numbers and truth values; an empty body has none.
  static absl::StatusOr<Parameters> OfBody(const Request& request);

  // Empty when it is not there.
  std::string Text(absl::string_view name, size_t max_octets = 1024);
  // A domain in any form, as entries and destinations are compared: lower-case A-labels.
  std::string Domain(absl::string_view name);
  size_t Count(absl::string_view name, size_t default_value, size_t most);
  bool Flag(absl::string_view name);  // "true", "false" or "" (named without a value: true)
  // RFC 3339: "2026-03-01T12:00:00Z", "2026-03-01T13:00:00.5+01:00".
  absl::Time Time(absl::string_view name, absl::Time default_value);
  // One of `words`; its index, or nullopt when it is not there.
  std::optional<size_t> Word(absl::string_view name,
                             std::initializer_list<absl::string_view> words);

  // Read by `parse`, whose error says what is accepted; nullopt when it is not there.
  template <typename T>
  std::optional<T> Parsed(absl::string_view name, absl::StatusOr<T> (*parse)(absl::string_view)) {
    const std::string text = Text(name);
    if (text.empty()) return std::nullopt;
    const absl::StatusOr<T> parsed = parse(text);
    if (parsed.ok()) return *parsed;
    Fault(name, parsed.status().message());
    return std::nullopt;
  }

  // The first fault, or that a name is not known (with those that are), or OK.
  absl::Status Done() const;

 private:
  struct Value {
    std::string name;
    std::string text;
    bool asked_for = false;
  };
  void Add(std::string name, std::string text);
  const std::string* Find(absl::string_view name);
  void Fault(absl::string_view name, absl::string_view reason);

  std::vector<Value> values_;
  std::vector<std::string> known_;
  std::string fault_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PARAMETERS_H_
