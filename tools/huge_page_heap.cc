#include "tools/huge_page_heap.h"

#ifdef SLUICE_TCMALLOC

#include <gperftools/malloc_extension.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sluice {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

// tcmalloc calls it with a lock of its own held, and so one call at a time; nothing in it
// allocates.
class HugePages : public SysAllocator {
 public:
  // `alignment` is a power of two.
  void* Alloc(size_t size, size_t* actual_size, size_t alignment) override {
    alignment = std::max(alignment, kHugePage);
    if (size > SIZE_MAX - 2 * alignment) return nullptr;
    size = (size + kHugePage - 1) & ~(kHugePage - 1);
    // As much more as it takes for an aligned run to be in it; the rest goes back.
    const size_t mapped = size + alignment;
    void* const memory =
        mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
    char* const begin = static_cast<char*>(memory);
    const size_t before = -reinterpret_cast<uintptr_t>(begin) & (alignment - 1);
    const size_t after = mapped - before - size;
    if (before > 0) munmap(begin, before);
    if (after > 0) munmap(begin + before + size, after);
    // Where it is refused there are small pages, which do as well.
    madvise(begin + before, size, MADV_HUGEPAGE);
    if (actual_size != nullptr) *actual_size = size;
    return begin + before;
  }
};

}  // namespace

void UseHugePages() {
  // Never destroyed: memory is asked for until the very end.
  static HugePages& pages = *new HugePages;
  MallocExtension::instance()->SetSystemAllocator(&pages);
}

}  // namespace sluice

#else

namespace sluice {

void UseHugePages() {}

}  // namespace sluice

#endif  // SLUICE_TCMALLOC
