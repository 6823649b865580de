#include "tools/ctl_client.h"

#include <curl/curl.h>

#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "tools/ctl_text.h"

namespace sluice::ctl {
namespace {

// A little more than the daemon gives itself, so that it is the one to say what took so long.
constexpr absl::Duration kTimeout = absl::Seconds(45);
constexpr absl::Duration kLongTimeout = absl::Minutes(11);
constexpr size_t kMaxAnswerBytes = size_t{256} << 20;

std::string PercentEncode(absl::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) ||
        absl::string_view("-._~@:").find(c) != absl::string_view::npos) {
      encoded.push_back(c);
    } else {
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

// Where the bytes of an answer go. An error's stay here, whatever was asked for.
struct Sink {
  CURL* handle;
  FILE* out;
  std::string body;

  static size_t Write(char* bytes, size_t /*one*/, size_t n, void* sink) {
    Sink& self = *static_cast<Sink*>(sink);
    long status = 0;
    curl_easy_getinfo(self.handle, CURLINFO_RESPONSE_CODE, &status);
    if (self.out != nullptr && status == 200) return fwrite(bytes, 1, n, self.out);
    if (self.body.size() + n > kMaxAnswerBytes) return 0;
    self.body.append(bytes, n);
    return n;
  }
};

// What the daemon's error says, with a line for each row that is at fault.
absl::Status Refusal(long status, const std::string& body) {
  const Json parsed = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  const Json* const error =
      parsed.is_object() && parsed.contains("error") && parsed["error"].is_object()
          ? &parsed["error"]
          : nullptr;
  if (error == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("the daemon answered with HTTP status ", status));
  }
  std::string message = TextOf(*error, "message");
  if (const auto faults = error->find("faults"); faults != error->end() && faults->is_array()) {
    for (const Json& fault : *faults) {
      const int64_t line = NumberOf(fault, "line");
      if (line == 0) continue;  // said in the message
      absl::StrAppend(&message, "\n  line ", line, ": ", TextOf(fault, "reason"));
    }
  }
  return absl::FailedPreconditionError(message);
}

// `detail` is libcurl's, and may be empty.
absl::Status NotReached(CURLcode code, const char* detail, const Endpoint& endpoint) {
  const std::string& where = endpoint.url.empty() ? endpoint.socket_path : endpoint.url;
  const std::string why = *detail != '\0' ? detail : curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return absl::UnavailableError(
          absl::StrCat("the daemon at ", where, " did not answer in time"));
    case CURLE_WRITE_ERROR:
      return absl::FailedPreconditionError(
          "what the daemon answered could not be written, or was larger than 256 MiB");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return absl::UnavailableError(absl::StrCat(
          where, " cannot be trusted (", why,
          "); name the roots that its certificate leads to with --ca_file=FILE, and the host as the "
          "certificate has it"));
    default:
      return absl::UnavailableError(absl::StrCat(
          "no daemon can be reached at ", where, " (", why, "); ",
          endpoint.url.empty()
              ? "start sluiced, name its socket with --control_socket=PATH or "
                "SLUICE_CONTROL_SOCKET, and check that you may open it"
              : "start sluiced, and name an address of its --admin_listen with --url=URL"));
  }
}

// How the daemon is reached. `curl` may refer to `endpoint` from then on.
void Reach(const Endpoint& endpoint, CURL* curl) {
  curl_easy_setopt(curl, CURLOPT_PROXY, "");  // whatever the environment says
  if (endpoint.url.empty()) {
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, endpoint.socket_path.c_str());
    return;
  }
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BEARER));
  curl_easy_setopt(curl, CURLOPT_XOAUTH2_BEARER, endpoint.token.c_str());
  if (!endpoint.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, endpoint.ca_file.c_str());
    curl_easy_setopt(curl, CURLOPT_CAPATH, nullptr);
  }
}

}  // namespace

std::string Path(std::initializer_list<absl::string_view> segments, const Query& query) {
  std::string path = "/v1";
  for (const absl::string_view segment : segments) {
    absl::StrAppend(&path, "/", PercentEncode(segment));
  }
  char separator = '?';
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    absl::StrAppend(&path, absl::string_view(&separator, 1), name, "=", PercentEncode(value));
    separator = '&';
  }
  return path;
}

absl::StatusOr<Client::Answer> Client::Perform(const Call& call) const {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> handle(curl_easy_init(),
                                                                   &curl_easy_cleanup);
  SLUICE_CHECK(handle != nullptr);
  CURL* const curl = handle.get();
  Sink sink{curl, call.out, ""};
  const std::string url =
      absl::StrCat(endpoint_.url.empty() ? "http://sluice" : endpoint_.url, call.path);
  char detail[CURL_ERROR_SIZE] = "";
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers(
      curl_slist_append(nullptr, absl::StrCat("Content-Type: ", call.content_type).c_str()),
      &curl_slist_free_all);
  Reach(endpoint_, curl);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(absl::ToInt64Milliseconds(call.timeout)));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Sink::Write);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &sink);
  if (call.body != nullptr) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body->data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body->size()));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }
  const CURLcode code = curl_easy_perform(curl);
  Answer answer;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  // A body that was refused may end the connection; what was said is there all the same.
  if (code != CURLE_OK && answer.status < 400) return NotReached(code, detail, endpoint_);
  answer.body = std::move(sink.body);
  if (answer.status < 200 || answer.status > 299) return Refusal(answer.status, answer.body);
  return answer;
}

absl::StatusOr<Json> Client::PerformJson(const Call& call) const {
  SLUICE_ASSIGN_OR_RETURN(const Answer answer, Perform(call));
  Json parsed = Json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) {
    return absl::FailedPreconditionError(
        "the daemon's answer is no JSON object; are sluiced and sluicectl of the same version?");
  }
  return parsed;
}

absl::StatusOr<Json> Client::Get(const std::string& path) const {
  return PerformJson({.method = "GET", .path = path, .timeout = kTimeout});
}

absl::StatusOr<Json> Client::GetLong(const std::string& path) const {
  return PerformJson({.method = "GET", .path = path, .timeout = kLongTimeout});
}

absl::StatusOr<Json> Client::Delete(const std::string& path) const {
  return PerformJson({.method = "DELETE", .path = path, .timeout = kTimeout});
}

absl::StatusOr<Json> Client::Post(const std::string& path, const Json& body) const {
  return Upload(path, body.dump(-1, ' ', false, Json::error_handler_t::replace),
                "application/json");
}

absl::StatusOr<Json> Client::Patch(const std::string& path, const Json& body) const {
  const std::string text = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  return PerformJson({.method = "PATCH", .path = path, .body = &text, .timeout = kTimeout});
}

absl::StatusOr<Json> Client::Upload(const std::string& path, const std::string& body,
                                    const std::string& content_type) const {
  return PerformJson({.method = "POST",
                      .path = path,
                      .body = &body,
                      .content_type = content_type,
                      .timeout = kLongTimeout});
}

absl::Status Client::Download(const std::string& path, FILE* out) const {
  return Perform({.method = "GET", .path = path, .timeout = kLongTimeout, .out = out}).status();
}

}  // namespace sluice::ctl
