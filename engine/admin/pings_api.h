// Pings of the whole list, over HTTP.
//
//   GET  /v1/pings              {"running", "started_at", "ended_at", "entries", "done", "valid",
//                                "partial", "invalid", "skipped"}: how the round goes, or went
//   POST /v1/pings:start        the same: every entry is pinged now, at the bounded rate
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_PINGS_API_H_
#define SLUICE_ENGINE_ADMIN_PINGS_API_H_

#include "absl/status/statusor.h"
#include "engine/admin/http_message.h"
#include "engine/admin/ping_rounds.h"
#include "engine/admin/router.h"

namespace sluice::admin {

class PingsApi {
 public:
  explicit PingsApi(PingRounds& rounds) : rounds_(rounds) {}
  void AddTo(Router& router);

 private:
  Response Show() const;

  PingRounds& rounds_;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PINGS_API_H_
