// CRC-32C (Castagnoli; RFC 3720 appendix B.4), by the processor's own instruction, in the place of
// RocksDB's.
//
// RocksDB sums up every byte that it writes: each body once for the log and once for its blob. Debian
// builds it for any x86-64, so it does that by table, at about a byte a nanosecond, which was 14 % of
// what taking a message cost (bench/RESULTS.md). Its function is an ordinary symbol of its shared
// library, so a definition in the program takes its place, for RocksDB's own calls too; crc32c_test
// holds that it does. The sums are the same, and so are the files.
#ifndef SLUICE_QUEUE_CRC32C_H_
#define SLUICE_QUEUE_CRC32C_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace sluice::queue {

// The sum of all that `crc` is the sum of (0: of nothing), and `bytes` behind it.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

// The same without the instruction, for processors that lack it.
uint32_t ExtendCrc32cByTable(uint32_t crc, absl::string_view bytes);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_CRC32C_H_
