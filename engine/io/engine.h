// The cores of a process, started and stopped together.
//
//   for (int i = 0; i < engine->size(); ++i) {
//     Core& core = engine->core(i);
//     core.Run([&core] { core.Spawn(Serve(core)); });
//   }
//   …
//   engine->Stop();      // after every task has ended
#ifndef SLUICE_ENGINE_IO_ENGINE_H_
#define SLUICE_ENGINE_IO_ENGINE_H_

#include "engine/io/core.h"

namespace sluice::io {

struct EngineOptions {
  int cores = 1;            // 1 to the number of CPUs this process may use
  bool pin = true;          // core i runs on the i-th of those CPUs
  int ring_entries = 1024;  // submission queue; the completion queue is eight times as large
  // Receive buffers of a core, shared by its connections; powers of two. They are held only while
  // what arrived is looked at.
  int receive_buffers = 512;
  int receive_buffer_bytes = 16 * 1024;
};

class Engine {
 public:
  virtual ~Engine() = default;  // Stop() if that has not been called

  virtual int size() const = 0;
  virtual Core& core(int index) const = 0;

  // Ends the cores once their tasks have ended. A task that never ends blocks it: whoever spawns
  // tasks also ends them. Any thread but a core.
  virtual void Stop() = 0;
};

}  // namespace sluice::io

#endif  // SLUICE_ENGINE_IO_ENGINE_H_
