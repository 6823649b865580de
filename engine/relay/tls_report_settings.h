// How this gateway reports TLS to other domains (tls_reports.h), from its flags.
//
// Reads files; thread-safe.
#ifndef SLUICE_ENGINE_RELAY_TLS_REPORT_SETTINGS_H_
#define SLUICE_ENGINE_RELAY_TLS_REPORT_SETTINGS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/tlsrpt/dkim.h"
#include "engine/tlsrpt/report.h"

namespace sluice::relay {

struct TlsReportSettings {
  tlsrpt::Submitter submitter;
  std::string from;  // of reports by mail: an address
  // Unset: none go by mail, since whoever gets one has to ignore it without a signature (RFC 8460
  // §3).
  std::optional<tlsrpt::DkimSigner> dkim;
};

// As they were given.
struct TlsReportFlags {
  std::string organization;
  std::string contact;
  std::string from;  // empty: contact
  std::string dkim_key;
  std::string dkim_selector;
  std::string dkim_domain;  // empty: that of `from`
};

// Null: reports are switched off, or there were faults, each of which names its flag.
std::shared_ptr<const TlsReportSettings> ReadTlsReportSettings(const TlsReportFlags& flags,
                                                               std::vector<std::string>& faults);

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_TLS_REPORT_SETTINGS_H_
