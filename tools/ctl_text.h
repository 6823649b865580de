// How sluicectl shows things to people: members of JSON answers, tables, times.
//
// Nothing reaches the terminal as it came from the network: control characters, characters that
// turn or hide text, and what is no UTF-8 are shown as escapes. Thread-safe (functions).
#ifndef SLUICE_TOOLS_CTL_TEXT_H_
#define SLUICE_TOOLS_CTL_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace sluice::ctl {

// Members of an answer; of one that is not there, or is of another kind: "", 0, false. Not escaped.
std::string TextOf(const nlohmann::ordered_json& object, const char* member);
int64_t NumberOf(const nlohmann::ordered_json& object, const char* member);
bool FlagOf(const nlohmann::ordered_json& object, const char* member);
std::vector<std::string> TextsOf(const nlohmann::ordered_json& object, const char* member);
// The lines of a text.
std::vector<std::string> LinesOf(const nlohmann::ordered_json& object, const char* member);
// The member, or an empty array or object where it is not there.
const nlohmann::ordered_json& PartOf(const nlohmann::ordered_json& object, const char* member);

// Safe to print, on one line.
std::string Printable(absl::string_view text);
// Safe to print; line breaks stay.
std::string PrintableLines(absl::string_view text);

// Rows in aligned columns, two spaces apart; the first row is the heading.
//
//   Table table({"MESSAGE", "AGE"});
//   table.Add({id, "2h"});
//   std::string text = table.ToString();
//
// Widths are counted in characters, not in bytes. Cells that are too wide are cut with "…", except
// in the first column, which names the row.
class Table {
 public:
  static constexpr size_t kWidest = 48;
  static constexpr size_t kWidestLast = 100;  // of the last column, which no other has to wait for
  explicit Table(std::vector<std::string> heading) { Add(std::move(heading)); }
  void Add(std::vector<std::string> row);
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Names and values, the values aligned; pairs whose value is empty are left out.
class Sheet {
 public:
  explicit Sheet(size_t indent = 0) : indent_(indent) {}
  void Add(absl::string_view name, absl::string_view value);
  // One line a value.
  void Add(absl::string_view name, const std::vector<std::string>& values);
  std::string ToString() const;

 private:
  const size_t indent_;
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// "3d 4h", "38m 10s", "0s": the two largest units.
std::string DurationText(absl::Duration duration);
// "in 38m", "2h ago"; the largest unit alone.
std::string DistanceText(absl::Time time, absl::Time now);
// "2026-03-01T12:00:00Z" for a time of the API's, which has fractions; what is no time is shown as
// it is.
std::string TimeText(const std::string& api_time);
// "2026-03-01T12:00:00Z (2h ago)" for a time of the API's; what is no time is shown as it is.
std::string MomentText(const std::string& api_time, absl::Time now);
// The API's times; the epoch where it is none.
absl::Time ReadTime(const std::string& api_time);
// "512 B", "12 KiB", "3.4 MiB".
std::string SizeText(int64_t bytes);
// "mx.example.com (192.0.2.1:25)", or what there is of the two.
std::string ServerText(const std::string& name, const std::string& address);
// "1 message", "3 messages".
std::string CountText(int64_t count, absl::string_view one, absl::string_view many);

}  // namespace sluice::ctl

#endif  // SLUICE_TOOLS_CTL_TEXT_H_
