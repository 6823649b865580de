#include "queue/history_chain.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::queue {
namespace {

// The tag of field 31, length-delimited, and the length.
constexpr absl::string_view kSealTag("\xFA\x01\x20", 3);
constexpr size_t kSealBytes = kSealTag.size() + kChainBytes;

}  // namespace

std::string ChainStart() { return std::string(kChainBytes, '\0'); }

std::string NextChain(absl::string_view previous, absl::string_view key, absl::string_view entry) {
  SLUICE_CHECK(previous.size() == kChainBytes);
  return Sha256({previous, key, entry});
}

std::string SealRow(absl::string_view entry, absl::string_view chain) {
  SLUICE_CHECK(chain.size() == kChainBytes);
  return absl::StrCat(entry, kSealTag, chain);
}

SealedRow OpenRow(absl::string_view row) {
  if (row.size() < kSealBytes) return {.entry = row, .chain = ""};
  const absl::string_view seal = row.substr(row.size() - kSealBytes);
  if (!absl::StartsWith(seal, kSealTag)) return {.entry = row, .chain = ""};
  return {.entry = row.substr(0, row.size() - kSealBytes),
          .chain = seal.substr(kSealTag.size())};
}

std::string ChainBehind(absl::string_view row) {
  const absl::string_view chain = OpenRow(row).chain;
  return chain.empty() ? ChainStart() : std::string(chain);
}

bool Holds(absl::string_view previous, absl::string_view key, absl::string_view row) {
  const SealedRow sealed = OpenRow(row);
  return !sealed.chain.empty() && NextChain(previous, key, sealed.entry) == sealed.chain;
}

}  // namespace sluice::queue
