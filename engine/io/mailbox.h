// What another thread sends to a core: an intrusive queue of letters, many writers, one reader
// (Vyukov's MPSC queue). A letter is embedded in what waits for it, so the number of letters is
// bounded by the number of waiters and sending one allocates nothing.
#ifndef SLUICE_ENGINE_IO_MAILBOX_H_
#define SLUICE_ENGINE_IO_MAILBOX_H_

#include <atomic>

namespace sluice::io {

class Letter {
 public:
  // Called once on the receiving core. May destroy the letter.
  virtual void Deliver() = 0;

 protected:
  Letter() = default;
  virtual ~Letter() = default;

 private:
  friend class Mailbox;
  std::atomic<Letter*> next_{nullptr};
};

class Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any thread. True when the reader sleeps and this letter is the one that has to wake it.
  bool Push(Letter& letter);

  // The reader's thread: the oldest letter, or null when there is none.
  Letter* Pop();

  // The reader's thread, before it sleeps: announces it. False (and no sleep) when there are
  // letters.
  bool PrepareToSleep();
  void Awake() { sleeping_.store(false, std::memory_order_relaxed); }

 private:
  class Stub;
  std::atomic<Letter*> newest_;
  Letter* oldest_;
  std::atomic<bool> sleeping_{false};
  Stub* stub_;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_MAILBOX_H_
