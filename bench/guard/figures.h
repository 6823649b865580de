// The figures, each a function that prepares what it is about, executes it a number of times inside
// of Sections, and returns how many times. All of it follows from a seed.
#ifndef SLUICE_BENCH_GUARD_FIGURES_H_
#define SLUICE_BENCH_GUARD_FIGURES_H_

namespace sluice::guard {

// A full TLS 1.3 handshake with P-256, from a new session to the end of the handshake: one side.
int HandshakeServer();
int HandshakeClient();

// One message of 10 KiB, over TLS and in a session that is open already, by the gateway as a whole
// in the simulation: until the client has its 250 and the lane, which reaches nobody, has the
// message; and until the next hop has taken it, over TLS too, and the store knows.
int AcceptedMessage();
int RelayedMessage();

// A name, looked up among a million patterns.
int PolicyLookup();

// One look at the queue, which hands out 256 messages that are due, of the thousands that wait.
int DueScan();

}  // namespace sluice::guard

#endif  // SLUICE_BENCH_GUARD_FIGURES_H_
