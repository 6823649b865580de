// Bearer tokens (RFC 6750) for the listeners of --admin_listen, and the file that they are kept in.
//
//   SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<TokenStore> tokens,
//                           TokenStore::Open("var/admin_tokens", clock));
//   SLUICE_ASSIGN_OR_RETURN(const std::string secret,
//                           tokens->Add({.name = "backup", .role = Role::kRead, .by = "root"}));
//   absl::StatusOr<Token> token = tokens->Find(secret);
//
// A token is "sluice_" and 256 random bits in base64url. Only its SHA-256 is kept, so it is shown
// once, and who reads the file cannot use what stands there; a slow hash would add nothing, since
// nobody guesses 256 bits. The file belongs to the daemon alone (0600) and is replaced as a whole,
// on disk before Add and Remove return:
//
//   file  := JSON {"version": 1, "tokens": [token…]}
//   token := {"name", "role": "read"|"write", "sha256": 64 hex digits, "created_at", "created_by",
//             "expires_at"}            times in RFC 3339; no expires_at: it does not expire
//
// Thread-safe.
#ifndef SLUICE_ENGINE_ADMIN_TOKENS_H_
#define SLUICE_ENGINE_ADMIN_TOKENS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "engine/base/clock.h"

namespace sluice::admin {

inline constexpr size_t kMaxTokens = 256;

enum class Role { kRead, kWrite };
absl::string_view RoleName(Role role);  // "read", "write"
absl::StatusOr<Role> ParseRole(absl::string_view name);

struct Token {
  std::string name;  // 1 to 64 letters, digits, '.', '_' and '-'
  Role role = Role::kRead;
  std::string sha256;  // hex
  absl::Time created_at;
  std::string created_by;
  std::optional<absl::Time> expires_at;
};

struct NewToken {
  std::string name;
  Role role = Role::kRead;
  std::optional<absl::Time> expires_at;
  std::string by;  // who asks for it
};

class TokenStore {
 public:
  // A file that is not there holds no tokens; it is made with the first one. FailedPrecondition
  // when it cannot be read or is damaged. `clock` outlives the store.
  static absl::StatusOr<std::unique_ptr<TokenStore>> Open(std::string path, const Clock& clock);

  // The secret. InvalidArgument, AlreadyExists, ResourceExhausted (kMaxTokens); FailedPrecondition:
  // the file could not be written, and until the next start all is as it was.
  absl::StatusOr<std::string> Add(const NewToken& wanted);
  // From its return on the token opens nothing. NotFound; or as above.
  absl::Status Remove(absl::string_view name);
  std::vector<Token> List() const;  // in the order of their making

  // The token of that secret. NotFound: there is none; FailedPrecondition: it has expired.
  absl::StatusOr<Token> Find(absl::string_view secret) const;

 private:
  TokenStore(std::string path, const Clock& clock) : path_(std::move(path)), clock_(clock) {}
  absl::Status Load();
  absl::Status Replace(std::vector<Token> tokens) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const Clock& clock_;
  mutable absl::Mutex mutex_;
  std::vector<Token> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_TOKENS_H_
