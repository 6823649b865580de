// What RocksDB says went wrong, in words for an administrator. Pure function.
#ifndef SLUICE_QUEUE_STORE_ERROR_H_
#define SLUICE_QUEUE_STORE_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rocksdb {
class Status;
}

namespace sluice::queue {

// Names the directory, and says what would help. ResourceExhausted: the disk is full. DataLoss: it
// is damaged. FailedPrecondition: it is in use, or of another version. PermissionDenied. Else
// Unavailable.
absl::Status ExplainStoreError(absl::string_view directory, const rocksdb::Status& status);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_STORE_ERROR_H_
