#include "engine/relay/dane.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/planted_bug.h"
#include "tls/dane.h"

namespace sluice::relay {
namespace {

// Of one record, and how many of them: far more than there is reason for.
constexpr size_t kMostOctetsTold = 256;
constexpr size_t kMostRecordsTold = 32;

DaneFinding Absent(std::string detail) {
  DaneFinding finding;
  finding.detail = std::move(detail);
  return finding;
}

// Of records that DNSSEC vouches for.
DaneFinding Judged(const dns::TlsaAnswer& answer, std::string base_domain,
                   const std::vector<std::string>& names) {
  DaneFinding finding;
  std::vector<tls::TlsaRecord> records;
  for (const dns::TlsaRecord& record : answer.records) {
    records.push_back({record.usage, record.selector, record.matching_type, record.data});
    if (finding.texts.size() == kMostRecordsTold) continue;
    const absl::string_view told = absl::string_view(record.data).substr(0, kMostOctetsTold);
    finding.texts.push_back(absl::StrCat(record.usage, " ", record.selector, " ",
                                         record.matching_type, " ", absl::BytesToHexString(told)));
  }
  finding.demand.records = tls::UsableTlsa(records);
  finding.state =
      finding.demand.records.empty() ? DaneFinding::State::kUnusable : DaneFinding::State::kUsable;
  finding.demand.names.push_back(base_domain);
  for (const std::string& name : names) {
    if (name != base_domain) finding.demand.names.push_back(name);
  }
  finding.detail = absl::StrCat(finding.demand.records.size(), " of ", records.size(),
                                " TLSA records of ", base_domain, " can be used");
  if (!records.empty() && finding.demand.records.empty()) {
    absl::StrAppend(&finding.detail, "; the first is ", tls::TlsaText(records[0]));
  }
  finding.base_domain = std::move(base_domain);
  return finding;
}

DaneFinding Unknown(const absl::Status& why) {
  if (SLUICE_PLANTED_BUG(BogusDnsIsInsecure)) return Absent(std::string(why.message()));
  DaneFinding finding;
  finding.state = DaneFinding::State::kUnknown;
  finding.detail = std::string(why.message());
  return finding;
}

}  // namespace

io::Task<DaneFinding> FindDane(io::Core& core, dns::Resolver& resolver, DaneHost host,
                               uint16_t port, MonoTime deadline) {
  if (!host.no_dane_because.empty()) co_return Absent(std::move(host.no_dane_because));
  if (host.leads_out) {
    const std::string alias = host.base_domains.front();
    const absl::StatusOr<dns::Security> security =
        co_await resolver.LookupAlias(core, alias, deadline);
    // It was an alias a moment ago: that it is none now does not tell what it was.
    if (!security.ok()) co_return Unknown(security.status());
    if (*security != dns::Security::kSecure) {
      co_return Absent(absl::StrCat("neither the addresses of ", alias,
                                    " nor its alias are signed with DNSSEC"));
    }
  }
  std::string why;
  for (const std::string& base : host.base_domains) {
    const absl::StatusOr<dns::TlsaAnswer> answer =
        co_await resolver.LookupTlsa(core, base, port, deadline);
    if (answer.ok() && answer->security == dns::Security::kSecure) {
      co_return Judged(*answer, base, host.names);
    }
    if (!answer.ok() && !absl::IsNotFound(answer.status())) co_return Unknown(answer.status());
    if (!why.empty()) why.append("; ");
    absl::StrAppend(&why, answer.ok() ? absl::StrCat("the TLSA records of ", base,
                                                     " are not signed with DNSSEC")
                                      : std::string(answer.status().message()));
  }
  co_return Absent(std::move(why));
}

}  // namespace sluice::relay
