// Every flag of sluiced. tools/sluice.flags documents them for the administrator; a test holds the
// two together. What the values mean to the program is worked out in daemon_config.h.
#ifndef SLUICE_TOOLS_SLUICED_FLAGS_H_
#define SLUICE_TOOLS_SLUICED_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/flags/declare.h"
#include "absl/time/time.h"

// The gateway.
ABSL_DECLARE_FLAG(std::vector<std::string>, listen);
ABSL_DECLARE_FLAG(std::string, hostname);
ABSL_DECLARE_FLAG(std::string, data_dir);
ABSL_DECLARE_FLAG(std::string, control_socket);
ABSL_DECLARE_FLAG(std::vector<std::string>, admin_listen);
ABSL_DECLARE_FLAG(std::string, admin_tls_certificate);
ABSL_DECLARE_FLAG(std::string, admin_tls_key);
ABSL_DECLARE_FLAG(std::string, admin_tokens);
ABSL_DECLARE_FLAG(int, cores);
ABSL_DECLARE_FLAG(bool, pin_cores);
ABSL_DECLARE_FLAG(absl::Duration, drain_timeout);
ABSL_DECLARE_FLAG(std::string, log_level);
ABSL_DECLARE_FLAG(std::string, log_format);

// TLS.
ABSL_DECLARE_FLAG(std::vector<std::string>, tls_certificate);
ABSL_DECLARE_FLAG(std::vector<std::string>, tls_private_key);
ABSL_DECLARE_FLAG(std::vector<std::string>, client_certificate);
ABSL_DECLARE_FLAG(std::string, default_client_certificate);
ABSL_DECLARE_FLAG(std::string, tls_ciphers);
ABSL_DECLARE_FLAG(std::string, trust_store);
ABSL_DECLARE_FLAG(std::string, default_tls_level);
ABSL_DECLARE_FLAG(bool, mta_sts);
ABSL_DECLARE_FLAG(std::string, mta_sts_trust_store);
ABSL_DECLARE_FLAG(absl::Duration, mta_sts_check_interval);
ABSL_DECLARE_FLAG(std::string, tlsrpt_organization);
ABSL_DECLARE_FLAG(std::string, tlsrpt_contact);
ABSL_DECLARE_FLAG(std::string, tlsrpt_from);
ABSL_DECLARE_FLAG(std::string, tlsrpt_dkim_key);
ABSL_DECLARE_FLAG(std::string, tlsrpt_dkim_selector);
ABSL_DECLARE_FLAG(std::string, tlsrpt_dkim_domain);
ABSL_DECLARE_FLAG(absl::Duration, tls_ticket_lifetime);
ABSL_DECLARE_FLAG(std::string, signer);
ABSL_DECLARE_FLAG(int, signer_threads);

// Who may send what.
ABSL_DECLARE_FLAG(std::string, relay_networks);
ABSL_DECLARE_FLAG(std::vector<std::string>, relay_domains);
ABSL_DECLARE_FLAG(int64_t, max_message_size);
ABSL_DECLARE_FLAG(int, max_recipients);
ABSL_DECLARE_FLAG(int, max_sessions);
ABSL_DECLARE_FLAG(int64_t, max_body_memory);
ABSL_DECLARE_FLAG(absl::Duration, smtpd_command_timeout);
ABSL_DECLARE_FLAG(absl::Duration, smtpd_data_timeout);
ABSL_DECLARE_FLAG(absl::Duration, smtpd_session_timeout);
ABSL_DECLARE_FLAG(absl::Duration, tls_handshake_timeout);

// Where mail goes.
ABSL_DECLARE_FLAG(std::vector<std::string>, route);
ABSL_DECLARE_FLAG(std::string, routes_file);
ABSL_DECLARE_FLAG(std::vector<std::string>, source_address);
ABSL_DECLARE_FLAG(std::string, dns_config);
ABSL_DECLARE_FLAG(std::string, dnssec_trust_anchor);
ABSL_DECLARE_FLAG(bool, dane);
ABSL_DECLARE_FLAG(int, smtp_port);
ABSL_DECLARE_FLAG(absl::Duration, connect_timeout);
ABSL_DECLARE_FLAG(absl::Duration, smtp_reply_timeout);
ABSL_DECLARE_FLAG(absl::Duration, smtp_data_timeout);
ABSL_DECLARE_FLAG(bool, smtp_chunking);
ABSL_DECLARE_FLAG(int, lane_connections);
ABSL_DECLARE_FLAG(int, lane_backlog);
ABSL_DECLARE_FLAG(int, connection_messages);
ABSL_DECLARE_FLAG(absl::Duration, connection_idle_timeout);
ABSL_DECLARE_FLAG(absl::Duration, connection_max_age);
ABSL_DECLARE_FLAG(std::string, destination_rate);
ABSL_DECLARE_FLAG(std::string, destination_connection_rate);

// The queue.
ABSL_DECLARE_FLAG(std::string, retry_schedule);
ABSL_DECLARE_FLAG(absl::Duration, queue_lifetime);
ABSL_DECLARE_FLAG(std::string, tls_expiry_action);
ABSL_DECLARE_FLAG(std::string, delay_notices);
ABSL_DECLARE_FLAG(std::string, dsn_language);
ABSL_DECLARE_FLAG(absl::Duration, tls_probe_interval);
ABSL_DECLARE_FLAG(int64_t, store_memory);
ABSL_DECLARE_FLAG(int64_t, store_backlog);
ABSL_DECLARE_FLAG(absl::Duration, store_timeout);
ABSL_DECLARE_FLAG(absl::Duration, ping_interval);
ABSL_DECLARE_FLAG(int32_t, ping_rate);
ABSL_DECLARE_FLAG(absl::Duration, certificate_warning);
ABSL_DECLARE_FLAG(absl::Duration, history_retention);
ABSL_DECLARE_FLAG(int64_t, history_max_size);

// Instead of running.
ABSL_DECLARE_FLAG(bool, check);
ABSL_DECLARE_FLAG(bool, print_ciphers);

#endif  // SLUICE_TOOLS_SLUICED_FLAGS_H_
