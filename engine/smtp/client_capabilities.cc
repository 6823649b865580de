#include "engine/smtp/client_capabilities.h"

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace sluice::smtp {
namespace {

void AddKeyword(absl::string_view line, Capabilities& offered) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, absl::ByAnyChar(" \t="), absl::SkipEmpty());
  if (words.empty()) return;
  const absl::string_view keyword = words[0];
  if (absl::EqualsIgnoreCase(keyword, "STARTTLS")) offered.starttls = true;
  if (absl::EqualsIgnoreCase(keyword, "PIPELINING")) offered.pipelining = true;
  if (absl::EqualsIgnoreCase(keyword, "CHUNKING")) offered.chunking = true;
  if (absl::EqualsIgnoreCase(keyword, "8BITMIME")) offered.eight_bit_mime = true;
  if (absl::EqualsIgnoreCase(keyword, "SMTPUTF8")) offered.smtputf8 = true;
  if (absl::EqualsIgnoreCase(keyword, "DSN")) offered.dsn = true;
  if (absl::EqualsIgnoreCase(keyword, "REQUIRETLS")) offered.require_tls = true;
  if (absl::EqualsIgnoreCase(keyword, "SIZE")) {
    offered.size = true;
    uint64_t limit = 0;
    if (words.size() > 1 && absl::SimpleAtoi(words[1], &limit)) offered.size_limit_bytes = limit;
  }
}

}  // namespace

Capabilities Capabilities::FromEhlo(const Reply& reply) {
  Capabilities offered;
  const std::vector<absl::string_view> lines = absl::StrSplit(reply.text, '\n');
  for (size_t i = 1; i < lines.size(); ++i) AddKeyword(lines[i], offered);  // the first greets
  return offered;
}

}  // namespace sluice::smtp
