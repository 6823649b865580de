#include "tests/sim/dns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

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
  if (found == nullptr) co_return absl::NotFoundError(absl::StrCat(host, " does not exist"));
  dns::AddressAnswer answer;
  io::SocketAddress address = found->address;
  address.set_port(0);
  answer.addresses.push_back(address);
  co_return answer;
}

}  // namespace sluice::sim
