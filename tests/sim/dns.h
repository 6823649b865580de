// DNS as the town has it, late, failing, or wrong for a while where the scenario says so.
#ifndef SLUICE_TESTS_SIM_DNS_H_
#define SLUICE_TESTS_SIM_DNS_H_

#include <string>

#include "engine/dns/resolver.h"
#include "engine/io/simulation/simulation.h"
#include "tests/sim/ledger.h"
#include "tests/sim/town.h"

namespace sluice::sim {

class SimulatedResolver final : public dns::Resolver {
 public:
  // One lookup in `bad_lookups` goes wrong, while `trouble` holds; 0: none.
  SimulatedResolver(io::Simulation& world, const Town& town, Ledger& ledger, uint64_t bad_lookups,
                    const bool& trouble)
      : world_(world),
        town_(town),
        ledger_(ledger),
        bad_lookups_(bad_lookups),
        trouble_(trouble) {}

  io::Task<absl::StatusOr<dns::MxAnswer>> LookupMx(io::Core& core, std::string domain,
                                                   MonoTime deadline) override;
  io::Task<absl::StatusOr<dns::AddressAnswer>> LookupAddresses(io::Core& core, std::string host,
                                                               MonoTime deadline) override;
  io::Task<absl::StatusOr<dns::TlsaAnswer>> LookupTlsa(io::Core& core, std::string host,
                                                       uint16_t port, MonoTime deadline) override;
  io::Task<absl::StatusOr<dns::Security>> LookupAlias(io::Core& core, std::string host,
                                                      MonoTime deadline) override;
  io::Task<absl::StatusOr<dns::TxtAnswer>> LookupTxt(io::Core& core, std::string name,
                                                     MonoTime deadline) override;

 private:
  // Waits as long as an answer takes; an error when none comes.
  io::Task<absl::Status> Ask(io::Core& core, std::string what, MonoTime deadline);

  dns::Security security() const {
    return town_.signed_dns() ? dns::Security::kSecure : dns::Security::kInsecure;
  }
  bool Bad() const { return trouble_ && bad_lookups_ > 0 && world_.OneIn(bad_lookups_); }

  io::Simulation& world_;
  const Town& town_;
  Ledger& ledger_;
  const uint64_t bad_lookups_;
  const bool& trouble_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_DNS_H_
