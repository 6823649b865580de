#include "tools/ctl_commands.h"

#include <limits>

namespace sluice::ctl {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

constexpr Option kListOptions[] = {
    {"direction", "DIRECTION", "only entries that are for both, inbound or outbound"},
    {"mode", "MODE", "only enforce, monitor or off"},
    {"level", "LEVEL", "only encrypt, verify, secure, fingerprint or dane-only"},
    {"pattern", "GLOB", "only patterns like this: '*.example.*'"},
    {"ping", "STATE", "only whose last ping was valid, partial, invalid, never or warned"},
    {"limit", "N", "at most so many rows (default 100)"},
};
constexpr Option kSaveOptions[] = {
    {"direction", "DIRECTION", "both (default), inbound or outbound"},
    {"mode", "MODE", "enforce (default), monitor or off"},
    {"level", "LEVEL", "encrypt (default), verify, secure, fingerprint or dane-only"},
    {"match_names", "NAMES",
     "names that certificates may have, comma-separated; .example.com: below"},
    {"fingerprints", "HEX", "SHA-256 of certificates or keys, comma-separated (level fingerprint)"},
    {"minimum_version", "VERSION", "1.2 (default) or 1.3"},
    {"inbound_action", "ACTION",
     "defer (default: 451) or reject (530) mail that comes without TLS"},
    {"source_addresses", "IP",
     "own addresses that connections come from, comma-separated: one IPv4, one IPv6"},
    {"client_certificate", "NAME",
     "of --client_certificate: shown to servers that ask for a certificate"},
    {"note", "TEXT", "for people"},
    {"no_ping", "", "do not try STARTTLS at the domain's servers once it is saved"},
};
constexpr Option kChangesOptions[] = {
    {"pattern", "PATTERN", "only of this entry"},
    {"by", "NAME", "only by this user"},
    {"since", "WHEN", "from then on: 2h, 7d, 2026-03-01T12:00:00Z or 2026-03-01"},
    {"until", "WHEN", "before then"},
    {"limit", "N", "at most so many, the newest (default 20)"},
};
constexpr Option kReportOptions[] = {
    {"domain", "DOMAIN", "only this domain"},
    {"since", "WHEN", "from then on: 2h, 7d, 2026-03-01T12:00:00Z or 2026-03-01"},
    {"until", "WHEN", "before then"},
    {"limit", "N", "at most so many domains, those with most first (default 50)"},
};
constexpr Option kExplainOptions[] = {
    {"servers", "", "try each of its mail servers now, and say what would come of it"},
};
constexpr Option kPingOptions[] = {
    {"all", "", "ping every entry of the list, and say how it goes"},
    {"self", "", "ping this gateway's own listeners, as a partner would"},
};
constexpr Option kImportOptions[] = {
    {"format", "FORMAT",
     "csv, json or postfix (smtp_tls_policy_maps); else the file's name decides, else csv"},
    {"replace", "", "remove the entries that the file does not have"},
    {"dry_run", "", "only show what would change"},
};
constexpr Option kExportOptions[] = {
    {"format", "FORMAT", "csv (default), json or postfix (smtp_tls_policy_maps)"}};
constexpr Option kQueueOptions[] = {
    {"domain", "DOMAIN", "only mail to this domain"},
    {"sender", "ADDRESS", "only from this address"},
    {"recipient", "ADDRESS", "only to this address"},
    {"state", "STATE",
     "only waiting (for its next try), active (being sent, or next in line), held or parked"},
    {"limit", "N", "at most so many rows (default 100)"},
};
constexpr Option kReportListOptions[] = {
    {"limit", "N", "at most so many rows (default 100)"},
};
constexpr Option kReportDayOptions[] = {
    {"day", "DAY", "of this day in UTC, 2026-04-01; without: the last one that was counted on"},
};
constexpr Option kSummaryOptions[] = {
    {"domain", "DOMAIN", "only this destination"},
    {"limit", "N", "at most so many destinations, the largest first (default 20)"},
};
constexpr Option kSelectOptions[] = {
    {"domain", "DOMAIN", "all mail to this domain; with an ID: only its part to this domain"},
    {"all", "", "all mail"},
};
constexpr Option kReasonOptions[] = {
    {"domain", "DOMAIN", "all mail to this domain; with an ID: only its part to this domain"},
    {"all", "", "all mail"},
    {"reason", "TEXT", "why: for the history, and for who looks at it"},
};
constexpr Option kHistoryOptions[] = {
    {"domain", "DOMAIN", "only about this domain"},
    {"message", "ID", "only about this message"},
    {"sender", "ADDRESS", "only from this address"},
    {"recipient", "ADDRESS", "only to this address"},
    {"outcome", "OUTCOME",
     "only check_tls, deferred, delivered, failed, expired, deleted_tls_policy, deleted, returned, "
     "would_refuse, refused"},
    {"stage", "STAGE", "only what ended at: dns, connect, banner, ehlo, starttls, handshake, …"},
    {"reason", "REASON", "only what failed for: not_offered, refused, untrusted, name_mismatch, …"},
    {"monitored", "", "only what enforcement would have deferred or refused"},
    {"since", "WHEN", "from then on: 2h, 7d, 2026-03-01T12:00:00Z or 2026-03-01"},
    {"until", "WHEN", "before then"},
    {"limit", "N", "at most so many, the newest (default 20)"},
    {"follow", "", "go on with what is written from now on, until Ctrl-C"},
    {"lang", "LANGUAGE", "en (default) or de"},
};
constexpr Option kHistoryExportOptions[] = {
    {"since", "WHEN", "from then on: 2h, 7d, 2026-03-01T12:00:00Z or 2026-03-01"},
    {"until", "WHEN", "before then"},
};
constexpr Option kHistoryVerifyOptions[] = {
    {"chain", "HEX", "what the log said at the export's end (history_head), to be compared"},
};
constexpr Option kTokenOptions[] = {
    {"role", "ROLE", "read (looks at everything) or write (and changes it); must be given"},
    {"expires", "WHEN", "in 12h, 90d, or at 2027-01-01; else never"},
};
constexpr Option kStoreOptions[] = {
    {"data_dir", "DIR", "the gateway's --data_dir (default var/data)"},
};

constexpr Command kCommands[] = {
    {"domains add", "PATTERN", 1, 1, "Put an entry on the enforced-TLS list.", kSaveOptions,
     "sluicectl domains add example.com                        that name alone\n"
     "sluicectl domains add '*.example.com' --level=verify     every name below it, certificate "
     "checked\n"
     "sluicectl domains add .example.com --direction=outbound  the name and all below it",
     &AddDomain},
    {"domains list", "", 0, 0, "Show the entries of the list.", kListOptions,
     "sluicectl domains list\nsluicectl domains list --mode=monitor --limit=1000", &ListDomains},
    {"domains search", "TEXT", 1, 1, "Show entries with this text in pattern or note.",
     kListOptions, "sluicectl domains search example", &SearchDomains},
    {"domains show",
     "PATTERN",
     1,
     1,
     "Show one entry whole.",
     {},
     "sluicectl domains show '*.example.com'",
     &ShowDomain},
    {"domains set", "PATTERN [FIELD=VALUE…]", 1, kAny, "Change fields of an entry.", kSaveOptions,
     "sluicectl domains set example.com level=secure\n"
     "sluicectl domains set example.com --match_names=mx.example.net,.example.org\n"
     "sluicectl domains set example.com note=                  back to the default",
     &SetDomain},
    {"domains remove",
     "PATTERN…",
     1,
     kAny,
     "Take entries off the list, all or none.",
     {},
     "sluicectl domains remove example.com '*.example.com'",
     &RemoveDomains},
    {"domains import", "FILE", 1, 1, "Put a file's entries on the list, all or none; '-' is stdin.",
     kImportOptions,
     "sluicectl domains import list.csv --dry_run\n"
     "sluicectl domains import list.csv --replace             the list is then what the file is",
     &ImportDomains},
    {"domains export", "", 0, 0, "Write the whole list to standard output.", kExportOptions,
     "sluicectl domains export > list.csv\nsluicectl domains export --format=json > list.json",
     &ExportDomains},
    {"domains changes", "", 0, 0, "Show who changed what in the list, the newest last.",
     kChangesOptions, "sluicectl domains changes --pattern='*.example.com'\n"
     "sluicectl domains changes --by=alice --since=7d",
     &ShowChanges},
    {"domains report", "", 0, 0, "Show what monitored entries would have deferred or refused.",
     kReportOptions, "sluicectl domains report --since=7d", &ReportMonitored},
    {"domains explain", "DOMAIN|ADDRESS", 1, 1,
     "Say which entry decides for a domain's mail, and why.", kExplainOptions,
     "sluicectl domains explain user@mail.example.com\n"
     "sluicectl domains explain example.com --servers",
     &ExplainDomain},
    {"ping", "[DOMAIN]", 0, 1, "Try STARTTLS at each mail server of a domain; no mail is sent.",
     kPingOptions,
     "sluicectl ping example.com && echo 'all of its servers are as the list demands'\n"
     "sluicectl ping --all\nsluicectl ping --self",
     &Ping},
    {"queue list", "", 0, 0, "Show what waits in the queue.", kQueueOptions,
     "sluicectl queue list\nsluicectl queue list --state=waiting --domain=example.com", &ListQueue},
    {"queue summary", "", 0, 0, "Show how much waits for whom, for how long, and why.",
     kSummaryOptions, "sluicectl queue summary\nsluicectl queue summary --domain=example.com",
     &SummarizeQueue},
    {"queue show",
     "ID",
     1,
     1,
     "Show one message of the queue.",
     {},
     "sluicectl queue show ID",
     &ShowQueued},
    {"queue retry", "[ID]", 0, 1, "Try one message, a domain's or all of them again now.",
     kSelectOptions,
     "sluicectl queue retry ID\nsluicectl queue retry --domain=example.com\n"
     "sluicectl queue retry --all",
     &RetryQueued},
    {"queue hold", "[ID]", 0, 1, "Keep mail from being tried; its deadline holds nevertheless.",
     kReasonOptions, "sluicectl queue hold --domain=example.com --reason='they are moving'",
     &HoldQueued},
    {"queue release", "[ID]", 0, 1, "Try again now what is on hold.", kSelectOptions,
     "sluicectl queue release ID\nsluicectl queue release --domain=example.com", &ReleaseQueued},
    {"queue bounce", "[ID]", 0, 1, "Give mail back to its senders now, with a notification.",
     kReasonOptions, "sluicectl queue bounce ID --reason='no such domain'", &BounceQueued},
    {"queue delete", "[ID]", 0, 1, "Delete mail; its senders are not told.", kReasonOptions,
     "sluicectl queue delete ID --reason='asked for by its sender'", &DeleteQueued},
    {"history export", "", 0, 0, "Write the history, as lines of JSON that hold together by hashes.",
     kHistoryExportOptions, "sluicectl history export --since=30d > history.jsonl", &ExportHistory},
    {"history verify", "[FILE]", 0, 1,
     "Say whether an exported history, or the daemon's own, is as it was written.",
     kHistoryVerifyOptions, "sluicectl history verify\nsluicectl history verify history.jsonl",
     &VerifyHistory},
    {"history", "", 0, 0, "Show what became of messages, the newest last.", kHistoryOptions,
     "sluicectl history --domain=example.com --since=7d\n"
     "sluicectl history --message=ID --lang=de\n"
     "sluicectl history --outcome=check_tls --follow",
     &ShowHistory},
    {"tlsrpt list", "", 0, 0,
     "Show what is counted for TLS reports (RFC 8460), those with most failures first.",
     kReportListOptions, "sluicectl tlsrpt list", &ListTlsReports},
    {"tlsrpt show", "DOMAIN", 1, 1, "Show a domain's TLS report as it would be sent now.",
     kReportDayOptions,
     "sluicectl tlsrpt show example.com\nsluicectl tlsrpt show example.com --day=2026-04-01",
     &ShowTlsReport},
    {"tlsrpt send", "DOMAIN", 1, 1,
     "Send a domain's TLS report now; what is counted from then on is in the next.",
     kReportDayOptions, "sluicectl tlsrpt send example.com", &SendTlsReport},
    {"certificate show",
     "",
     0,
     0,
     "Show the certificates served, as a partner needs to know them.",
     {},
     "sluicectl certificate show",
     &ShowCertificates},
    {"status",
     "",
     0,
     0,
     "Show how the daemon does, and what each core has done.",
     {},
     "sluicectl status\nsluicectl status --json",
     &ShowStatus},
    {"reload",
     "",
     0,
     0,
     "Read the certificates anew; sessions go on.",
     {},
     "sluicectl reload",
     &Reload},
    {"token add", "NAME", 1, 1,
     "Make a token for --admin_listen and print it, this once; over the control socket alone.",
     kTokenOptions,
     "sluicectl token add backup --role=read --expires=90d > backup.token\n"
     "sluicectl status --url=https://gateway.example:8025 --token_file=backup.token",
     &AddToken},
    {"token list", "", 0, 0, "Show which tokens there are.", {}, "sluicectl token list",
     &ListTokens},
    {"token remove", "NAME", 1, 1, "Remove a token; it opens nothing from then on.", {},
     "sluicectl token remove backup", &RemoveToken},
    {"store check", "", 0, 0,
     "Say what of a stopped gateway's store can be read; nothing is changed.", kStoreOptions,
     "sluicectl store check --data_dir=/var/lib/sluice", &CheckStore},
};

}  // namespace

absl::Span<const Command> Commands() { return kCommands; }

}  // namespace sluice::ctl
