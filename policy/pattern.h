// A pattern says which domains an entry of the list is for.
//
//   example.com      that name alone
//   *.example.com    every name below it, at any depth, and not the name itself
//   .example.com     both
//   *                every domain
//
//   SLUICE_ASSIGN_OR_RETURN(Pattern pattern, Pattern::Parse("*.Example.com."));
//   pattern.text()               "*.example.com"
//   pattern.Matches("a.b.example.com")   true
//
// Where several match, the one that says most about the name decides: an exact name before a
// wildcard, a longer suffix before a shorter, "*.x" before ".x", and "*" last. (Wildcards in
// certificates match one label and are another matter: tls/ has them.)
//
// A value; thread-compatible.
#ifndef SLUICE_POLICY_PATTERN_H_
#define SLUICE_POLICY_PATTERN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::policy {

class Pattern {
 public:
  // Weakest first: the order in which kinds beat one another at the same suffix.
  enum class Kind : uint8_t { kAny, kSelfAndBelow, kBelow, kExact };

  Pattern() = default;  // "*"
  // U-labels and A-labels, as NormalizeDomain takes them. InvalidArgument says what would be
  // accepted.
  static absl::StatusOr<Pattern> Parse(absl::string_view typed);

  Kind kind() const { return kind_; }
  // The name without the wildcard; empty for "*".
  const std::string& domain() const { return domain_; }
  // The canonical text, which is also the key under which an entry is stored.
  std::string text() const;
  // For display: text() with U-labels.
  std::string ToUnicode() const;

  // `name` as LookupName::view() gives it; an empty name is no domain and matches nothing. The
  // plain definition: what is looked up in earnest is the trie.
  bool Matches(absl::string_view name) const;
  friend bool operator==(const Pattern&, const Pattern&) = default;
  // The list's order: by labels from the right, so that a domain stands in front of those below it;
  // "*" is first. For one domain: exact, "*.", ".".
  friend bool operator<(const Pattern& a, const Pattern& b);
  // For sorting many: where these differ, the patterns stand in the order of them. (The first 16
  // octets of the labels from the right, each ended by a zero.)
  unsigned __int128 order_prefix() const;

 private:
  Kind kind_ = Kind::kAny;
  std::string domain_;
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_PATTERN_H_
