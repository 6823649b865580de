#include "engine/io/chunk.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "engine/base/check.h"

namespace sluice::io {

Chunk::Rep* Chunk::Allocate(size_t capacity) {
  void* memory = ::operator new(sizeof(Rep) + capacity);
  Rep* rep = static_cast<Rep*>(memory);
  new (&rep->refs) std::atomic<uint32_t>(1);
  rep->capacity = static_cast<uint32_t>(capacity);
  rep->size = 0;
  return rep;
}

void Chunk::Unref() {
  if (rep_ == nullptr) return;
  // acq_rel: whoever drops the last reference must see the other owners' reads as done.
  if (rep_->refs.fetch_sub(1, std::memory_order_acq_rel) == 1) ::operator delete(rep_);
  rep_ = nullptr;
}

Chunk Chunk::Copy(absl::string_view bytes) {
  SLUICE_CHECK(bytes.size() <= UINT32_MAX);
  Rep* rep = Allocate(bytes.size());
  std::memcpy(rep->bytes, bytes.data(), bytes.size());
  rep->size = static_cast<uint32_t>(bytes.size());
  return Chunk(rep);
}

Body Body::Copy(absl::string_view bytes) {
  Body body;
  if (!bytes.empty()) body.Append(Chunk::Copy(bytes));
  return body;
}

void Body::Append(Chunk chunk) {
  size_ += chunk.size();
  chunks_.push_back(std::move(chunk));
}

std::string Body::Flatten() const {
  std::string flat;
  flat.reserve(size_);
  for (const Chunk& chunk : chunks_) flat.append(chunk.view().data(), chunk.size());
  return flat;
}

void ChunkWriter::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    if (filling_.rep_ == nullptr) {
      filling_ = Chunk(Chunk::Allocate(next_capacity_));
      next_capacity_ = std::min(2 * next_capacity_, kLargestChunk);
    }
    Chunk::Rep* rep = filling_.rep_;
    const size_t n = std::min<size_t>(bytes.size(), rep->capacity - rep->size);
    std::memcpy(rep->bytes + rep->size, bytes.data(), n);
    rep->size += static_cast<uint32_t>(n);
    bytes.remove_prefix(n);
    if (rep->size == rep->capacity) body_.Append(std::exchange(filling_, Chunk()));
  }
}

Body ChunkWriter::Finish() && {
  if (filling_.size() > 0) body_.Append(std::exchange(filling_, Chunk()));
  return std::move(body_);
}

}  // namespace sluice::io
