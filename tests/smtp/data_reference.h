// The rules of DataDecoder written down a second time, as plainly as can be and for a message that
// is there as a whole: what the decoder is held against by its test and by the fuzzers.
#ifndef SLUICE_TESTS_SMTP_DATA_REFERENCE_H_
#define SLUICE_TESTS_SMTP_DATA_REFERENCE_H_

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "engine/smtp/data_decoder.h"

namespace sluice::smtp {

struct DecodedData {
  size_t end = 0;       // behind the end of the message
  std::string refusal;  // "550 5.5.2"; empty: it is taken
  std::string body;     // of one that is taken
  friend bool operator==(const DecodedData&, const DecodedData&) = default;
};
std::ostream& operator<<(std::ostream& out, const DecodedData& decoded);

// What comes behind DATA; nullopt: the message has not ended.
std::optional<DecodedData> ReferenceDecode(const DataDecoder::Limits& limits,
                                           absl::string_view input);

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_DATA_REFERENCE_H_
