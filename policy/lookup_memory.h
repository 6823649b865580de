// Memory that is written once and then read at random: zeroed, aligned to pairs of cache lines, and
// on huge pages where it is large and the kernel has some to give, since otherwise a read pays for
// the page tables too. Copies share it.
#ifndef SLUICE_POLICY_LOOKUP_MEMORY_H_
#define SLUICE_POLICY_LOOKUP_MEMORY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "engine/base/check.h"

namespace sluice::policy {

class LookupMemory {
 public:
  static constexpr size_t kAlignment = 128;

  LookupMemory() = default;
  explicit LookupMemory(size_t size) : size_(size) {
    const size_t alignment = size < 2 * kHugePage ? kAlignment : kHugePage;
    const size_t whole = (size + alignment - 1) / alignment * alignment;
    bytes_.reset(static_cast<char*>(std::aligned_alloc(alignment, whole)), &std::free);
    SLUICE_CHECK(bytes_ != nullptr);
    // Advice: without huge pages it is as good as any other memory.
    if (alignment == kHugePage) (void)madvise(bytes_.get(), whole, MADV_HUGEPAGE);
    std::memset(bytes_.get(), 0, whole);
  }

  size_t size() const { return size_; }
  const char* at(size_t offset) const { return bytes_.get() + offset; }
  char* at(size_t offset) { return bytes_.get() + offset; }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;

  size_t size_ = 0;
  std::shared_ptr<char> bytes_;
};

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_LOOKUP_MEMORY_H_
