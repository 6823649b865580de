// The file that tokens are kept in (tokens.h has its grammar). Thread-safe (functions of their
// arguments).
#ifndef SLUICE_ENGINE_ADMIN_TOKEN_FILE_H_
#define SLUICE_ENGINE_ADMIN_TOKEN_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/admin/tokens.h"

namespace sluice::admin {

// None when it is not there. FailedPrecondition names the flag, the file and what to do.
absl::StatusOr<std::vector<Token>> ReadTokenFile(const std::string& path);

// Puts a new file, synced and readable for its owner alone, in the place of the old one.
absl::Status WriteTokenFile(const std::string& path, const std::vector<Token>& tokens);

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_TOKEN_FILE_H_
