#include "tls/openssl_error.h"

#include <openssl/err.h>

namespace sluice::tls {

std::string TakeError() {
  const uint32_t error = ERR_get_error();
  ERR_clear_error();
  if (error == 0) return "no reason given";
  const char* const reason = ERR_reason_error_string(error);
  return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace sluice::tls
