// Where sluicectl finds the daemon: its Unix socket, or an address of its --admin_listen.
//
//   SLUICE_ASSIGN_OR_RETURN(Endpoint endpoint, EndpointOf(invocation));
//
// Thread-safe (a function of its argument, of the environment and of files).
#ifndef SLUICE_TOOLS_CTL_ENDPOINT_H_
#define SLUICE_TOOLS_CTL_ENDPOINT_H_

#include <string>

#include "absl/status/statusor.h"
#include "tools/ctl_options.h"

namespace sluice::ctl {

struct Endpoint {
  std::string socket_path;
  // Where this is set it holds, and not the socket: "https://gateway.example:8025".
  std::string url;
  std::string token;
  std::string ca_file;  // empty: the system's roots
};

// From the options of all commands and $SLUICE_CONTROL_SOCKET. InvalidArgument says what is
// missing, wrong, or cannot be read; so it does where a token would travel in clear to another
// machine.
absl::StatusOr<Endpoint> EndpointOf(const Invocation& invocation);

}  // namespace sluice::ctl

#endif  // SLUICE_TOOLS_CTL_ENDPOINT_H_
