// What the relay is told by its flags, checked and in its own terms. Plain data; never changes while
// the gateway runs.
#ifndef SLUICE_ENGINE_RELAY_SETTINGS_H_
#define SLUICE_ENGINE_RELAY_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/io/socket_address.h"
#include "engine/relay/domain_set.h"
#include "engine/relay/network_set.h"
#include "engine/relay/rate.h"
#include "engine/relay/route_table.h"
#include "engine/relay/source_addresses.h"
#include "engine/smtp/dsn.h"
#include "queue/retry_timetable.h"

namespace sluice::relay {

struct TlsReportSettings;

// For domains on no entry of the enforced-TLS list.
enum class DefaultLevel : uint8_t {
  kMay,      // TLS where it is offered, in clear where it is not
  kEncrypt,  // TLS, or nothing
};

// What the sender of a message that is deleted because of TLS policy gets.
enum class TlsExpiryAction : uint8_t { kBounce, kDelete };

struct Settings {
  std::string hostname;
  std::vector<io::SocketAddress> listen;

  NetworkSet relay_networks;
  DomainSet relay_domains;
  int64_t max_message_size = 50 << 20;
  int max_recipients = 1000;
  int max_sessions = 10000;  // of one core
  size_t max_body_memory = size_t{512} << 20;
  absl::Duration smtpd_command_timeout = absl::Minutes(5);
  absl::Duration smtpd_data_timeout = absl::Minutes(10);
  absl::Duration smtpd_session_timeout = absl::Hours(2);
  absl::Duration tls_handshake_timeout = absl::Seconds(30);

  RouteTable routes;
  // What is shown to next hops where neither entry nor route says otherwise (identity.h).
  SourceAddresses source;
  std::string client_certificate;
  DefaultLevel default_tls_level = DefaultLevel::kMay;
  uint16_t smtp_port = 25;  // of hosts found by MX
  bool dane = true;         // where DNSSEC vouches for it
  absl::Duration connect_timeout = absl::Seconds(30);
  absl::Duration smtp_reply_timeout = absl::Minutes(5);
  absl::Duration smtp_data_timeout = absl::Minutes(10);
  bool smtp_chunking = true;  // bodies go by BDAT where it is offered
  size_t lane_connections = 20;
  size_t lane_backlog = 10000;
  int connection_messages = 1000;
  bool mta_sts = false;
  // How often a domain's record is looked at, while there is mail for it.
  absl::Duration mta_sts_check_interval = absl::Minutes(5);
  absl::Duration connection_idle_timeout = absl::Seconds(5);
  absl::Duration connection_max_age = absl::Minutes(5);
  std::optional<Rate> destination_rate;             // of messages; unset: no limit
  std::optional<Rate> destination_connection_rate;  // likewise
  std::shared_ptr<const TlsReportSettings> tls_reports;  // tls_reports.h; null: switched off

  std::shared_ptr<const queue::RetryTimetable> retries;  // set
  // The longest wait between two probes of a destination whose TLS fails.
  absl::Duration tls_probe_interval = absl::Minutes(30);
  absl::Duration queue_lifetime = absl::Hours(168);
  absl::Duration history_retention = absl::Hours(24 * 90);
  absl::Duration certificate_warning = absl::Hours(24 * 14);  // before one of a partner's expires
  uint64_t history_max_bytes = uint64_t{10} << 30;  // on the disk, roughly
  TlsExpiryAction tls_expiry_action = TlsExpiryAction::kBounce;
  std::vector<absl::Duration> delay_notices;  // relay/notices.h
  smtp::Language dsn_language = smtp::Language::kEnglish;
  // How often the queue is looked at when nothing is due: what an administrator makes due is seen
  // within it.
  absl::Duration queue_look = absl::Milliseconds(500);
  // How long a client waits for its message to be on disk before it is told to come again.
  absl::Duration store_timeout = absl::Seconds(30);
  absl::Duration drain_timeout = absl::Seconds(30);
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_SETTINGS_H_
