// A domain's MTA-STS (RFC 8461) in the town: the TXT record, the policy, and the web server that
// hands it out, each as it is at this moment.
#ifndef SLUICE_TESTS_SIM_POLICY_SITE_H_
#define SLUICE_TESTS_SIM_POLICY_SITE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/random.h"
#include "engine/io/core.h"
#include "engine/io/simulation/simulation.h"
#include "engine/io/socket_address.h"
#include "engine/sts/policy.h"
#include "tests/sim/faces.h"
#include "tests/sim/peer.h"

namespace sluice::sim {

class Ledger;

struct StsPolicy {
  sts::Mode mode = sts::Mode::kNone;
  std::vector<std::string> mx;  // names of hosts, or "*." and a domain
  absl::Duration max_age;

  // The plain definition (RFC 8461 §4.1): "*." stands for one label.
  bool Names(absl::string_view host) const;
  std::string File() const;
};

// One that fits these hosts, or almost does.
StsPolicy SomePolicy(const std::vector<std::string>& hosts, Random& random);

struct PolicySite {
  enum class Manner : uint8_t {
    kServes,
    kHasNone,    // 404
    kRedirects,  // to where the policy is: not to be followed
    kWrongType,  // the policy, as text/html: not to be taken
    kNoPolicy,   // a file that is none
    kBreaksOff,  // half of the policy
    kStalls,     // behind half of it
  };
  static constexpr uint64_t kManners = 7;
  static absl::string_view MannerName(Manner manner);

  std::string domain;
  std::string name;           // "mta-sts.DOMAIN"
  io::SocketAddress address;  // port 443
  std::unique_ptr<Faces> faces;

  // As of now.
  bool announced = true;  // there is the TXT record
  int id = 1;             // in it
  StsPolicy policy;
  bool up = true;
  Proof proof = Proof::kGood;
  Manner manner = Manner::kServes;

  // Something of it changes, for better or worse; `hosts`: of the domain.
  void Change(const std::vector<std::string>& hosts, Random& random);
  void Mend();
  std::string Describe() const;
};

// The web server.
class PolicyServer {
 public:
  PolicyServer(io::Simulation& world, PolicySite& site, Ledger& ledger)
      : world_(world), site_(site), ledger_(ledger) {}

  io::Task<void> Serve(io::Core& core, std::unique_ptr<io::Connection> connection);

 private:
  io::Task<void> Answer(io::Core& core, Peer& peer);
  io::Task<void> SayPolicy(io::Core& core, Peer& peer);

  io::Simulation& world_;
  PolicySite& site_;
  Ledger& ledger_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_POLICY_SITE_H_
