#include "queue/message_id.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/base/check.h"

namespace sluice::queue {
namespace {

constexpr char kDigits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

// The value of a digit, or -1.
int ValueOf(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  if (c == 'O') return 0;
  if (c == 'I' || c == 'L') return 1;
  const char* end = kDigits + 32;
  const char* at = std::find(kDigits, end, c);
  return at == end ? -1 : static_cast<int>(at - kDigits);
}

}  // namespace

MessageId MessageId::Of(int64_t nanos, uint32_t tail) {
  SLUICE_CHECK(nanos >= 0);
  MessageId id;
  id.nanos_ = nanos;
  id.tail_ = tail;
  return id;
}

std::string MessageId::ToString() const {
  auto bits = static_cast<unsigned __int128>(nanos_) << 32 | tail_;
  std::string text(kTextSize, '0');
  for (size_t i = kTextSize; i-- > 0; bits >>= 5) text[i] = kDigits[bits & 31];
  return text;
}

absl::StatusOr<MessageId> MessageId::Parse(absl::string_view text) {
  unsigned __int128 bits = 0;
  bool valid = text.size() == kTextSize;
  for (size_t i = 0; valid && i < text.size(); ++i) {
    const int value = ValueOf(text[i]);
    valid = value >= 0;
    bits = bits << 5 | static_cast<unsigned>(value & 31);
  }
  if (!valid) {
    return absl::InvalidArgumentError(
        absl::StrCat("a message id is ", kTextSize,
                     " digits and letters, like 6A0F4Z8C1M3Q9TBD2KE: as in Received: and the log"));
  }
  return Of(static_cast<int64_t>(bits >> 32), static_cast<uint32_t>(bits & 0xffffffff));
}

MessageId MessageIdSource::Next(absl::Time now) {
  last_nanos_ = std::max(last_nanos_ + 1, absl::ToUnixNanos(now));
  return MessageId::Of(last_nanos_, static_cast<uint32_t>(random_.Next()));
}

}  // namespace sluice::queue
