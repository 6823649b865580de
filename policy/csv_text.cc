#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "policy/entry_field.h"
#include "policy/import_export.h"
#include "policy/import_rows.h"

namespace sluice::policy {
namespace {

// Reads RFC 4180 row by row.
class CsvReader {
 public:
  explicit CsvReader(absl::string_view text) : rest_(text) {}

  // Of the row that was read last.
  int line() const { return row_line_; }

  // False at the end of the text. `fault` is set when the row is malformed; reading can go on
  // behind it unless a quoted cell was left open, which is then the end.
  bool NextRow(std::vector<std::string>& cells, std::string& fault) {
    cells.clear();
    fault.clear();
    while (SkipLineEnd()) {
    }
    if (rest_.empty()) return false;
    row_line_ = line_;
    do {
      cells.emplace_back();
      if (absl::ConsumePrefix(&rest_, "\"")) {
        ReadQuoted(cells.back(), fault);
      } else {
        ReadPlain(cells.back(), fault);
      }
    } while (absl::ConsumePrefix(&rest_, ","));
    SkipLineEnd();
    return true;
  }

 private:
  bool SkipLineEnd() {
    if (!absl::ConsumePrefix(&rest_, "\r\n") && !absl::ConsumePrefix(&rest_, "\n")) return false;
    ++line_;
    return true;
  }

  void ReadPlain(std::string& cell, std::string& fault) {
    const size_t size = std::min(rest_.find_first_of(",\n"), rest_.size());
    absl::string_view plain = rest_.substr(0, size);
    rest_.remove_prefix(size);
    if (absl::StartsWith(rest_, "\n")) plain = absl::StripSuffix(plain, "\r");
    if (absl::StrContains(plain, "\"")) {
      fault = "a cell with a quote in it must be quoted as a whole, its quotes doubled";
    }
    cell = std::string(plain);
  }

  // Behind the opening quote.
  void ReadQuoted(std::string& cell, std::string& fault) {
    for (;;) {
      const size_t size = rest_.find('"');
      if (size == absl::string_view::npos) {
        fault = "a quoted cell that begins in this row is not closed";
        rest_ = absl::string_view();
        return;
      }
      const absl::string_view part = rest_.substr(0, size);
      line_ += static_cast<int>(std::count(part.begin(), part.end(), '\n'));
      absl::StrAppend(&cell, part);
      rest_.remove_prefix(size + 1);
      if (!absl::ConsumePrefix(&rest_, "\"")) break;
      cell.push_back('"');
    }
    if (!rest_.empty() && !absl::StartsWith(rest_, ",") && !absl::StartsWith(rest_, "\n") &&
        !absl::StartsWith(rest_, "\r\n")) {
      fault = "a quoted cell must be followed by a comma or the end of the line";
      rest_.remove_prefix(std::min(rest_.find_first_of(",\n"), rest_.size()));
    }
  }

  absl::string_view rest_;
  int line_ = 1;
  int row_line_ = 1;
};

// The columns of the first row; false when they cannot be used.
bool CheckColumns(const std::vector<std::string>& columns, int line, ImportRows& rows) {
  bool usable = true;
  const auto fault = [&](std::string reason) {
    rows.AddFault(line, std::move(reason));
    usable = false;
  };
  const absl::Span<const absl::string_view> known = FieldNames();
  for (auto column = columns.begin(); column != columns.end(); ++column) {
    if (std::find(known.begin(), known.end(), *column) == known.end()) {
      fault(absl::StrCat("'", absl::CHexEscape(column->substr(0, 64)),
                         "' is no column; the first line names the columns, of ",
                         absl::StrJoin(known, ",")));
    }
    if (std::find(columns.begin(), column, *column) != column) {
      fault(absl::StrCat("column '", absl::CHexEscape(column->substr(0, 64)), "' is there twice"));
    }
  }
  if (std::find(columns.begin(), columns.end(), "pattern") == columns.end()) {
    fault("the first line must name a column 'pattern'");
  }
  return usable;
}

std::string CsvCell(const std::string& value) {
  if (value.find_first_of(",\"\r\n") == std::string::npos) return value;
  return absl::StrCat("\"", absl::StrReplaceAll(value, {{"\"", "\"\""}}), "\"");
}

}  // namespace

Imported ImportCsv(absl::string_view text) {
  ImportRows rows;
  if (rows.TooLarge(text)) return std::move(rows).Take();
  absl::ConsumePrefix(&text, "\xef\xbb\xbf");
  CsvReader reader(text);
  std::vector<std::string> columns;
  std::vector<std::string> cells;
  std::string malformed;
  if (!reader.NextRow(columns, malformed)) {
    rows.AddFault(1, "the file is empty; its first line must name the columns: " + CsvHeader());
    return std::move(rows).Take();
  }
  if (!malformed.empty()) rows.AddFault(reader.line(), malformed);
  if (!CheckColumns(columns, reader.line(), rows)) return std::move(rows).Take();

  while (!rows.full() && reader.NextRow(cells, malformed)) {
    Entry entry;
    std::vector<std::string> faults;
    if (!malformed.empty()) {
      faults.push_back(malformed);
    } else if (cells.size() != columns.size()) {
      faults.push_back(absl::StrCat("has ", cells.size(), " cells, the first line names ",
                                    columns.size(), " columns"));
    } else {
      for (size_t i = 0; i < cells.size(); ++i) {
        const absl::Status set = SetField(columns[i], cells[i], entry);
        if (!set.ok()) faults.emplace_back(set.message());
      }
    }
    rows.Add(reader.line(), std::move(entry), std::move(faults));
  }
  return std::move(rows).Take();
}

std::string CsvHeader() { return absl::StrCat(absl::StrJoin(FieldNames(), ","), "\r\n"); }

void AppendCsv(const Entry& entry, std::string& out) {
  const auto append_cell = [&](std::string* line, absl::string_view field) {
    line->append(CsvCell(GetField(field, entry)));
  };
  absl::StrAppend(&out, absl::StrJoin(FieldNames(), ",", append_cell), "\r\n");
}

}  // namespace sluice::policy
