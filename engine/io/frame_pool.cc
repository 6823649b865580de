#include "engine/io/frame_pool.h"

#include <array>
#include <new>

namespace sluice::io {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLUICE_FRAMES_FROM_HEAP
#endif
#endif

#ifdef SLUICE_FRAMES_FROM_HEAP

void* FramePool::Allocate(size_t size) { return ::operator new(size); }
void FramePool::Free(void* frame, size_t /*size*/) { ::operator delete(frame); }

#else
namespace {

constexpr size_t kStep = 64;
constexpr size_t kClasses = 64;         // frames of up to 4 KiB are pooled
constexpr size_t kKeptPerClass = 4096;  // beyond that they go back to the heap

struct FreeFrame {
  FreeFrame* next;
};

struct Lists {
  ~Lists() {
    for (FreeFrame*& head : heads) {
      while (head != nullptr) {
        FreeFrame* const frame = head;
        head = frame->next;
        ::operator delete(frame);
      }
    }
  }
  std::array<FreeFrame*, kClasses> heads{};
  std::array<size_t, kClasses> kept{};
};

thread_local Lists lists;

}  // namespace

void* FramePool::Allocate(size_t size) {
  const size_t size_class = (size - 1) / kStep;
  if (size_class >= kClasses) return ::operator new(size);
  FreeFrame*& head = lists.heads[size_class];
  if (head == nullptr) return ::operator new((size_class + 1) * kStep);
  --lists.kept[size_class];
  FreeFrame* const frame = head;
  head = frame->next;
  return frame;
}

void FramePool::Free(void* frame, size_t size) {
  const size_t size_class = (size - 1) / kStep;
  if (size_class >= kClasses || lists.kept[size_class] >= kKeptPerClass) {
    ::operator delete(frame);
    return;
  }
  ++lists.kept[size_class];
  auto* const freed = static_cast<FreeFrame*>(frame);
  freed->next = lists.heads[size_class];
  lists.heads[size_class] = freed;
}

#endif  // SLUICE_FRAMES_FROM_HEAP

}  // namespace sluice::io
