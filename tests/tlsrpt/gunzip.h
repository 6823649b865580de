// What a report is to whoever gets it: decompressed.
#ifndef SLUICE_TESTS_TLSRPT_GUNZIP_H_
#define SLUICE_TESTS_TLSRPT_GUNZIP_H_

#include <zlib.h>

#include <string>

#include "engine/base/check.h"

namespace sluice::tlsrpt {

// Of one whole gzip file (checked), of so many octets at most.
inline std::string Gunzip(std::string gzip, size_t most = size_t{1} << 20) {
  z_stream stream = {};
  SLUICE_CHECK(inflateInit2(&stream, 15 + 16) == Z_OK);
  std::string text(most, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(gzip.data());
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  SLUICE_CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
  SLUICE_CHECK(stream.avail_in == 0);
  text.resize(stream.total_out);
  SLUICE_CHECK(inflateEnd(&stream) == Z_OK);
  return text;
}

}  // namespace sluice::tlsrpt

#endif  // SLUICE_TESTS_TLSRPT_GUNZIP_H_
