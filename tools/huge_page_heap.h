// The heap in huge pages, where the system lets a program ask for them
// (/sys/kernel/mm/transparent_hugepage/enabled says `madvise` or `always`).
//
// A gateway's memory is bodies and the store's write buffers: megabytes that are filled from one
// end to the other, let go of, and filled again. In pages of 4 KiB each message costs several page
// faults and as many entries of the TLB; in pages of 2 MiB, one in some hundred.
#ifndef SLUICE_TOOLS_HUGE_PAGE_HEAP_H_
#define SLUICE_TOOLS_HUGE_PAGE_HEAP_H_

namespace sluice {

// From here on tcmalloc asks the system for memory in aligned runs of huge pages. What it has
// already stays as it is. Once, before there is a second thread. Does nothing in a build without
// tcmalloc (under sanitizers).
void UseHugePages();

}  // namespace sluice

#endif  // SLUICE_TOOLS_HUGE_PAGE_HEAP_H_
