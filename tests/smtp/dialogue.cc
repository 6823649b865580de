#include "tests/smtp/dialogue.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::smtp {
namespace {

// "a{3}\r" is "aaa" and a CR.
bool Unescape(absl::string_view text, std::string& out) {
  while (!text.empty()) {
    const char c = text[0];
    text.remove_prefix(1);
    if (c == '{') {
      const size_t close = text.find('}');
      int count = 0;
      if (out.empty() || close == absl::string_view::npos ||
          !absl::SimpleAtoi(text.substr(0, close), &count) || count < 1) {
        return false;
      }
      out.append(static_cast<size_t>(count - 1), out.back());
      text.remove_prefix(close + 1);
    } else if (c != '\\') {
      out += c;
    } else {
      if (text.empty()) return false;
      const char escape = text[0];
      text.remove_prefix(1);
      switch (escape) {
        case 'r': out += '\r'; break;
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case '0': out += '\0'; break;
        case '\\': out += '\\'; break;
        case 'x':
          if (text.size() < 2) return false;
          out += absl::HexStringToBytes(text.substr(0, 2));
          text.remove_prefix(2);
          break;
        default: return false;
      }
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<Dialogue> ReadDialogue(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be read"));
  Dialogue dialogue;
  dialogue.path = path;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const auto bad = [&](absl::string_view why) {
      return absl::InvalidArgumentError(absl::StrCat(path, ":", number, ": ", why));
    };
    if (line.size() < 2 || line[1] != ':') {
      if (!dialogue.steps.empty()) return bad("a setting behind the first line of the dialogue");
      dialogue.settings.push_back(line);
      continue;
    }
    DialogueStep step;
    step.line = number;
    step.mark = line[0];
    if (!absl::StrContains("CcSTWXMB", step.mark)) return bad("an unknown mark");
    absl::string_view text = absl::string_view(line).substr(2);
    absl::ConsumePrefix(&text, " ");
    if (!absl::StrContains("CcB", step.mark)) {
      step.text = std::string(text);
    } else if (!Unescape(text, step.text)) {
      return bad("a broken escape");
    }
    if (step.mark == 'C' || step.mark == 'B') step.text += "\r\n";
    if (step.mark == 'c') step.mark = 'C';
    const bool joins = (step.mark == 'C' || step.mark == 'B') && !dialogue.steps.empty() &&
                       dialogue.steps.back().mark == step.mark;
    if (joins) {
      dialogue.steps.back().text += step.text;
    } else {
      dialogue.steps.push_back(std::move(step));
    }
  }
  return dialogue;
}

std::vector<std::string> DialogueFiles(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace sluice::smtp
