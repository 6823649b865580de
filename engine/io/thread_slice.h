// How long a thread keeps a CPU once it has it, where others wait for that CPU.
#ifndef SLUICE_ENGINE_IO_THREAD_SLICE_H_
#define SLUICE_ENGINE_IO_THREAD_SLICE_H_

namespace sluice::io {

// For a calling thread that others wait for: from here on it asks for the CPU in pieces of 100 us,
// not of 3 ms, so that the scheduler lets it go in front of a thread with long pieces (a signer, a
// flush of the store) when it wakes up, and its share stays what it was (EEVDF; sched_setattr(2),
// sched_runtime; Linux 6.12). Where the kernel does not know that, nothing changes.
void AskForShortSlices();

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_THREAD_SLICE_H_
