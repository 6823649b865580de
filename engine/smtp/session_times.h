// How long the steps of sessions take on a core: written by it, read by any thread
// (engine/base/histogram.h).
#ifndef SLUICE_ENGINE_SMTP_SESSION_TIMES_H_
#define SLUICE_ENGINE_SMTP_SESSION_TIMES_H_

#include <array>
#include <cstddef>

#include "engine/base/histogram.h"
#include "engine/smtp/stage.h"

namespace sluice::smtp {

enum class HandshakeEnd { kFull, kResumed, kFailed };
inline constexpr size_t kHandshakeEnds = 3;

struct HandshakeTimes {
  std::array<StepHistogram, kHandshakeEnds> by_end;

  StepHistogram& of(HandshakeEnd end) { return by_end[static_cast<size_t>(end)]; }
};

// Of a client. A step that fails, or that nobody answers, took time all the same.
struct ClientTimes {
  // By Stage. The certificate is checked within the handshake: Stage::kVerify has no time of its
  // own. Commands that were sent together wait for one answer after the other, each from the last
  // one on.
  std::array<StepHistogram, kStages> steps;
  HandshakeTimes handshakes;

  StepHistogram& of(Stage stage) { return steps[static_cast<size_t>(stage)]; }
};

}  // namespace sluice::smtp

#endif  // SLUICE_ENGINE_SMTP_SESSION_TIMES_H_
