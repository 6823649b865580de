// Memory for coroutine frames: free lists by size class, one set for each thread, so that a session
// that has warmed up allocates nothing. A frame freed on another thread joins that thread's lists.
// Under AddressSanitizer every frame comes from the heap, so that a use after free is seen.
#ifndef SLUICE_ENGINE_IO_FRAME_POOL_H_
#define SLUICE_ENGINE_IO_FRAME_POOL_H_

#include <cstddef>

namespace sluice::io {

class FramePool {
 public:
  static void* Allocate(size_t size);
  static void Free(void* frame, size_t size);
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_FRAME_POOL_H_
