// The files of the page as they were when the daemon was built; embed_files.cmake writes files.cc.
#ifndef SLUICE_ENGINE_ADMIN_PAGE_FILES_H_
#define SLUICE_ENGINE_ADMIN_PAGE_FILES_H_

#include "absl/types/span.h"
#include "engine/admin/static_files.h"

namespace sluice::admin {

// They live as long as the program.
absl::Span<const StaticFile> PageFiles();

}  // namespace sluice::admin

#endif  // SLUICE_ENGINE_ADMIN_PAGE_FILES_H_
