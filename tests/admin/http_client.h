// A plain HTTP client over a Unix socket or TCP, for requests that sluicectl would never make.
#ifndef SLUICE_TESTS_ADMIN_HTTP_CLIENT_H_
#define SLUICE_TESTS_ADMIN_HTTP_CLIENT_H_

#include <map>
#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace sluice::admin {

struct HttpAnswer {
  long status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
  std::string error_code() const;  // "error.code"; empty when there is none
  std::string error_message() const;
};

struct HttpCall {
  std::string method = "GET";
  std::string target;  // sent as it is
  std::string body;
  std::vector<std::string> headers = {"Content-Type: application/json"};
};

// `where` is the path of a socket, or "127.0.0.1:8025".
HttpAnswer Ask(const std::string& where, const HttpCall& call);

// A connection of its own, for what is no HTTP; -1 when it cannot be made.
int ConnectTo(const std::string& where);
// Everything until the peer closes or `until` has been read; 30 s without a byte at most.
std::string ReadUntil(int fd, const std::string& until);

}  // namespace sluice::admin

#endif  // SLUICE_TESTS_ADMIN_HTTP_CLIENT_H_
