// Which servers had STARTTLS, so that it can be told when it is gone: somebody on the way may take
// it out of their answers (stripping), which looks like a server that never had it.
//
//   if (std::optional<std::string> server = memory.Learn(report, now)) TellOtherCores(*server,
//   now); std::optional<AttemptReport> suspicious = memory.Suspect(report);
//
// In memory, and bounded: of the servers that were spoken to over TLS the last kMostServers at
// least are known, twice as many at most. `now` is what people are shown. One core.
#ifndef SLUICE_ENGINE_RELAY_STARTTLS_MEMORY_H_
#define SLUICE_ENGINE_RELAY_STARTTLS_MEMORY_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/relay/attempt.h"

namespace sluice::relay {

class StartTlsMemory {
 public:
  static constexpr size_t kMostServers = 20'000;

  // Where the attempt had TLS. The server ("host:port") when it was not known.
  std::optional<std::string> Learn(const AttemptReport& report, absl::Time now);
  // The same, of another core's. False: it was known.
  bool Learn(const std::string& server, absl::Time now);
  // Where STARTTLS had been there and is gone: the report that says so.
  std::optional<AttemptReport> Suspect(const AttemptReport& report) const;

 private:
  std::optional<absl::Time> LastSeen(const std::string& server) const;

  // The younger half grows until it is full; then it is the older one.
  absl::flat_hash_map<std::string, absl::Time> young_;
  absl::flat_hash_map<std::string, absl::Time> old_;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_STARTTLS_MEMORY_H_
