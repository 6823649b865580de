#include "engine/admin/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/reply.h"
#include "engine/base/status_macros.h"
#include "nlohmann/json.hpp"

namespace sluice::admin {
namespace {

using nlohmann::ordered_json;
constexpr int kVersion = 1;
constexpr size_t kMaxFileBytes = size_t{1} << 20;

absl::Status Errno(absl::string_view what, const std::string& path) {
  return absl::FailedPreconditionError(
      absl::StrCat("--admin_tokens: ", what, " ", path, ": ", strerror(errno)));
}

// A descriptor that is closed in any case.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

std::string TextOf(const ordered_json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<absl::Time> TimeOf(const ordered_json& json, const char* name) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, TextOf(json, name), &time, nullptr)) return std::nullopt;
  return time;
}

bool IsDigest(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c)) && (c < 'a' || c > 'f')) return false;
  }
  return text.size() == 64;
}

std::optional<Token> TokenOf(const ordered_json& json) {
  if (!json.is_object()) return std::nullopt;
  const absl::StatusOr<Role> role = ParseRole(TextOf(json, "role"));
  const std::optional<absl::Time> created_at = TimeOf(json, "created_at");
  Token token;
  token.name = TextOf(json, "name");
  token.sha256 = TextOf(json, "sha256");
  token.created_by = TextOf(json, "created_by");
  token.expires_at = TimeOf(json, "expires_at");
  // An expiry that cannot be read must not become none.
  const bool whole = role.ok() && created_at && !token.name.empty() && IsDigest(token.sha256) &&
                     token.expires_at.has_value() == json.contains("expires_at");
  if (!whole) return std::nullopt;
  token.role = *role;
  token.created_at = *created_at;
  return token;
}

ordered_json ToJson(const Token& token) {
  ordered_json json = {{"name", token.name},
                       {"role", std::string(RoleName(token.role))},
                       {"sha256", token.sha256},
                       {"created_at", TimeText(token.created_at)},
                       {"created_by", token.created_by}};
  if (token.expires_at) json["expires_at"] = TimeText(*token.expires_at);
  return json;
}

absl::Status WriteAll(int fd, absl::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("cannot write", path);
    text.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

// So that the file's new name outlives a crash of the machine.
absl::Status SyncDirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "."
                                : slash == 0               ? "/"
                                                           : path.substr(0, slash);
  const File file(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0 || fsync(file.fd()) != 0) return Errno("cannot sync", directory);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadWhole(int fd, const std::string& path) {
  std::string text;
  char block[16384];
  while (text.size() <= kMaxFileBytes) {
    const ssize_t n = read(fd, block, sizeof(block));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Errno("cannot read", path);
    if (n == 0) break;
    text.append(block, static_cast<size_t>(n));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::vector<Token>> ReadTokenFile(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd() < 0) {
    if (errno == ENOENT) return std::vector<Token>();
    return Errno("cannot open", path);
  }
  SLUICE_ASSIGN_OR_RETURN(const std::string text, ReadWhole(file.fd(), path));
  const absl::Status damaged = absl::FailedPreconditionError(
      absl::StrCat("--admin_tokens: ", path,
                   " is damaged, or no file of tokens; restore it, or move it away and make the "
                   "tokens anew with 'sluicectl token add'"));
  const ordered_json json = ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || json.value("version", ordered_json()) != kVersion ||
      !json.contains("tokens") || !json["tokens"].is_array() ||
      json["tokens"].size() > kMaxTokens) {
    return damaged;
  }
  std::vector<Token> tokens;
  for (const ordered_json& row : json["tokens"]) {
    std::optional<Token> token = TokenOf(row);
    if (!token) return damaged;
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

absl::Status WriteTokenFile(const std::string& path, const std::vector<Token>& tokens) {
  ordered_json json = {{"version", kVersion}, {"tokens", ordered_json::array()}};
  for (const Token& token : tokens) json["tokens"].push_back(ToJson(token));
  const std::string text =
      absl::StrCat(json.dump(1, ' ', false, ordered_json::error_handler_t::replace), "\n");

  const std::string fresh_path = absl::StrCat(path, ".", getpid());
  unlink(fresh_path.c_str());  // of a process that had our number and was killed right here
  {
    const File file(open(fresh_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.fd() < 0) return Errno("cannot make", fresh_path);
    absl::Status status = WriteAll(file.fd(), text, fresh_path);
    if (status.ok() && fsync(file.fd()) != 0) status = Errno("cannot sync", fresh_path);
    if (!status.ok()) {
      unlink(fresh_path.c_str());
      return status;
    }
  }
  if (rename(fresh_path.c_str(), path.c_str()) != 0) {
    const absl::Status status = Errno("cannot replace", path);
    unlink(fresh_path.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

}  // namespace sluice::admin
