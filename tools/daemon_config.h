// From flags to what the gateway needs, checked as a whole: every fault is found, not only the first,
// and each names its flag and what would be accepted.
#ifndef SLUICE_TOOLS_DAEMON_CONFIG_H_
#define SLUICE_TOOLS_DAEMON_CONFIG_H_

#include <optional>
#include <string>
#include <vector>

#include "engine/admin/server.h"
#include "engine/base/log.h"
#include "engine/relay/gateway.h"

namespace sluice {

struct DaemonConfig {
  relay::GatewayOptions gateway;
  admin::ServerOptions admin;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;
};

// Of the flags as they stand. Files are read (certificates, keys, trust store, routes; the keys that
// are the signer's by a signer process that ends with this), nothing is opened for writing. nullopt:
// `faults` says why.
std::optional<DaemonConfig> ReadConfig(std::vector<std::string>& faults);

inline constexpr char kVersion[] = "0.1.0";

}  // namespace sluice

#endif  // SLUICE_TOOLS_DAEMON_CONFIG_H_
