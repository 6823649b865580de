#include "tools/ctl_endpoint.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_text.h"
#include "tools/default_paths.h"

namespace sluice::ctl {
namespace {

std::string SocketPath(const Invocation& invocation) {
  if (invocation.Has("control_socket")) return invocation.Get("control_socket");
  const char* const variable = getenv(kControlSocketVariable);
  return variable != nullptr && *variable != '\0' ? variable : kDefaultControlSocket;
}

// Of a URL's host, with or without a port.
bool IsThisMachine(absl::string_view host) {
  if (host.empty() || host.back() != ']') host = host.substr(0, host.rfind(':'));
  return host == "localhost" || host == "[::1]" ||
         (absl::StartsWith(host, "127.") &&
          host.find_first_not_of("0123456789.") == absl::string_view::npos);
}

// Without the slash at its end.
absl::StatusOr<std::string> CheckUrl(absl::string_view url) {
  absl::ConsumeSuffix(&url, "/");
  absl::string_view host = url;
  const bool clear = absl::ConsumePrefix(&host, "http://");
  if ((!clear && !absl::ConsumePrefix(&host, "https://")) || host.empty() ||
      host.find_first_of("/?#@") != absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("--url: '", Printable(url), "' is none; give https://host:port"));
  }
  if (clear && !IsThisMachine(host)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--url: the token would travel to ", Printable(host),
                     " in clear; give https://, or an address of this machine"));
  }
  return std::string(url);
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  std::getline(file, token);
  token = std::string(absl::StripAsciiWhitespace(token));
  const bool printable = std::all_of(token.begin(), token.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!token.empty() && printable) return token;
  return absl::InvalidArgumentError(
      absl::StrCat("--token_file: ", Printable(path),
                   " cannot be read, or its first line is no token; 'sluicectl token add' on the "
                   "gateway makes one"));
}

}  // namespace

absl::StatusOr<Endpoint> EndpointOf(const Invocation& invocation) {
  if (!invocation.Has("url")) {
    for (const char* const option : {"token_file", "ca_file"}) {
      if (!invocation.Has(option)) continue;
      return absl::InvalidArgumentError(absl::StrCat("--", option, " goes with --url=URL"));
    }
    return Endpoint{.socket_path = SocketPath(invocation)};
  }
  if (invocation.Has("control_socket")) {
    return absl::InvalidArgumentError("give --control_socket or --url, not both");
  }
  if (!invocation.Has("token_file")) {
    return absl::InvalidArgumentError("--url needs a token: --token_file=FILE");
  }
  Endpoint endpoint;
  SLUICE_ASSIGN_OR_RETURN(endpoint.url, CheckUrl(invocation.Get("url")));
  SLUICE_ASSIGN_OR_RETURN(endpoint.token, ReadToken(invocation.Get("token_file")));
  endpoint.ca_file = invocation.Get("ca_file");
  return endpoint;
}

}  // namespace sluice::ctl
