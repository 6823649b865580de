#include "bench/load/passage.h"

#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sluice::bench {
namespace {

constexpr absl::string_view kField = "X-Sluice-Bench: ";

std::string NewRun() {
  std::random_device device;
  const uint64_t high = device();
  return absl::StrCat(absl::Hex(high << 32 | device(), absl::kZeroPad16));
}

}  // namespace

Passages::Passages() : run_(NewRun()), slots_(kMost) {}

std::string Passages::Field(uint64_t number) const {
  return absl::StrCat(kField, run_, " ", number, "\r\n");
}

void Passages::Depart(uint64_t number, MonoTime at) {
  Slot& slot = slots_[number % kMost];
  slot.departed_ns.store(at.nanos(), std::memory_order_relaxed);
  slot.number.store(number, std::memory_order_release);
}

std::optional<absl::Duration> Passages::Arrive(absl::string_view head, MonoTime at) {
  const size_t found = head.find(kField);
  if (found == absl::string_view::npos) return std::nullopt;
  absl::string_view value = head.substr(found + kField.size());
  value = value.substr(0, value.find('\r'));
  uint64_t number = 0;
  if (!absl::ConsumePrefix(&value, run_) || !absl::ConsumePrefix(&value, " ") ||
      !absl::SimpleAtoi(value, &number)) {
    return std::nullopt;
  }
  Slot& slot = slots_[number % kMost];
  uint64_t expected = number;
  if (!slot.number.compare_exchange_strong(expected, UINT64_MAX, std::memory_order_acquire)) {
    return std::nullopt;
  }
  return at - MonoTime::FromNanos(slot.departed_ns.load(std::memory_order_relaxed));
}

}  // namespace sluice::bench
