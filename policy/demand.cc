#include "policy/demand.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/base/check.h"

namespace sluice::policy {
namespace {

// FNV-1a, 64 bits: the same everywhere, unlike absl::Hash.
std::string Fnv1a(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return absl::StrFormat("%016x", hash);
}

}  // namespace

std::string OutboundDemand::Digest() const {
  return Fnv1a(absl::StrCat("outbound;", enforced ? "enforce" : "monitor", ";", LevelName(level),
                            ";", TlsVersionName(minimum_version), ";", accept_mx_host ? "mx" : "",
                            ";", accept_domain ? "domain" : "", ";", absl::StrJoin(names, ","), ";",
                            absl::StrJoin(fingerprints, ",")));
}

std::string InboundDemand::Digest() const {
  return Fnv1a(absl::StrCat("inbound;", enforced ? "enforce" : "monitor", ";",
                            TlsVersionName(minimum_version), ";", InboundActionName(action)));
}

OutboundDemand OutboundDemandOf(const Entry& entry) {
  SLUICE_CHECK(entry.mode != Mode::kOff && entry.applies_outbound());
  OutboundDemand demand;
  demand.enforced = entry.mode == Mode::kEnforce;
  demand.level = entry.level;
  demand.minimum_version = entry.minimum_version;
  demand.accept_mx_host = entry.level == Level::kVerify;
  demand.accept_domain = entry.level == Level::kSecure;
  demand.names = entry.match_names;
  demand.fingerprints = entry.fingerprints;
  return demand;
}

InboundDemand InboundDemandOf(const Entry& entry) {
  SLUICE_CHECK(entry.mode != Mode::kOff && entry.applies_inbound());
  InboundDemand demand;
  demand.enforced = entry.mode == Mode::kEnforce;
  demand.minimum_version = entry.minimum_version;
  demand.action = entry.inbound_action;
  return demand;
}

}  // namespace sluice::policy
