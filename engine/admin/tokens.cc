#include "engine/admin/tokens.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "engine/admin/reply.h"
#include "engine/admin/token_file.h"
#include "engine/base/check.h"
#include "engine/base/sha256.h"
#include "engine/base/status_macros.h"

namespace sluice::admin {
namespace {

constexpr size_t kSecretBytes = 32;
constexpr size_t kMaxName = 64;
// So that a token that strays into a repository or a log is known for what it is.
constexpr absl::string_view kPrefix = "sluice_";

std::string NewSecret() {
  char random[kSecretBytes];
  SLUICE_CHECK(gnutls_rnd(GNUTLS_RND_KEY, random, sizeof(random)) == 0);
  return absl::StrCat(kPrefix,
                      absl::WebSafeBase64Escape(absl::string_view(random, sizeof(random))));
}

bool IsName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxName &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' ||
                  c == '-';
         });
}

// Takes as long for any two texts of one length (that of a digest).
bool SameDigest(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && gnutls_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

absl::string_view RoleName(Role role) { return role == Role::kWrite ? "write" : "read"; }

absl::StatusOr<Role> ParseRole(absl::string_view name) {
  for (const Role role : {Role::kRead, Role::kWrite}) {
    if (name == RoleName(role)) return role;
  }
  return absl::InvalidArgumentError("must be read or write");
}

absl::StatusOr<std::unique_ptr<TokenStore>> TokenStore::Open(std::string path, const Clock& clock) {
  std::unique_ptr<TokenStore> store(new TokenStore(std::move(path), clock));
  SLUICE_RETURN_IF_ERROR(store->Load());
  return store;
}

absl::Status TokenStore::Load() {
  SLUICE_ASSIGN_OR_RETURN(std::vector<Token> tokens, ReadTokenFile(path_));
  const absl::MutexLock lock(&mutex_);
  tokens_ = std::move(tokens);
  return absl::OkStatus();
}

absl::StatusOr<std::string> TokenStore::Add(const NewToken& wanted) {
  if (!IsName(wanted.name)) {
    return absl::InvalidArgumentError(
        absl::StrCat("name: must be 1 to ", kMaxName, " letters, digits, '.', '_' and '-'"));
  }
  const absl::Time now = clock_.WallNow();
  if (wanted.expires_at && *wanted.expires_at <= now) {
    return absl::InvalidArgumentError(
        absl::StrCat("expires_at: ", TimeText(*wanted.expires_at), " is past"));
  }
  std::string secret = NewSecret();
  const absl::MutexLock lock(&mutex_);
  std::vector<Token> tokens = tokens_;
  for (const Token& token : tokens) {
    if (token.name != wanted.name) continue;
    return absl::AlreadyExistsError(absl::StrCat(
        "a token ", wanted.name, " is there already; remove it first, or give another name"));
  }
  if (tokens.size() == kMaxTokens) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", kMaxTokens, " tokens, and no more are kept; remove some"));
  }
  tokens.push_back(
      {wanted.name, wanted.role, absl::BytesToHexString(Sha256({secret})), now, wanted.by,
       wanted.expires_at});
  SLUICE_RETURN_IF_ERROR(Replace(std::move(tokens)));
  return secret;
}

absl::Status TokenStore::Remove(absl::string_view name) {
  const absl::MutexLock lock(&mutex_);
  std::vector<Token> tokens = tokens_;
  const auto removed = std::remove_if(tokens.begin(), tokens.end(),
                                      [name](const Token& token) { return token.name == name; });
  if (removed == tokens.end()) {
    return absl::NotFoundError(absl::StrCat("there is no token ",
                                            absl::Utf8SafeCEscape(name.substr(0, kMaxName)),
                                            "; 'sluicectl token list' lists those that there are"));
  }
  tokens.erase(removed, tokens.end());
  return Replace(std::move(tokens));
}

absl::Status TokenStore::Replace(std::vector<Token> tokens) {
  SLUICE_RETURN_IF_ERROR(WriteTokenFile(path_, tokens));
  tokens_ = std::move(tokens);
  return absl::OkStatus();
}

std::vector<Token> TokenStore::List() const {
  const absl::MutexLock lock(&mutex_);
  return tokens_;
}

absl::StatusOr<Token> TokenStore::Find(absl::string_view secret) const {
  const std::string digest = absl::BytesToHexString(Sha256({secret}));
  const absl::MutexLock lock(&mutex_);
  const Token* found = nullptr;
  for (const Token& token : tokens_) {
    if (SameDigest(token.sha256, digest)) found = &token;  // and goes on: all take equally long
  }
  if (found == nullptr) return absl::NotFoundError("the token is not known");
  if (found->expires_at && *found->expires_at <= clock_.WallNow()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the token ", found->name, " expired at ", TimeText(*found->expires_at)));
  }
  return *found;
}

}  // namespace sluice::admin
