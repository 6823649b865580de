// What a process with private keys takes from itself: memory that others may read, and what a bug
// could be used to gain.
#ifndef SLUICE_TOOLS_SIGNER_HARDENING_H_
#define SLUICE_TOOLS_SIGNER_HARDENING_H_

namespace sluice::signer {

// For good, and before the first key:
// - no core dump, no debugger and no /proc/PID/mem for anybody but root;
// - no privileges beyond its own, whatever it would execute;
// - no page to the swap, where the limit of locked memory allows that or can be raised (root).
// Also deaf to the signals that end or reload the daemon: it ends when its connection does, so that
// handshakes go on while the daemon drains.
// False when one of the first two cannot be had.
bool Harden();

}  // namespace sluice::signer

#endif  // SLUICE_TOOLS_SIGNER_HARDENING_H_
