// Patterns that are wider than who typed them may have meant: those that take in every domain under a
// public suffix ("*.com", ".co.uk"), by the Public Suffix List (https://publicsuffix.org) that libpsl
// was built with. Thread-safe.
#ifndef SLUICE_POLICY_PUBLIC_SUFFIX_H_
#define SLUICE_POLICY_PUBLIC_SUFFIX_H_

#include <string>

#include "policy/pattern.h"

namespace sluice::policy {

// One sentence that says how wide it is; empty when it is no wider than one organisation.
std::string WidthWarning(const Pattern& pattern);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_PUBLIC_SUFFIX_H_
