#include "engine/io/mailbox.h"

#include "engine/base/check.h"

namespace sluice::io {

// Keeps the list non-empty, so that writers never touch the reader's end.
class Mailbox::Stub : public Letter {
 public:
  void Deliver() override { SLUICE_CHECK(false); }
};

Mailbox::Mailbox() : stub_(new Stub) {
  newest_.store(stub_, std::memory_order_relaxed);
  oldest_ = stub_;
}

Mailbox::~Mailbox() { delete stub_; }

bool Mailbox::Push(Letter& letter) {
  letter.next_.store(nullptr, std::memory_order_relaxed);
  Letter* const previous = newest_.exchange(&letter, std::memory_order_acq_rel);
  // Between these two lines the list is cut in two; Pop() then sees it as empty up to here, and
  // PrepareToSleep() does not: it looks at newest_.
  previous->next_.store(&letter, std::memory_order_release);
  // seq_cst against PrepareToSleep(): either the reader sees the letter or we see it asleep.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return sleeping_.load(std::memory_order_relaxed) &&
         sleeping_.exchange(false, std::memory_order_acq_rel);
}

Letter* Mailbox::Pop() {
  Letter* oldest = oldest_;
  Letter* next = oldest->next_.load(std::memory_order_acquire);
  if (oldest == stub_) {
    if (next == nullptr) return nullptr;
    oldest_ = oldest = next;
    next = oldest->next_.load(std::memory_order_acquire);
  }
  if (next != nullptr) {
    oldest_ = next;
    return oldest;
  }
  // `oldest` seems to be the last. Put the stub behind it so that it can be taken out.
  if (newest_.load(std::memory_order_acquire) != oldest) return nullptr;  // a push is half done
  stub_->next_.store(nullptr, std::memory_order_relaxed);
  Letter* const previous = newest_.exchange(stub_, std::memory_order_acq_rel);
  previous->next_.store(stub_, std::memory_order_release);
  next = oldest->next_.load(std::memory_order_acquire);
  if (next == nullptr) return nullptr;
  oldest_ = next;
  return oldest;
}

bool Mailbox::PrepareToSleep() {
  sleeping_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const bool empty = oldest_ == stub_ && newest_.load(std::memory_order_acquire) == stub_;
  if (!empty) sleeping_.store(false, std::memory_order_relaxed);
  return empty;
}

}  // namespace sluice::io
