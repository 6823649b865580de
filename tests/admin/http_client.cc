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
#include "engine/io/socket_address.h"
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

bool IsPath(const std::string& where) { return where.front() == '/'; }

int Connect(int family, const sockaddr* address, socklen_t size) {
  const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, address, size) == 0) return fd;
  close(fd);
  return -1;
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

HttpAnswer Ask(const std::string& where, const HttpCall& call) {
  HttpAnswer answer;
  CURL* const curl = curl_easy_init();
  const std::string url = (IsPath(where) ? "http://sluice" : "http://" + where) + call.target;
  curl_slist* headers = nullptr;
  for (const std::string& header : call.headers)
    headers = curl_slist_append(headers, header.c_str());
  if (IsPath(where)) curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, where.c_str());
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

int ConnectTo(const std::string& where) {
  if (!IsPath(where)) {
    const auto address = io::SocketAddress::Parse(where);
    return address.ok() ? Connect(address->family(), address->get(), address->size()) : -1;
  }
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, where.c_str(), sizeof(address.sun_path) - 1);
  return Connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

std::string ReadUntil(int fd, const std::string& until) {
  std::string read_so_far;
  while (read_so_far.find(until) == std::string::npos) {
    pollfd waiting = {fd, POLLIN, 0};
    if (poll(&waiting, 1, 30'000) != 1) break;
    char buffer[4096];
    const ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n <= 0) break;
    read_so_far.append(buffer, static_cast<size_t>(n));
  }
  return read_so_far;
}

}  // namespace sluice::admin
