#include "queue/rocksdb_log.h"

#include <rocksdb/env.h>

#include <cstdarg>
#include <cstdio>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "engine/base/log.h"

namespace sluice::queue {
namespace {

class RocksdbLog : public rocksdb::Logger {
 public:
  void Logv(const char* format, va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, arguments);
  }
  void Logv(rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    const bool matters =
        level >= rocksdb::InfoLogLevel::WARN_LEVEL && level < rocksdb::InfoLogLevel::HEADER_LEVEL;
    if (!matters && !log::Enabled(log::Level::kDebug)) return;
    char line[1024];
    vsnprintf(line, sizeof(line), format, arguments);
    const absl::string_view text = absl::StripSuffix(line, "\n");
    if (!matters) {
      log::Debug("store_says", {{"text", text}});
    } else if (absl::StrContains(text, ": dropping ")) {
      log::Error("store_log_breaks_off",
                 {{"text", text},
                  {"meaning",
                   "after a loss of power it has to: what was being written then was "
                   "never answered with 250; otherwise mail is missing, and the disk "
                   "should be checked"}});
    } else {
      log::Warning("store_says", {{"text", text}});
    }
  }
};

}  // namespace

std::shared_ptr<rocksdb::Logger> NewRocksdbLog() { return std::make_shared<RocksdbLog>(); }

}  // namespace sluice::queue
