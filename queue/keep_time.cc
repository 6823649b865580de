// The queue's own time, carried over from run to run.
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "queue/key_codec.h"
#include "queue/spool_state.h"

namespace sluice::queue {
namespace {

// What is kept may be this old when it is needed; the wall clock has the rest.
constexpr absl::Duration kKeepEvery = absl::Minutes(1);

void LogStep(absl::string_view while_it, absl::Duration step, absl::Duration ahead) {
  const auto text = [](absl::Duration duration) {
    return absl::FormatDuration(absl::Trunc(duration, absl::Milliseconds(1)));
  };
  log::Warning("clock_stepped", {{"by", text(step)},
                                 {"while", while_it},
                                 {"wall_clock_ahead_of_queue", text(ahead)},
                                 {"effect", "none on waits and deadlines of queued mail"}});
}

}  // namespace

void SpoolState::PutTime(Batch& batch) const {
  batch.Put(Table::kDefault, kTimeKey, TimeRow(clock_.Read()));
}

absl::Status SpoolState::LoadTime() {
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const Tables> tables, database_->Read());
  SLUICE_ASSIGN_OR_RETURN(const std::optional<std::string> row,
                          tables->Get(Table::kDefault, kTimeKey));
  if (!row.has_value()) return absl::OkStatus();  // the first run
  const std::optional<SteadyClock::Reading> last = ParseTimeRow(*row);
  if (!last.has_value()) return absl::DataLossError("the time of the queue is damaged");
  const absl::Duration set_back = clock_.GoOnFrom(*last);
  if (set_back >= SteadyClock::kLeastStep) LogStep("it did not run", -set_back, clock_.ahead());
  return absl::OkStatus();
}

void SpoolState::KeepTime() {
  const std::optional<absl::Duration> step = clock_.NoticeStep();
  if (step.has_value()) LogStep("it ran", *step, clock_.ahead());
  const bool failed = time_not_kept_.exchange(false);
  if (!step.has_value() && !failed && clock_.MonoNow() < keep_time_at_) return;
  keep_time_at_ = clock_.MonoNow() + kKeepEvery;
  commits_.Push({.bytes = 64,
                 // A step that is forgotten would count as time that has passed.
                 .durable = step.has_value() || failed,
                 .may_exceed = true,
                 .prepare =
                     [this](Batch& batch) {
                       PutTime(batch);
                       return absl::OkStatus();
                     },
                 .complete =
                     [this](const absl::Status& written) {
                       if (!written.ok()) time_not_kept_.store(true);
                     }});
}

}  // namespace sluice::queue
