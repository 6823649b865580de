#include "tests/admin/http_client.h"

#include <curl/curl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace sluice::admin {
namespace {

size_t AppendTo(char* bytes, size_t one, size_t n, void* out) {
  static_cast<std::string*>(out)->append(bytes, one * n);
  return one * n;
}

size_t AddHeader(char* bytes, size_t one, size_t n, void* out) {
  const std::pair<std::string, std::string> pair =
      absl::StrSplit(absl::string_view(bytes, one * n), absl::MaxSplits(':', 1));
  if (!pair.second.empty()) {
    static_cast<HttpAnswer*>(out)->headers[absl::AsciiStrToLower(pair.first)] =
        std::string(absl::StripAsciiWhitespace(pair.second));
  }
  return one * n;
}

}  // namespace

std::string HttpAnswer::error_code() const {
  const nlohmann::json parsed = json();
  return parsed.is_object() && parsed.contains("error") ? parsed["error"].value("code", "") : "";
}

std::string HttpAnswer::error_message() const {
  const nlohmann::json parsed = json();
  return parsed.is_object() && parsed.contains("error") ? parsed["error"].value("message", "") : "";
}

HttpAnswer Ask(const std::string& socket_path, const HttpCall& call) {
  HttpAnswer answer;
  CURL* const curl = curl_easy_init();
  const std::string url = "http://sluice" + call.target;
  curl_slist* headers = nullptr;
  for (const std::string& header : call.headers)
    headers = curl_slist_append(headers, header.c_str());
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_path.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &AppendTo);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &AddHeader);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer);
  if (!call.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  EXPECT_TRUE(code == CURLE_OK || answer.status >= 400) << curl_easy_strerror(code);
  curl_slist_free_all(headers);
  curl_easy_cleanup(curl);
  return answer;
}

int ConnectTo(const std::string& socket_path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, socket_path.c_str(), sizeof(address.sun_path) - 1);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  close(fd);
  return -1;
}

std::string ReadUntil(int fd, const std::string& until) {
  std::string read_so_far;
  while (read_so_far.find(until) == std::string::npos) {
    pollfd waiting = {fd, POLLIN, 0};
    if (poll(&waiting, 1, 10'000) != 1) break;
    char buffer[4096];
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n <= 0) break;
    read_so_far.append(buffer, static_cast<size_t>(n));
  }
  return read_so_far;
}

}  // namespace sluice::admin
