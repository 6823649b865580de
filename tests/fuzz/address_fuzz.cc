// Paths of MAIL FROM and RCPT TO (smtp/address.h): an address that is taken can be written down
// again between angle brackets, in one line, and is then read as the same address.
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "engine/smtp/address.h"
#include "engine/smtp/dsn_text.h"
#include "tests/fuzz/input.h"

namespace sluice::smtp {
namespace {

bool IsAscii(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isascii(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

void CheckAddress(absl::string_view path, const Address& address) {
  SLUICE_CHECK(absl::StartsWith(path, "<") && absl::EndsWith(path, ">"));
  SLUICE_CHECK(!HasControl(path));
  SLUICE_CHECK(address.utf8 == !IsAscii(path));
  SLUICE_CHECK(IsUtf8(path));
  if (address.null()) {
    SLUICE_CHECK(path == "<>" && address.domain.empty());
    return;
  }
  SLUICE_CHECK(absl::EndsWith(path, absl::StrCat(address.text, ">")));  // behind a source route
  SLUICE_CHECK(address.text.size() <= kMaxMailboxOctets);
  SLUICE_CHECK(address.domain.size() <= kMaxDomainOctets);
  if (address.domain.empty()) {
    SLUICE_CHECK(absl::EqualsIgnoreCase(address.text, "postmaster"));
    return;
  }
  SLUICE_CHECK(absl::EndsWith(address.text, absl::StrCat("@", address.domain)));
  SLUICE_CHECK(!absl::StrContains(address.domain, "@"));
  const size_t local = address.text.size() - address.domain.size() - 1;
  SLUICE_CHECK(local >= 1 && local <= kMaxLocalPartOctets);
  SLUICE_CHECK(address.domain.find_first_of(" <>\"\\,;") == std::string::npos);
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  const absl::string_view input = sluice::InputText(data, size);
  absl::string_view rest = input;
  const absl::StatusOr<Address> address = ParsePath(rest);
  if (!address.ok()) {
    SLUICE_CHECK(sluice::IsPrintableAscii(address.status().message()));
    return 0;
  }
  SLUICE_CHECK(absl::EndsWith(input, rest) && rest.size() < input.size());
  CheckAddress(input.substr(0, input.size() - rest.size()), *address);

  const std::string written = absl::StrCat("<", address->text, "> ");
  absl::string_view behind = written;
  const absl::StatusOr<Address> again = ParsePath(behind);
  SLUICE_CHECK(again.ok() && behind == " ");
  SLUICE_CHECK(again->text == address->text && again->domain == address->domain);
  return 0;
}
