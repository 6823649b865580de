// A request as a handler sees it, and its answer: plain data, free of any HTTP library.
#ifndef SLUICE_ENGINE_ADMIN_HTTP_MESSAGE_H_
#define SLUICE_ENGINE_ADMIN_HTTP_MESSAGE_H_

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"

namespace sluice::admin {

// Everything in it is bounded by the server, percent-decoded, and free of control characters
// (the body aside).
struct Request {
  std::string method;    // "GET", "POST", "PATCH", "DELETE"
  std::string variable;  // what stands where the route's path has "{…}"; empty where it has none
  std::vector<std::pair<std::string, std::string>> query;  // in the order of the request
  std::string content_type;   // lower case, without parameters; empty: none was named
  std::string if_none_match;  // the ETag that the client has already; empty: none
  std::string body;
  std::string by;          // name of the user who asks, for the record of who changed what
  bool may_write = false;  // whether this user may ask for changes too
  MonoTime deadline;       // by which the answer must be there
};

struct Response {
  // Appends the next piece of a body that is too long to be held; false: there is no more.
  using Source = std::function<bool(std::string& out)>;

  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  Source source;  // where set, the body comes from it and `body` is empty
  // Further header fields; one that the server sets of its own accord is replaced.
  std::vector<std::pair<std::string, std::string>> headers;
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_HTTP_MESSAGE_H_
