// Requests for delivery status notifications, one of each kind: the tests hold their texts to the
// letter, and a Python program that knows nothing of this code takes them apart.
#ifndef SLUICE_TESTS_SMTP_DSN_SAMPLES_H_
#define SLUICE_TESTS_SMTP_DSN_SAMPLES_H_

#include <string>
#include <vector>

#include "engine/smtp/dsn.h"

namespace sluice::smtp {

struct DsnSample {
  std::string name;
  DsnRequest request;
  std::string original;
};

// "rejected", "expired", "tls_policy", "delayed", "relayed", "internationalized", "hostile",
// "german_tls_policy", "german_delayed".
const std::vector<DsnSample>& DsnSamples();
const DsnSample& DsnSampleNamed(const std::string& name);

}  // namespace sluice::smtp

#endif  // SLUICE_TESTS_SMTP_DSN_SAMPLES_H_
