#include "tools/ctl_commands.h"

#include <limits>

namespace sluice::ctl {
namespace {

constexpr size_t kAny = std::numeric_limits<size_t>::max();

constexpr Option kEntryOptions[] = {
    {"direction", "DIRECTION", "both (default), inbound or outbound"},
    {"mode", "MODE", "enforce (default), monitor or off"},
    {"level", "LEVEL", "encrypt (default), verify, secure or fingerprint"},
    {"match_names", "NAMES",
     "names that certificates may have, comma-separated; .example.com: below"},
    {"fingerprints", "HEX", "SHA-256 of certificates or keys, comma-separated (level fingerprint)"},
    {"minimum_version", "VERSION", "1.2 (default) or 1.3"},
    {"inbound_action", "ACTION",
     "defer (default: 451) or reject (530) mail that comes without TLS"},
    {"note", "TEXT", "for people"},
};
constexpr Option kListOptions[] = {
    {"direction", "DIRECTION", "only entries that are for both, inbound or outbound"},
    {"mode", "MODE", "only enforce, monitor or off"},
    {"level", "LEVEL", "only encrypt, verify, secure or fingerprint"},
    {"limit", "N", "at most so many rows (default 100)"},
};
constexpr Option kImportOptions[] = {
    {"format", "FORMAT", "csv or json; else the file's name decides, and csv if it says nothing"},
    {"replace", "", "remove the entries that the file does not have"},
    {"dry_run", "", "only show what would change"},
};
constexpr Option kExportOptions[] = {{"format", "FORMAT", "csv (default) or json"}};
constexpr Option kQueueOptions[] = {
    {"domain", "DOMAIN", "only mail to this domain"},
    {"sender", "ADDRESS", "only from this address"},
    {"recipient", "ADDRESS", "only to this address"},
    {"state", "STATE", "only active (being sent now) or waiting (for its next try)"},
    {"limit", "N", "at most so many rows (default 100)"},
};
constexpr Option kRetryOptions[] = {
    {"domain", "DOMAIN", "all mail to this domain"},
    {"all", "", "all mail"},
};
constexpr Option kDeleteOptions[] = {
    {"domain", "DOMAIN", "only the part that goes to this domain"},
    {"reason", "TEXT", "why, for the history"},
};
constexpr Option kHistoryOptions[] = {
    {"domain", "DOMAIN", "only about this domain"},
    {"message", "ID", "only about this message"},
    {"sender", "ADDRESS", "only from this address"},
    {"recipient", "ADDRESS", "only to this address"},
    {"outcome", "OUTCOME",
     "only check_tls, deferred, delivered, failed, expired, deleted_tls_policy, deleted, refused"},
    {"since", "WHEN", "from then on: 2h, 7d, 2026-03-01T12:00:00Z or 2026-03-01"},
    {"until", "WHEN", "before then"},
    {"limit", "N", "at most so many, the newest (default 20)"},
    {"follow", "", "go on with what is written from now on, until Ctrl-C"},
    {"lang", "LANGUAGE", "en (default) or de"},
};
constexpr Option kTokenOptions[] = {
    {"role", "ROLE", "read (looks at everything) or write (and changes it); must be given"},
    {"expires", "WHEN", "in 12h, 90d, or at 2027-01-01; else never"},
};
constexpr Option kStoreOptions[] = {
    {"data_dir", "DIR", "the gateway's --data_dir (default var/data)"},
};

constexpr Command kCommands[] = {
    {"domains add", "PATTERN", 1, 1, "Put an entry on the enforced-TLS list.", kEntryOptions,
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
    {"domains set", "PATTERN [FIELD=VALUE…]", 1, kAny, "Change fields of an entry.", kEntryOptions,
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
    {"domains explain",
     "DOMAIN|ADDRESS",
     1,
     1,
     "Say which entry decides for a domain's mail, and why.",
     {},
     "sluicectl domains explain user@mail.example.com",
     &ExplainDomain},
    {"ping",
     "DOMAIN",
     1,
     1,
     "Try STARTTLS at each mail server of a domain; no mail is sent.",
     {},
     "sluicectl ping example.com && echo 'all of its servers are as the list demands'",
     &Ping},
    {"queue list", "", 0, 0, "Show what waits in the queue.", kQueueOptions,
     "sluicectl queue list\nsluicectl queue list --state=waiting --domain=example.com", &ListQueue},
    {"queue show",
     "ID",
     1,
     1,
     "Show one message of the queue.",
     {},
     "sluicectl queue show ID",
     &ShowQueued},
    {"queue retry", "[ID]", 0, 1, "Try one message, a domain's or all of them again now.",
     kRetryOptions,
     "sluicectl queue retry ID\nsluicectl queue retry --domain=example.com\n"
     "sluicectl queue retry --all",
     &RetryQueued},
    {"queue delete", "ID", 1, 1, "Delete a message; its sender is not told.", kDeleteOptions,
     "sluicectl queue delete ID --reason='asked for by its sender'", &DeleteQueued},
    {"history", "", 0, 0, "Show what became of messages, the newest last.", kHistoryOptions,
     "sluicectl history --domain=example.com --since=7d\n"
     "sluicectl history --message=ID --lang=de\n"
     "sluicectl history --outcome=check_tls --follow",
     &ShowHistory},
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
