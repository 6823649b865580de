// What reaches the control socket: the request target (admin/router.h), and parameters in its query
// or in a JSON body (admin/parameters.h, admin/entry_json.h). The target is the first line of the
// input, the body all the rest.
#include <string>

#include "absl/strings/str_cat.h"
#include "engine/admin/entry_json.h"
#include "engine/admin/json_body.h"
#include "engine/admin/parameters.h"
#include "engine/admin/reply.h"
#include "engine/admin/router.h"
#include "nlohmann/json.hpp"
#include "tests/fuzz/input.h"

namespace sluice::admin {
namespace {

const Router& TestRouter() {
  static const Router& router = *[] {
    auto* const routes = new Router();
    for (const absl::string_view path : {"/v1/queue", "/v1/queue/{id}", "/v1/domains/{pattern}",
                                         "/v1/queue:retry", "/v1/domains/{pattern}/ping"}) {
      routes->Add({.method = "GET", .path = path, .handle = nullptr});
    }
    return routes;
  }();
  return router;
}

std::string PercentEncode(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == ':';
    if (plain) {
      out += c;
    } else {
      absl::StrAppend(&out, "%", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return out;
}

std::string Written(const Target& target) {
  std::string out;
  for (const std::string& segment : target.segments) {
    absl::StrAppend(&out, "/", PercentEncode(segment));
  }
  if (out.empty()) out = "/";
  const char* separator = "?";
  for (const auto& [name, value] : target.query) {
    absl::StrAppend(&out, separator, PercentEncode(name), "=", PercentEncode(value));
    separator = "&";
  }
  return out;
}

void CheckReplyToPeople(const absl::Status& status) {
  SLUICE_CHECK(absl::IsInvalidArgument(status));
  const Response response = ErrorReply(status);
  SLUICE_CHECK(response.status == 400);
  SLUICE_CHECK(nlohmann::json::accept(response.body));
}

void CheckTarget(const Target& target) {
  SLUICE_CHECK(target.query.size() <= kMaxQuery);
  for (const std::string& segment : target.segments) {
    SLUICE_CHECK(!segment.empty() && segment != "." && segment != ".." && !HasControl(segment));
  }
  for (const auto& [name, value] : target.query) {
    SLUICE_CHECK(!HasControl(name) && !HasControl(value));
  }
  const absl::StatusOr<Target> again = ParseTarget(Written(target));
  SLUICE_CHECK(again.ok() && again->segments == target.segments && again->query == target.query);

  const Router::Found found = TestRouter().Find("GET", target);
  if (found.route == nullptr) {
    SLUICE_CHECK(found.refusal.status == 404 && nlohmann::json::accept(found.refusal.body));
  } else {
    SLUICE_CHECK(target.segments[0] == "v1");
    SLUICE_CHECK(TestRouter().Find("PUT", target).refusal.status == 405);
  }
}

void CheckParameters(Parameters parameters) {
  SLUICE_CHECK(parameters.Text("domain", 64).size() <= 64);
  SLUICE_CHECK(parameters.Domain("name").size() <= 253);
  SLUICE_CHECK(parameters.Count("limit", kDefaultPage, kMaxPage) <= kMaxPage);
  parameters.Flag("all");
  const absl::Time since = parameters.Time("since", absl::InfinitePast());
  SLUICE_CHECK(since < absl::InfiniteFuture());
  const std::optional<size_t> word = parameters.Word("order", {"newest", "oldest"});
  SLUICE_CHECK(!word.has_value() || *word < 2);
  if (const absl::Status done = parameters.Done(); !done.ok()) CheckReplyToPeople(done);
}

void CheckEntry(const std::string& body) {
  const absl::StatusOr<nlohmann::ordered_json> object = ParseObject(body);
  if (!object.ok()) return CheckReplyToPeople(object.status());
  SLUICE_CHECK(object->is_object());
  policy::Entry entry;
  const std::vector<policy::Fault> faults = ReadFields(*object, entry);
  if (!faults.empty()) {
    SLUICE_CHECK(nlohmann::json::accept(FaultsReply("no", faults).body));
    return;
  }
  policy::Entry again;
  SLUICE_CHECK(ReadFields(EntryToJson(entry), again).empty());
  SLUICE_CHECK(again == entry);
}

}  // namespace
}  // namespace sluice::admin

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::admin;
  const absl::string_view input = sluice::InputText(data, size);
  const size_t end_of_line = std::min(input.find('\n'), input.size());
  Request request;
  request.body = std::string(input.substr(std::min(end_of_line + 1, input.size())));
  absl::StatusOr<Target> target = ParseTarget(input.substr(0, end_of_line));
  if (target.ok()) {
    CheckTarget(*target);
    request.query = std::move(target->query);
    CheckParameters(Parameters::OfQuery(request));
  } else {
    CheckReplyToPeople(target.status());
  }
  absl::StatusOr<Parameters> parameters = Parameters::OfBody(request);
  if (parameters.ok()) {
    CheckParameters(*std::move(parameters));
  } else {
    CheckReplyToPeople(parameters.status());
  }
  CheckEntry(request.body);
  return 0;
}
