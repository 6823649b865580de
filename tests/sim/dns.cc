#include "tests/sim/dns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace sluice::sim {

io::Task<absl::Status> SimulatedResolver::Ask(io::Core& core, std::string what, MonoTime deadline) {
  const bool bad = Bad();
  const uint64_t kind = bad ? world_.random().Below(3) : 0;
  const MonoTime answered =
      core.Now() + world_.Between(absl::ZeroDuration(), bad && kind == 1 ? absl::Seconds(20)
                                                                         : absl::Milliseconds(30));
  co_await core.SleepUntil(std::min(answered, deadline));
  if (answered > deadline || (bad && kind == 2)) {
    co_await core.SleepUntil(deadline);
    co_return absl::UnavailableError(absl::StrCat(what, ": no server answered in time"));
  }
  if (bad && kind == 0) co_return absl::UnavailableError(absl::StrCat(what, ": SERVFAIL"));
  co_return absl::OkStatus();
}

io::Task<absl::StatusOr<dns::MxAnswer>> SimulatedResolver::LookupMx(io::Core& core,
                                                                    std::string domain,
                                                                    MonoTime deadline) {
  const absl::Status asked = co_await Ask(core, absl::StrCat("MX of ", domain), deadline);
  if (!asked.ok()) co_return asked;
  const Domain* found = town_.Find(domain);
  // An answer that is wrong: there is no such domain, or its mail goes where another's does.
  if (found != nullptr && Bad()) {
    if (town_.signed_dns()) {
      co_return absl::UnavailableError(absl::StrCat("MX of ", domain, ": a lie, and seen to be"));
    }
    world_.Tell(absl::StrCat("DNS lies about ", domain));
    found = world_.OneIn(4) ? nullptr
                            : &town_.domains()[world_.random().Below(town_.domains().size())];
  }
  if (found == nullptr || found->missing || found->null_mx) ledger_.DomainDenied(domain);
  if (found == nullptr || found->missing) {
    co_return absl::NotFoundError(absl::StrCat(domain, " does not exist"));
  }
  dns::MxAnswer answer;
  answer.null_mx = found->null_mx;
  answer.canonical = domain;
  answer.security = security();
  uint16_t preference = 0;
  for (const Host* host : found->mx) {
    preference = static_cast<uint16_t>(preference + 10);
    answer.hosts.push_back({preference, host->name});
  }
  co_return answer;
}

io::Task<absl::StatusOr<dns::AddressAnswer>> SimulatedResolver::LookupAddresses(
    io::Core& core, std::string host, MonoTime deadline) {
  const absl::Status asked = co_await Ask(core, absl::StrCat("addresses of ", host), deadline);
  if (!asked.ok()) co_return asked;
  const Host* const found = town_.FindHost(host);
  const PolicySite* const site = town_.FindSite(host);
  if (found == nullptr && site == nullptr) {
    co_return absl::NotFoundError(absl::StrCat(host, " does not exist"));
  }
  dns::AddressAnswer answer;
  io::SocketAddress address = found != nullptr ? found->address : site->address;
  address.set_port(0);
  answer.addresses.push_back(address);
  answer.canonical = host;
  answer.security = security();
  co_return answer;
}

io::Task<absl::StatusOr<dns::TlsaAnswer>> SimulatedResolver::LookupTlsa(io::Core& core,
                                                                        std::string host,
                                                                        uint16_t port,
                                                                        MonoTime deadline) {
  const std::string what = absl::StrCat("TLSA of ", host, ":", port);
  const absl::Status asked = co_await Ask(core, what, deadline);
  if (!asked.ok()) co_return asked;
  const Host* const found = town_.FindHost(host);
  if (found == nullptr || !found->announces) {
    co_return absl::NotFoundError(absl::StrCat(what, ": there is none"));
  }
  dns::TlsaAnswer answer;
  answer.security = security();
  // The next certificate's is there already, as it should be.
  answer.records.push_back({3, 0, 1, std::string(32, 'n')});
  answer.records.push_back({3, 0, 1, absl::HexStringToBytes(found->faces->fingerprint())});
  co_return answer;
}

// The town has none.
io::Task<absl::StatusOr<dns::Security>> SimulatedResolver::LookupAlias(io::Core& core,
                                                                       std::string host,
                                                                       MonoTime deadline) {
  const std::string what = absl::StrCat("alias of ", host);
  const absl::Status asked = co_await Ask(core, what, deadline);
  if (!asked.ok()) co_return asked;
  co_return absl::NotFoundError(absl::StrCat(what, ": there is none"));
}

// What somebody else than the domain says is that there is nothing.
io::Task<absl::StatusOr<dns::TxtAnswer>> SimulatedResolver::LookupTxt(io::Core& core,
                                                                      std::string name,
                                                                      MonoTime deadline) {
  const std::string what = absl::StrCat("TXT of ", name);
  const absl::Status asked = co_await Ask(core, what, deadline);
  if (!asked.ok()) co_return asked;
  absl::string_view domain = name;
  const bool of_policy = absl::ConsumePrefix(&domain, "_mta-sts.");
  const PolicySite* const site =
      of_policy ? town_.FindSite(absl::StrCat("mta-sts.", domain)) : nullptr;
  const bool lie = Bad();
  if (lie && town_.signed_dns()) {
    co_return absl::UnavailableError(absl::StrCat(what, ": a lie, and seen to be"));
  }
  if (site == nullptr || !site->announced || lie) {
    co_return absl::NotFoundError(absl::StrCat(name, " does not exist"));
  }
  dns::TxtAnswer answer;
  answer.texts.push_back("v=something else; id=0");
  answer.texts.push_back(absl::StrCat("v=STSv1; id=", site->id, ";"));
  answer.security = security();
  co_return answer;
}

}  // namespace sluice::sim
