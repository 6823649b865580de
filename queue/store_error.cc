#include "queue/store_error.h"

#include <rocksdb/status.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::queue {

absl::Status ExplainStoreError(absl::string_view directory, const rocksdb::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  const std::string where = absl::StrCat("the queue in ", directory);
  if (status.IsNoSpace()) {
    return absl::ResourceExhaustedError(absl::StrCat(
        where, ": the disk is full; free some space, and it goes on by itself (", text, ")"));
  }
  // A file that is not there is as bad as one that cannot be read.
  if (status.IsCorruption() || status.IsPathNotFound()) {
    return absl::DataLossError(absl::StrCat(
        where, " is damaged (", text, "): stop the gateway if it runs, check the disk, and make a ",
        "copy of the directory; 'sluicectl store check --data_dir=", directory,
        "' says what can still be read. Then restore it from a backup, or try 'ldb --db=COPY ",
        "repair' on the copy and check that"));
  }
  if (absl::StrContains(text, "LOCK:") || absl::StrContains(text, "lock hold by current process")) {
    return absl::FailedPreconditionError(
        absl::StrCat(where, " is in use by another process: only one gateway can run on it; stop ",
                     "that one, or set another --data_dir (", text, ")"));
  }
  if (absl::StrContains(text, "Permission denied")) {
    return absl::PermissionDeniedError(
        absl::StrCat(where, " may not be opened: the directory and all that is in it must belong ",
                     "to the user that the gateway runs as (", text, ")"));
  }
  if (absl::StrContains(text, "olumn families not opened")) {
    return absl::FailedPreconditionError(absl::StrCat(
        where, " holds tables that this version does not know: it was written by a newer one, or ",
        "by another program; run that version, or set another --data_dir (", text, ")"));
  }
  return absl::UnavailableError(absl::StrCat(where, " cannot be used: ", text));
}

}  // namespace sluice::queue
