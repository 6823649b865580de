// The shard's side of parking.h: what its attempts come to where the TLS of a whole destination
// fails, and which core looks after which destination.
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/log.h"
#include "engine/relay/identity.h"
#include "engine/relay/parked_outcome.h"
#include "engine/relay/shard.h"

namespace sluice::relay {

size_t Shard::CoreOf(absl::string_view destination) const {
  return OwnerIndex(destination, shards_.size());
}

bool Shard::Owns(absl::string_view destination) const {
  return shards_[CoreOf(destination)] == this;
}

bool Shard::LeavesFromAnyCore(absl::string_view destination) const {
  return shards_.size() > 1 && settings_.routes.Find(destination) != nullptr;
}

void Shard::OnOwner(absl::string_view destination, std::function<void(Parking&)> function) {
  Shard& owner = *shards_[CoreOf(destination)];
  if (&owner == this) {
    function(parking_);
    return;
  }
  owner.core_.Run([&owner, function = std::move(function)] { function(owner.parking_); });
}

void Shard::OnOthers(std::function<void(Parking&)> function) {
  for (Shard* const other : shards_) {
    if (other == this) continue;
    other->core_.Run([other, function] { function(other->parking_); });
  }
}

size_t Shard::Waiting(absl::string_view destination) {
  const HopTarget target =
      HopTargetOf(settings_.routes, destination, settings_.smtp_port, settings_.hostname);
  const auto lane = lanes_.find(LaneKeyOf(target, PolicyFor(destination)));
  return lane == lanes_.end() ? 0 : lane->second->Load();
}

std::optional<absl::Time> Shard::NextProbe(absl::string_view destination) const {
  const Breaker* const breaker = parking_.Find(destination);
  if (breaker == nullptr) return std::nullopt;
  return breaker->next_probe.queue;
}

void Shard::ParkInstead(Attempt attempt, const Breaker& breaker) {
  if (attempt.envelope.parked && attempt.envelope.next_due > spool_.Now()) {
    // It was about to be released.
    spool_.Release(attempt.envelope.id, attempt.envelope.destination);
    return;
  }
  if (attempt.envelope.parked) {
    core_.Spawn(RecordParked(writer_.OfStillParked(std::move(attempt.envelope), spool_.Now()),
                             std::nullopt));
    return;
  }
  counters_.parked.Add();
  const OutboundPolicy policy = PolicyFor(attempt.envelope.destination);
  core_.Spawn(RecordParked(ParkUntried(std::move(attempt.envelope), breaker, policy,
                                       breaker.next_probe.queue, spool_.Now()),
                           std::nullopt));
}

io::Task<void> Shard::RecordParked(OutcomeWriter::Written written, std::optional<io::Body> body) {
  written.result.look_again = writer_.NextDelayNotice(written.result.envelope, spool_.Now());
  const std::string destination = written.result.envelope.destination;
  co_await Record(std::move(written), std::move(body));
  // Whatever came of it: where it may be parked, somebody has to look after it.
  parking_.Parked(destination);
}

std::optional<AttemptReport> Shard::SuspectStripping(const AttemptReport& report) {
  const absl::Time now = spool_.Now() + spool_.WallAhead();
  if (const std::optional<std::string> server = starttls_memory_.Learn(report, now)) {
    for (Shard* const other : shards_) {
      if (other == this) continue;
      other->core_.Run([other, server, now] { other->starttls_memory_.Learn(*server, now); });
    }
  }
  std::optional<AttemptReport> suspicious = starttls_memory_.Suspect(report);
  if (suspicious.has_value()) {
    counters_.stripping_suspected.Add();
    log::WarningSome("starttls_stripped", suspicious->server->host,
                     {{"domain", suspicious->policy.domain},
                      {"host", suspicious->server->host},
                      {"address", suspicious->server->address.ToString()},
                      {"detail", suspicious->failure->detail}});
  }
  return suspicious;
}

}  // namespace sluice::relay
