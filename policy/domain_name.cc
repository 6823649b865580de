#include "policy/domain_name.h"

#include <idn2.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace sluice::policy {
namespace {

// A U-label takes at most four octets for each of its characters; longer input is no domain name
// and is not handed to IDNA at all.
constexpr size_t kMaxTypedOctets = 4 * kMaxDomainOctets;

constexpr char kWhatIsAccepted[] =
    "a domain name is labels of letters, digits and inner hyphens, joined by dots: example.com";

struct Idn2Free {
  void operator()(void* memory) const { idn2_free(memory); }
};

absl::Status Refused(absl::string_view typed, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", absl::CHexEscape(typed.substr(0, kMaxDomainOctets)), "': ", why));
}

constexpr uint64_t kEach = 0x0101010101010101;
constexpr uint64_t kHighBits = kEach * 0x80;

// The first octet is the lowest.
uint64_t Load64(const char* octets) {
  static_assert(std::endian::native == std::endian::little);
  uint64_t word;
  std::memcpy(&word, octets, sizeof(word));
  return word;
}

bool IsAscii(absl::string_view text) {
  unsigned char all = 0;
  for (const char c : text) all = static_cast<unsigned char>(all | static_cast<unsigned char>(c));
  return all < 0x80;
}

absl::string_view WithoutTrailingDot(absl::string_view name) {
  if (absl::EndsWith(name, ".")) name.remove_suffix(1);
  return name;
}

// U-labels to A-labels, and A-labels checked to be what their U-labels give.
absl::StatusOr<std::string> ToALabels(absl::string_view name) {
  if (name.find('\0') != absl::string_view::npos) {
    return absl::InvalidArgumentError("it has a NUL octet");
  }
  const std::string terminated(name);
  uint8_t* converted = nullptr;
  const int result = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(terminated.c_str()),
                                    &converted, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (result != IDN2_OK) {
    return absl::InvalidArgumentError(
        absl::StrCat("no valid internationalized name (", idn2_strerror(result), ")"));
  }
  const std::unique_ptr<uint8_t, Idn2Free> owner(converted);
  return std::string(reinterpret_cast<const char*>(converted));
}

absl::Status CheckLabel(absl::string_view label) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
  };
  if (label.empty()) return absl::InvalidArgumentError("it has an empty label");
  if (label.size() > kMaxLabelOctets) {
    return absl::InvalidArgumentError(absl::StrCat("label '", absl::CHexEscape(label.substr(0, 16)),
                                                   "...' has ", label.size(), " octets, at most ",
                                                   kMaxLabelOctets, " are allowed"));
  }
  const auto bad = std::find_if_not(label.begin(), label.end(), allowed);
  if (bad != label.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("label '", absl::CHexEscape(label), "' has the character '",
                     absl::CHexEscape(absl::string_view(&*bad, 1)), "'; ", kWhatIsAccepted));
  }
  if (label.front() == '-' || label.back() == '-') {
    return absl::InvalidArgumentError(
        absl::StrCat("label '", label, "' begins or ends with a hyphen; ", kWhatIsAccepted));
  }
  return absl::OkStatus();
}

absl::Status CheckDomain(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError(kWhatIsAccepted);
  if (name.size() > kMaxDomainOctets) {
    return absl::InvalidArgumentError(absl::StrCat("it has ", name.size(), " octets, at most ",
                                                   kMaxDomainOctets, " are allowed"));
  }
  absl::string_view last;
  for (const absl::string_view label : absl::StrSplit(name, '.')) {
    if (absl::Status status = CheckLabel(label); !status.ok()) return status;
    last = label;
  }
  if (std::all_of(last.begin(), last.end(), absl::ascii_isdigit)) {
    return absl::InvalidArgumentError(
        absl::StrCat("its last label is a number, as in an IP address; ", kWhatIsAccepted));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> NormalizeDomain(absl::string_view typed) {
  if (typed.size() > kMaxTypedOctets) {
    return Refused(typed, absl::StrCat("it has ", typed.size(), " octets, at most ",
                                       kMaxDomainOctets, " are allowed"));
  }
  std::string name = absl::AsciiStrToLower(typed);
  if (!IsAscii(name) || absl::StrContains(name, "xn--")) {
    absl::StatusOr<std::string> converted = ToALabels(name);
    if (!converted.ok()) return Refused(typed, converted.status().message());
    name = absl::AsciiStrToLower(*converted);
  }
  name = std::string(WithoutTrailingDot(name));
  if (absl::Status status = CheckDomain(name); !status.ok()) {
    return Refused(typed, status.message());
  }
  return name;
}

std::string ToUnicode(absl::string_view domain) {
  const std::string terminated(domain);
  if (!absl::StrContains(terminated, "xn--")) return terminated;
  char* converted = nullptr;
  if (idn2_to_unicode_8z8z(terminated.c_str(), &converted, 0) != IDN2_OK) return terminated;
  const std::unique_ptr<char, Idn2Free> owner(converted);
  // libidn2 decodes without checking; only the right form of a name is shown in its place.
  std::string shown(converted);
  const absl::StatusOr<std::string> back = ToALabels(shown);
  return back.ok() && *back == domain ? shown : terminated;
}

LookupName::LookupName(absl::string_view domain) {
  domain = WithoutTrailingDot(domain);
  if (AssignAscii(domain)) [[likely]]
    return;
  if (domain.size() <= kMaxTypedOctets) {
    if (const absl::StatusOr<std::string> converted = ToALabels(domain); converted.ok()) {
      AssignAny(*converted);
      return;
    }
  }
  AssignAny(domain);
}

// Eight octets at a time: 20 octets, which is what names have, are three words.
bool LookupName::AssignAscii(absl::string_view name) {
  if (name.size() > kMaxDomainOctets) return false;
  size_ = name.size();
  std::memset(dots_, 0, sizeof(dots_));
  const size_t whole = size_ / 8;
  const size_t rest = size_ % 8;
  uint64_t all = 0;
  for (size_t i = 0; i < whole; ++i) all |= AssignWord(i, Load64(name.data() + 8 * i));
  uint64_t last = 0;
  if (rest > 0 && whole > 0) {
    last = Load64(name.data() + size_ - 8) >> (64 - 8 * rest);
  } else {
    for (size_t i = 0; i < rest; ++i)
      last |= uint64_t{static_cast<unsigned char>(name[i])} << (8 * i);
  }
  all |= AssignWord(whole, last);
  words_[whole + 1] = 0;
  return (all & kHighBits) == 0;
}

// Stores the word in lower case, notes its dots, and returns it.
uint64_t LookupName::AssignWord(size_t index, uint64_t word) {
  // A high bit for each octet from 'A' to 'Z': those that reach 0x80 when 0x80 - 'A' is added and
  // do not when 0x80 - 'Z' - 1 is. Octets outside ASCII are left alone.
  const uint64_t low = word & ~kHighBits;
  const uint64_t upper =
      (low + kEach * (0x80 - 'A')) & ~(low + kEach * (0x80 - 'Z' - 1)) & ~word & kHighBits;
  words_[index] = word | upper >> 2;
  // A high bit for each octet that is a dot: zero once the dots are taken off.
  const uint64_t without = word ^ (kEach * '.');
  const uint64_t dots = ~((without & ~kHighBits) + ~kHighBits | without) & kHighBits;
  // The multiplication gathers the eight bits in the highest octet.
  dots_[index / 8] |= ((dots >> 7) * 0x0102040810204080 >> 56) << (index % 8 * 8);
  return word;
}

void LookupName::AssignAny(absl::string_view name) {
  name = WithoutTrailingDot(name);
  if (name.size() > kMaxDomainOctets) name.remove_prefix(name.size() - kMaxDomainOctets);
  AssignAscii(name);
}

}  // namespace sluice::policy
