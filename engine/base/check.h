// SLUICE_CHECK(condition): a bug in our own code ends the process, with the place and the
// condition on stderr. Never for what the world can cause: that is an absl::Status.
#ifndef SLUICE_ENGINE_BASE_CHECK_H_
#define SLUICE_ENGINE_BASE_CHECK_H_

namespace sluice {

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition);

}  // namespace sluice

#define SLUICE_CHECK(condition)                              \
  do {                                                       \
    if (!(condition)) [[unlikely]] {                         \
      ::sluice::CheckFailed(__FILE__, __LINE__, #condition); \
    }                                                        \
  } while (false)

#endif  // SLUICE_ENGINE_BASE_CHECK_H_
