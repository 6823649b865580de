// Which MTA-STS policies the gateway may go by: what it was handed, and what it says that it has
// taken. A part of the ledger.
//
// What is certain of a policy that was taken: until its max_age is over it holds, whatever becomes
// of its host and its record, unless another one of the same domain is taken, or the gateway's
// memory goes and with it what it had not yet stored.
#ifndef SLUICE_TESTS_SIM_POLICY_BOOK_H_
#define SLUICE_TESTS_SIM_POLICY_BOOK_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/base/clock.h"
#include "tests/sim/faces.h"
#include "tests/sim/policy_site.h"

namespace sluice::sim {

class PolicyBook {
 public:
  // A host has begun to hand it out, under this certificate.
  void Served(absl::string_view domain, const StsPolicy& policy, Proof proof, MonoTime now);
  // The gateway has taken what it was handed last. False: it was handed nothing that it may take.
  bool Taken(absl::string_view domain, MonoTime now);
  // Of each domain it may have none now, or any that it ever had.
  void MemoryIsGone(MonoTime now);

  // What it may have gone by at some moment from `since` to `now`; nullopt: by none.
  std::vector<std::optional<StsPolicy>> Possible(absl::string_view domain, MonoTime since,
                                                 MonoTime now) const;
  // Whether one of them may have been enforced.
  bool MayEnforce(absl::string_view domain, MonoTime since, MonoTime now) const;

 private:
  struct Copy {
    MonoTime served_at;
    StsPolicy policy;
    Proof proof = Proof::kGood;
  };
  struct Held {
    MonoTime from;
    bool none = true;  // perhaps
    std::vector<Copy> copies;
  };
  struct Domain {
    std::vector<Copy> served;
    std::vector<Held> held = {Held()};
  };

  std::map<std::string, Domain, std::less<>> domains_;
};

}  // namespace sluice::sim

#endif  // SLUICE_TESTS_SIM_POLICY_BOOK_H_
