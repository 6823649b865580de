#include "engine/relay/tls_report_settings.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/dns/records.h"
#include "engine/smtp/address.h"
#include "policy/domain_name.h"
#include "tls/signing_key.h"

namespace sluice::relay {
namespace {

constexpr size_t kMostOrganization = 200;  // octets

// The domain of an address that can be mailed to from anywhere; empty: it is none, and `faults` has
// why.
std::string DomainOf(absl::string_view flag, const std::string& address,
                     std::vector<std::string>& faults) {
  const std::string bracketed = absl::StrCat("<", address, ">");
  absl::string_view path = bracketed;
  const absl::StatusOr<smtp::Address> parsed = smtp::ParsePath(path);
  if (parsed.ok() && path.empty() && !parsed->utf8 && parsed->text == address) {
    absl::StatusOr<std::string> domain = policy::NormalizeDomain(parsed->domain);
    if (domain.ok()) return *std::move(domain);
  }
  faults.push_back(
      absl::StrCat("--", flag, ": '", address, "' is no address such as tlsrpt@example.com"));
  return "";
}

void ReadDkim(const TlsReportFlags& flags, const std::string& from_domain,
              TlsReportSettings& settings, std::vector<std::string>& faults) {
  if (flags.dkim_key.empty() && flags.dkim_selector.empty() && flags.dkim_domain.empty()) return;
  if (flags.dkim_key.empty() || flags.dkim_selector.empty()) {
    faults.push_back(absl::StrCat(
        "--tlsrpt_dkim_", flags.dkim_key.empty() ? "key" : "selector",
        ": is missing; a signature needs both, --tlsrpt_dkim_key and --tlsrpt_dkim_selector"));
    return;
  }
  tlsrpt::DkimSigner signer;
  const absl::StatusOr<std::string> selector = dns::QueryName(flags.dkim_selector);
  if (!selector.ok()) {
    faults.push_back(absl::StrCat("--tlsrpt_dkim_selector: ", selector.status().message()));
  }
  signer.selector = selector.value_or("");
  const absl::StatusOr<std::string> domain = flags.dkim_domain.empty()
                                                 ? absl::StatusOr<std::string>(from_domain)
                                                 : policy::NormalizeDomain(flags.dkim_domain);
  if (!domain.ok()) {
    faults.push_back(absl::StrCat("--tlsrpt_dkim_domain: ", domain.status().message()));
  }
  signer.domain = domain.value_or("");
  absl::StatusOr<std::shared_ptr<const tls::SigningKey>> key =
      tls::SigningKey::Load(flags.dkim_key);
  if (!key.ok()) {
    faults.push_back(absl::StrCat("--tlsrpt_dkim_key: ", key.status().message()));
    return;
  }
  signer.key = *std::move(key);
  settings.dkim = std::move(signer);
}

}  // namespace

std::shared_ptr<const TlsReportSettings> ReadTlsReportSettings(const TlsReportFlags& flags,
                                                               std::vector<std::string>& faults) {
  const size_t before = faults.size();
  if (flags.organization.empty()) {
    for (const auto& [flag, value] :
         {std::pair("contact", flags.contact), std::pair("from", flags.from),
          std::pair("dkim_key", flags.dkim_key), std::pair("dkim_selector", flags.dkim_selector),
          std::pair("dkim_domain", flags.dkim_domain)}) {
      if (value.empty()) continue;
      faults.push_back(absl::StrCat("--tlsrpt_", flag,
                                    ": is of no use without --tlsrpt_organization, which says who "
                                    "reports and switches reports on"));
    }
    return nullptr;
  }
  auto settings = std::make_shared<TlsReportSettings>();
  const bool printable =
      std::none_of(flags.organization.begin(), flags.organization.end(),
                   [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); });
  if (!printable || flags.organization.size() > kMostOrganization) {
    faults.push_back(absl::StrCat("--tlsrpt_organization: a name of 1 to ", kMostOrganization,
                                  " octets without control characters"));
  }
  settings->submitter.organization = flags.organization;
  settings->submitter.contact = flags.contact;
  settings->submitter.domain = DomainOf("tlsrpt_contact", flags.contact, faults);
  settings->from = flags.from.empty() ? flags.contact : flags.from;
  const std::string from_domain =
      flags.from.empty() ? settings->submitter.domain : DomainOf("tlsrpt_from", flags.from, faults);
  ReadDkim(flags, from_domain, *settings, faults);
  return faults.size() == before ? settings : nullptr;
}

}  // namespace sluice::relay
