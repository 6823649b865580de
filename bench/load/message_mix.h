// The messages that are sent: sizes drawn from a distribution, contents made once.
//
//   SLUICE_ASSIGN_OR_RETURN(MessageMix mix, MessageMix::Parse("1KiB:50,10KiB:40,1MiB:10"));
//
// Immutable once made; any thread.
#ifndef SLUICE_BENCH_LOAD_MESSAGE_MIX_H_
#define SLUICE_BENCH_LOAD_MESSAGE_MIX_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/base/random.h"

namespace sluice::bench {

// "512", "10KiB", "1MiB". InvalidArgument says what is accepted.
absl::StatusOr<size_t> ParseSize(absl::string_view text);

class MessageMix {
 public:
  static constexpr size_t kSmallest = 512;  // room for the header fields
  static constexpr size_t kLargest = size_t{256} << 20;

  // Sizes of whole messages, header fields and all, each with its weight (1 where none is given).
  static absl::StatusOr<MessageMix> Parse(absl::string_view text);

  size_t Draw(Random& random) const;
  // Lines of text, the last one ended with CRLF, none of which begins with a dot. `octets` is 2 at
  // least and no more than the largest message has.
  std::vector<absl::string_view> Text(size_t octets) const;

 private:
  struct Kind {
    size_t octets;
    double up_to;  // of all weights, added up
  };
  std::vector<Kind> kinds_;
  std::string lines_;
};

}  // namespace sluice::bench

#endif  // SLUICE_BENCH_LOAD_MESSAGE_MIX_H_
