#include "tools/ctl_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace sluice::ctl {
namespace {

using nlohmann::ordered_json;

// The character at the front of `text` and its length in bytes; length 0 when it is no UTF-8.
struct Character {
  char32_t code;
  size_t length;
};

Character FirstCharacter(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return {byte(0), 1};
  const size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || text.size() < length) return {0, 0};
  char32_t code = byte(0) & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    code = code << 6 | (byte(i) & 0x3f);
  }
  static constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid =
      code >= kSmallest[length] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  return {code, valid ? length : 0};
}

// Controls, and what has no look of its own but changes that of its neighbours.
bool IsUnsafe(char32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
         (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
         (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
         (code >= 0xe0000 && code <= 0xe007f);
}

std::string Escaped(absl::string_view text, bool keep_line_breaks) {
  std::string safe;
  while (!text.empty()) {
    const Character first = FirstCharacter(text);
    const size_t length = std::max<size_t>(first.length, 1);
    const bool kept =
        first.length > 0 && (!IsUnsafe(first.code) || (keep_line_breaks && first.code == '\n'));
    if (kept) {
      safe.append(text.data(), length);
    } else {
      for (size_t i = 0; i < length; ++i) {
        absl::StrAppendFormat(&safe, "\\x%02x", static_cast<unsigned char>(text[i]));
      }
    }
    text.remove_prefix(length);
  }
  return safe;
}

// In characters; those that take no column or two are few in what is shown here.
size_t WidthOf(absl::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string Cut(const std::string& text, size_t widest) {
  if (WidthOf(text) <= widest) return text;
  size_t end = 0;
  for (size_t width = 0; width < widest; ++end) {
    if ((static_cast<unsigned char>(text[end]) & 0xc0) != 0x80) ++width;
  }
  // `end` is behind the first byte of the last character that would fit: it gives way to the mark.
  return absl::StrCat(text.substr(0, end - 1), "…");
}

const ordered_json* Find(const ordered_json& object, const char* member) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(member);
  return found == object.end() ? nullptr : &*found;
}

struct Unit {
  absl::Duration length;
  absl::string_view name;
};
constexpr Unit kUnits[] = {{absl::Hours(24), "d"},
                           {absl::Hours(1), "h"},
                           {absl::Minutes(1), "m"},
                           {absl::Seconds(1), "s"}};

std::string InUnits(absl::Duration duration, int most) {
  std::string text;
  for (const Unit& unit : kUnits) {
    const int64_t count = absl::IDivDuration(duration, unit.length, &duration);
    if (count == 0 && text.empty()) continue;
    if (count > 0) absl::StrAppend(&text, text.empty() ? "" : " ", count, unit.name);
    if (--most == 0) break;
  }
  return text.empty() ? "0s" : text;
}

}  // namespace

std::string TextOf(const ordered_json& object, const char* member) {
  const ordered_json* const found = Find(object, member);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

int64_t NumberOf(const ordered_json& object, const char* member) {
  const ordered_json* const found = Find(object, member);
  return found != nullptr && found->is_number() ? found->get<int64_t>() : 0;
}

bool FlagOf(const ordered_json& object, const char* member) {
  const ordered_json* const found = Find(object, member);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> TextsOf(const ordered_json& object, const char* member) {
  std::vector<std::string> texts;
  for (const ordered_json& item : PartOf(object, member)) {
    if (item.is_string()) texts.push_back(item.get<std::string>());
  }
  return texts;
}

std::vector<std::string> LinesOf(const ordered_json& object, const char* member) {
  return absl::StrSplit(TextOf(object, member), '\n', absl::SkipEmpty());
}

const ordered_json& PartOf(const ordered_json& object, const char* member) {
  static const auto* const nothing = new ordered_json(ordered_json::array());
  const ordered_json* const found = Find(object, member);
  return found != nullptr && found->is_structured() ? *found : *nothing;
}

std::string Printable(absl::string_view text) { return Escaped(text, false); }
std::string PrintableLines(absl::string_view text) { return Escaped(text, true); }

void Table::Add(std::vector<std::string> row) {
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = Printable(row[i]);
    if (i > 0) row[i] = Cut(row[i], i + 1 == row.size() ? kWidestLast : kWidest);
  }
  rows_.push_back(std::move(row));
}

std::string Table::ToString() const {
  std::vector<size_t> widths(rows_.front().size(), 0);
  for (const std::vector<std::string>& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], WidthOf(row[i]));
  }
  std::string text;
  for (const std::vector<std::string>& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i], std::string(widths[i] - WidthOf(row[i]) + 2, ' '));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

void Sheet::Add(absl::string_view name, absl::string_view value) {
  if (!value.empty()) pairs_.emplace_back(Printable(name), Printable(value));
}

void Sheet::Add(absl::string_view name, const std::vector<std::string>& values) {
  bool first = true;
  for (const std::string& value : values) {
    pairs_.emplace_back(first ? Printable(name) : "", Printable(value));
    first = false;
  }
}

std::string Sheet::ToString() const {
  size_t width = 0;
  for (const auto& [name, value] : pairs_) width = std::max(width, WidthOf(name));
  std::string text;
  for (const auto& [name, value] : pairs_) {
    absl::StrAppend(&text, std::string(indent_, ' '), name,
                    std::string(width - WidthOf(name) + 2, ' '), value, "\n");
  }
  return text;
}

std::string DurationText(absl::Duration duration) { return InUnits(duration, 2); }

std::string DistanceText(absl::Time time, absl::Time now) {
  return time > now ? absl::StrCat("in ", InUnits(time - now, 1))
                    : absl::StrCat(InUnits(now - time, 1), " ago");
}

absl::Time ReadTime(const std::string& api_time) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full, api_time, &time, nullptr) ? time : absl::UnixEpoch();
}

std::string TimeText(const std::string& api_time) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, api_time, &time, nullptr)) return api_time;
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string MomentText(const std::string& api_time, absl::Time now) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, api_time, &time, nullptr)) return api_time;
  return absl::StrCat(TimeText(api_time), " (", DistanceText(time, now), ")");
}

std::string SizeText(int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double size = static_cast<double>(bytes);
  absl::string_view unit;
  for (const absl::string_view larger : {"KiB", "MiB", "GiB"}) {
    if (size < 1024 && !unit.empty()) break;
    size /= 1024;
    unit = larger;
  }
  return size < 9.95 ? absl::StrFormat("%.1f %s", size, unit)
                     : absl::StrFormat("%.0f %s", size, unit);
}

std::string ServerText(const std::string& name, const std::string& address) {
  if (name.empty() || address.empty()) return name + address;
  return absl::StrCat(name, " (", address, ")");
}

std::string CountText(int64_t count, absl::string_view one, absl::string_view many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

}  // namespace sluice::ctl
