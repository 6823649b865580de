// SLUICE_RETURN_IF_ERROR(expr) and SLUICE_ASSIGN_OR_RETURN(declaration, expr) for functions that
// return absl::Status or absl::StatusOr. In a coroutine use the _CO_ forms, which co_return.
#ifndef SLUICE_ENGINE_BASE_STATUS_MACROS_H_
#define SLUICE_ENGINE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define SLUICE_STATUS_CONCAT_(a, b) a##b
#define SLUICE_STATUS_NAME_(a, b) SLUICE_STATUS_CONCAT_(a, b)

#define SLUICE_RETURN_IF_ERROR(expr)                                  \
  do {                                                                \
    if (absl::Status status_ = (expr); !status_.ok()) return status_; \
  } while (false)

#define SLUICE_CO_RETURN_IF_ERROR(expr)                                  \
  do {                                                                   \
    if (absl::Status status_ = (expr); !status_.ok()) co_return status_; \
  } while (false)

#define SLUICE_ASSIGN_OR_RETURN_(return_, result, declaration, expr) \
  auto result = (expr);                                              \
  if (!result.ok()) return_ std::move(result).status();              \
  declaration = *std::move(result)

#define SLUICE_ASSIGN_OR_RETURN(declaration, expr) \
  SLUICE_ASSIGN_OR_RETURN_(return, SLUICE_STATUS_NAME_(status_or_, __LINE__), declaration, expr)

#define SLUICE_CO_ASSIGN_OR_RETURN(declaration, expr) \
  SLUICE_ASSIGN_OR_RETURN_(co_return, SLUICE_STATUS_NAME_(status_or_, __LINE__), declaration, expr)

#endif  // SLUICE_ENGINE_BASE_STATUS_MACROS_H_
