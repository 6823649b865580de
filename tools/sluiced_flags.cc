#include "tools/sluiced_flags.h"

#include "absl/flags/flag.h"
#include "tools/default_paths.h"

// The gateway.
ABSL_FLAG(std::vector<std::string>, listen, std::vector<std::string>{"127.0.0.1:2525"},
          "Addresses to take mail on, address:port, comma-separated; [::]:25 for IPv6");
ABSL_FLAG(std::string, hostname, "",
          "Name of this gateway in its banner, EHLO and Received: fields; empty: the system's");
ABSL_FLAG(std::string, data_dir, sluice::kDefaultDataDir,
          "Directory of the store; made if it is missing");
ABSL_FLAG(std::string, control_socket, sluice::kDefaultControlSocket,
          "Unix socket on which sluicectl reaches the daemon");
ABSL_FLAG(std::vector<std::string>, admin_listen, {},
          "Addresses to serve the HTTP API on as well, address:port, comma-separated; with TLS, or "
          "on loopback addresses");
ABSL_FLAG(std::string, admin_tls_certificate, "",
          "Certificate chain (PEM, leaf first) for --admin_listen; empty: no TLS there");
ABSL_FLAG(std::string, admin_tls_key, "", "Private key (PEM) of --admin_tls_certificate");
ABSL_FLAG(std::string, admin_tokens, sluice::kDefaultTokensFile,
          "File of the tokens that --admin_listen asks for; 'sluicectl token' writes it");
ABSL_FLAG(int, cores, 0, "Threads that carry mail, each with a CPU of its own; 0: one for each CPU");
ABSL_FLAG(bool, pin_cores, true, "Whether each core's thread stays on its own CPU");
ABSL_FLAG(absl::Duration, drain_timeout, absl::Seconds(30),
          "How long running transactions may go on after SIGTERM");
ABSL_FLAG(std::string, log_level, "info", "debug, info, warning or error");
ABSL_FLAG(std::string, log_format, "text", "text or json");

// TLS.
ABSL_FLAG(std::vector<std::string>, tls_certificate, {},
          "Certificate chains (PEM, leaf first), comma-separated: an ECDSA and an RSA one");
ABSL_FLAG(std::vector<std::string>, tls_private_key, {},
          "Private keys (PEM) of --tls_certificate, in the same order");
ABSL_FLAG(
    std::vector<std::string>, client_certificate, {},
    "Certificates for servers that ask for one, NAME:CHAIN:KEY (files in PEM), comma-separated; "
    "entries of the list name them");
ABSL_FLAG(std::string, default_client_certificate, "",
          "Which of --client_certificate is shown where no entry names one; empty: none");
ABSL_FLAG(std::string, tls_ciphers, "TLSv1.2+FIPS:kRSA+FIPS:!eNULL:!aNULL",
          "Approved ciphers, in OpenSSL's notation; --print_ciphers shows what it stands for");
ABSL_FLAG(std::string, trust_store, "/etc/ssl/certs/ca-certificates.crt",
          "Roots (PEM) that servers' certificates must lead to, under the levels verify and secure");
ABSL_FLAG(std::string, default_tls_level, "may",
          "For domains on no entry of the list: may (TLS where offered) or encrypt (TLS or nothing)");
ABSL_FLAG(bool, mta_sts, true,
          "Keep to the MTA-STS policies (RFC 8461) that domains publish: found by MX, whatever the list says");
ABSL_FLAG(std::string, mta_sts_trust_store, "",
          "Roots (PEM) that the hosts of MTA-STS policies are held against; empty: --trust_store");
ABSL_FLAG(absl::Duration, mta_sts_check_interval, absl::Minutes(5),
          "How often the MTA-STS record of a domain is looked at, while there is mail for it");
ABSL_FLAG(std::string, tlsrpt_organization, "",
          "Who sends daily TLS reports (RFC 8460) to the domains that ask for them; empty: nobody");
ABSL_FLAG(std::string, tlsrpt_contact, "",
          "Address for questions about TLS reports; its domain is the submitter's");
ABSL_FLAG(std::string, tlsrpt_from, "",
          "From and MAIL FROM of TLS reports by mail; empty: --tlsrpt_contact");
ABSL_FLAG(std::string, tlsrpt_dkim_key, "",
          "Private key (PEM; RSA of 2048 bits or more, or Ed25519) that TLS reports by mail are signed "
          "with (DKIM); empty: none go by mail");
ABSL_FLAG(std::string, tlsrpt_dkim_selector, "",
          "Selector under which the public key of --tlsrpt_dkim_key is published");
ABSL_FLAG(std::string, tlsrpt_dkim_domain, "",
          "Domain under which it is published; empty: that of --tlsrpt_from");
ABSL_FLAG(absl::Duration, tls_ticket_lifetime, absl::Hours(12),
          "How long a TLS session can be resumed; ticket keys change at half of it");
ABSL_FLAG(std::string, signer, "sluice-signer",
          "Program that holds the RSA and P-384 keys in a process of its own, beside sluiced where it "
          "is a bare name; inline: sluiced itself holds them");
ABSL_FLAG(int, signer_threads, 0,
          "Threads that make RSA and P-384 signatures, beside the cores; 0: as many as cores");

// Who may send what.
ABSL_FLAG(std::string, relay_networks, "127.0.0.0/8,::1",
          "Clients that may send to any domain, as networks, comma-separated");
ABSL_FLAG(std::vector<std::string>, relay_domains, {},
          "Domains that any client may send to, as patterns (example.com, *.example.com)");
ABSL_FLAG(int64_t, max_message_size, 50 << 20, "Largest message taken, in bytes (SIZE, RFC 1870)");
ABSL_FLAG(int, max_recipients, 1000, "Most recipients of one message");
ABSL_FLAG(int, max_sessions, 10000, "Most sessions open on one core; the next client gets 421");
ABSL_FLAG(int64_t, max_body_memory, int64_t{512} << 20,
          "Most bytes of bodies that one core holds while they arrive (beyond it clients get 452), and "
          "again as many of those that go out (beyond it they are read from disk, and wait for room)");
ABSL_FLAG(absl::Duration, smtpd_command_timeout, absl::Minutes(5),
          "How long a client may take for its next command");
ABSL_FLAG(absl::Duration, smtpd_data_timeout, absl::Minutes(10),
          "How long a client may take for one whole message body");
ABSL_FLAG(absl::Duration, smtpd_session_timeout, absl::Hours(2),
          "How long a client's session may last in all");
ABSL_FLAG(absl::Duration, tls_handshake_timeout, absl::Seconds(30),
          "How long a TLS handshake may take, in and out");

// Where mail goes.
ABSL_FLAG(std::vector<std::string>, route, {},
          "Static routes, domain=host:port, comma-separated; * for all the rest. Without: by MX. "
          "' from ADDRESS' behind one: where its connections come from");
ABSL_FLAG(std::string, routes_file, "", "File of further static routes, one a line");
ABSL_FLAG(std::vector<std::string>, source_address, {},
          "Own addresses that connections to next hops come from: an IPv4 and an IPv6 one at most, "
          "comma-separated; empty: the system chooses");
ABSL_FLAG(std::string, dns_config, "",
          "Where DNS is asked: empty for /etc/resolv.conf, address@port[,…], unbound:FILE");
ABSL_FLAG(std::string, dnssec_trust_anchor, "",
          "File of the DS or DNSKEY records that DNSSEC is validated by, such as "
          "/usr/share/dns/root.key; empty: none, and without it no DANE");
ABSL_FLAG(bool, dane, true, "Hold hosts to the TLSA records that DNSSEC vouches for (RFC 7672)");
ABSL_FLAG(int, smtp_port, 25, "Port of hosts found by MX");
ABSL_FLAG(absl::Duration, connect_timeout, absl::Seconds(30),
          "How long a connection to a next hop may take to be made");
ABSL_FLAG(absl::Duration, smtp_reply_timeout, absl::Minutes(5),
          "How long a next hop may take for one whole reply");
ABSL_FLAG(absl::Duration, smtp_data_timeout, absl::Minutes(10),
          "How long a next hop may take for a body and the reply to it");
ABSL_FLAG(bool, smtp_chunking, true,
          "Send bodies by BDAT to next hops that offer CHUNKING (RFC 3030)");
ABSL_FLAG(int, lane_connections, 20, "Most connections to one next hop under one policy, per core");
ABSL_FLAG(int, lane_backlog, 10000,
          "Most messages that wait in memory for one next hop; the rest wait on disk");
ABSL_FLAG(int, connection_messages, 1000, "Most messages over one connection");
ABSL_FLAG(absl::Duration, connection_idle_timeout, absl::Seconds(5),
          "How long a connection is kept for the next message");
ABSL_FLAG(absl::Duration, connection_max_age, absl::Minutes(5),
          "How long a connection is used for further messages");
ABSL_FLAG(std::string, destination_rate, "",
          "Most messages to one next hop, as number/time (100/1m, 5/s); empty: no limit");
ABSL_FLAG(std::string, destination_connection_rate, "",
          "Most connections to one next hop, as number/time; empty: no limit");

// The queue.
ABSL_FLAG(std::string, retry_schedule, "5m,10m,20m,40m,80m,160m,3h",
          "Waits between attempts, the last repeated; each is varied by 15 %");
ABSL_FLAG(absl::Duration, queue_lifetime, absl::Hours(168),
          "After this long a message that could not be sent is deleted");
ABSL_FLAG(std::string, tls_expiry_action, "bounce",
          "What the sender of a message deleted because of TLS policy gets: bounce (a notification) "
          "or delete (nothing)");
ABSL_FLAG(std::string, delay_notices, "4h,24h,72h",
          "Ages at which the sender of a message that still waits is told so, each once, with the "
          "first attempt after it; empty: never");
ABSL_FLAG(std::string, dsn_language, "en",
          "Language of the notifications to senders: en (English) or de (German)");
ABSL_FLAG(absl::Duration, tls_probe_interval, absl::Minutes(30),
          "Longest wait between two probes of a domain whose TLS fails, and whose mail waits for it");
ABSL_FLAG(int64_t, store_memory, int64_t{256} << 20, "Memory for the store's buffers and cache, bytes");
ABSL_FLAG(int64_t, store_backlog, int64_t{256} << 20,
          "Most bytes that may wait for the disk; beyond it clients get 452");
ABSL_FLAG(absl::Duration, store_timeout, absl::Seconds(30),
          "How long a client waits for its message to be on disk before it gets 451");
ABSL_FLAG(absl::Duration, ping_interval, absl::Hours(24),
          "How often each entry of the list gets a STARTTLS ping; 0: only when it is changed or asked for");
ABSL_FLAG(int32_t, ping_rate, 60, "Most pings a minute that --ping_interval begins");
ABSL_FLAG(absl::Duration, certificate_warning, absl::Hours(24 * 14),
          "How long before it expires a certificate is warned of");
ABSL_FLAG(absl::Duration, history_retention, absl::Hours(24 * 90),
          "How long history is kept");
ABSL_FLAG(int64_t, history_max_size, int64_t{10} << 30,
          "Most bytes of history on the disk, roughly; beyond it the oldest goes first");

// Instead of running.
ABSL_FLAG(bool, check, false, "Check all flags, files and certificates, report every fault, and exit");
ABSL_FLAG(bool, print_ciphers, false, "Show which ciphers --tls_ciphers stands for, and exit");
