// --dns_config, whose grammar is in unbound_resolver.h, taken apart. Thread-safe.
#ifndef SLUICE_ENGINE_DNS_UNBOUND_CONFIG_H_
#define SLUICE_ENGINE_DNS_UNBOUND_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::dns {

struct UnboundConfig {
  // One of the three is set.
  std::string resolv_path;
  std::string unbound_path;
  std::vector<std::string> forwarders;  // "127.0.0.1@5353", as unbound writes them
};

// InvalidArgument, NotFound (a file that cannot be read); both name --dns_config and the item.
absl::StatusOr<UnboundConfig> ParseUnboundConfig(absl::string_view text);

}  // namespace sluice::dns

#endif  // SLUICE_ENGINE_DNS_UNBOUND_CONFIG_H_
