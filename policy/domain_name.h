// Domain names in the one form in which they are compared: lower-case A-labels, no trailing dot.
//
//   NormalizeDomain("Bücher.Example.")   -> "xn--bcher-kva.example"
//   ToUnicode("xn--bcher-kva.example")   -> "bücher.example"
//   LookupName("MAIL.example.com").view() -> "mail.example.com"
//
// What an administrator types is held to the rules (RFC 1035 §2.3.4, RFC 5890, RFC 5891): letters,
// digits and inner hyphens, 1 to 63 octets a label, 253 in all. What a stranger sends is not
// refused here, since a refused name could not match an entry and would slip past it: LookupName
// takes any bytes and makes the most of them.
//
// Thread-safe (functions); LookupName is a value.
#ifndef SLUICE_POLICY_DOMAIN_NAME_H_
#define SLUICE_POLICY_DOMAIN_NAME_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::policy {

inline constexpr size_t kMaxDomainOctets = 253;
inline constexpr size_t kMaxLabelOctets = 63;

// Strict. Takes U-labels (UTF-8; IDNA2008 with the non-transitional mapping of UTS #46, so that "ß"
// stays itself) and A-labels. InvalidArgument says what is wrong with which label.
absl::StatusOr<std::string> NormalizeDomain(absl::string_view typed);

// For display; a name that is not the one form of what it would be shown as stays as it is.
std::string ToUnicode(absl::string_view domain);

// Lenient: a name from the wire in the form in which entries are compared. Plain ASCII, which is
// nearly every name, is lower-cased without an allocation. Any other name goes through
// IDNA; where that refuses it, its bytes are kept, so that the labels to the right of the offending
// one still match. Of a name that is longer than a domain name can be, the right-hand end is kept.
class LookupName {
 public:
  // Octets behind the end of view() that may be read, so that a name is hashed and compared by
  // whole words.
  static constexpr size_t kReadableBehind = 8;

  explicit LookupName(absl::string_view domain);
  absl::string_view view() const {
    return absl::string_view(reinterpret_cast<const char*>(words_), size_);
  }

  // Where the label that ends in front of `end` begins: behind the last dot before it. `end` is the
  // size of the name or the place of a dot.
  size_t LabelBegin(size_t end) const {
    size_t i = end / 64;
    uint64_t dots = dots_[i] & ((uint64_t{1} << (end % 64)) - 1);
    while (dots == 0) {
      if (i == 0) return 0;
      dots = dots_[--i];
    }
    return i * 64 + 64 - static_cast<size_t>(std::countl_zero(dots));
  }

 private:
  // Lower-cases into words_; false for a name that is not ASCII or is too long.
  bool AssignAscii(absl::string_view name);
  void AssignAny(absl::string_view name);
  uint64_t AssignWord(size_t index, uint64_t word);

  static constexpr size_t kMostWords = kMaxDomainOctets / 8 + 1;
  size_t size_ = 0;
  // Of both, what the name takes is written and nothing else is read.
  uint64_t dots_[kMaxDomainOctets / 64 + 1];  // bit i%64 of dots_[i/64]: octet i is a dot
  uint64_t words_[kMostWords + kReadableBehind / 8];
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_DOMAIN_NAME_H_
