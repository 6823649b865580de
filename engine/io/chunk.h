// Immutable, reference-counted bytes: the body of a message on its way from the socket it came in
// by, through the store, to the socket it leaves by, without being copied.
//
//   ChunkWriter writer;
//   writer.Append(bytes);             // one thread
//   Body body = std::move(writer).Finish();
//   for (const Chunk& chunk : body.chunks()) Send(chunk.view());
//
// Chunk and Body: thread-compatible, and copies may be used and dropped on different threads.
#ifndef SLUICE_ENGINE_IO_CHUNK_H_
#define SLUICE_ENGINE_IO_CHUNK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace sluice::io {

class Chunk {
 public:
  Chunk() = default;
  static Chunk Copy(absl::string_view bytes);
  Chunk(const Chunk& other) : rep_(other.rep_) { Ref(); }
  Chunk(Chunk&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  Chunk& operator=(Chunk other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~Chunk() { Unref(); }

  absl::string_view view() const {
    return rep_ == nullptr ? absl::string_view() : absl::string_view(rep_->bytes, rep_->size);
  }
  size_t size() const { return rep_ == nullptr ? 0 : rep_->size; }

 private:
  friend class ChunkWriter;
  // One allocation: the count, the sizes, the bytes.
  struct Rep {
    std::atomic<uint32_t> refs;
    uint32_t capacity;
    uint32_t size;
    char bytes[];
  };
  explicit Chunk(Rep* rep) : rep_(rep) {}
  size_t capacity() const { return rep_ == nullptr ? 0 : rep_->capacity; }
  static Rep* Allocate(size_t capacity);
  void Ref() const {
    if (rep_ != nullptr) rep_->refs.fetch_add(1, std::memory_order_relaxed);
  }
  void Unref();

  Rep* rep_ = nullptr;
};

// An ordered run of chunks.
class Body {
 public:
  Body() = default;
  static Body Copy(absl::string_view bytes);
  void Append(Chunk chunk);
  const std::vector<Chunk>& chunks() const { return chunks_; }
  size_t size() const { return size_; }
  std::string Flatten() const;

 private:
  std::vector<Chunk> chunks_;
  size_t size_ = 0;
};

// Gathers bytes into chunks, each twice as large as the one in front of it, up to 64 KiB: so a
// message holds 4 KiB and twice its size of memory at most, and a long one costs few allocations.
// One thread.
class ChunkWriter {
 public:
  static constexpr size_t kFirstChunk = 4 * 1024;
  static constexpr size_t kLargestChunk = 64 * 1024;

  ChunkWriter() = default;
  ChunkWriter(ChunkWriter&&) = default;
  ChunkWriter& operator=(ChunkWriter&&) = default;

  void Append(absl::string_view bytes);
  size_t size() const { return body_.size() + filling_.size(); }
  // Bytes that are reserved for it, the empty ones included.
  size_t memory() const { return body_.size() + filling_.capacity(); }
  Body Finish() &&;

 private:
  Body body_;
  Chunk filling_;
  size_t next_capacity_ = kFirstChunk;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_CHUNK_H_
