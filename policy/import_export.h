// The list as text files: CSV (RFC 4180), JSON (RFC 8259), and Postfix's smtp_tls_policy_maps.
//
//   Imported imported = ImportCsv(text);
//   for (const Fault& fault : imported.faults) …     // "line 17: level: …"
//   transaction.changes = std::move(imported.changes);
//
// CSV. UTF-8 (a byte order mark is skipped); lines end in CRLF or LF. The first line names the
// columns, in any order; `pattern` must be among them, the rest may be left out and then have their
// defaults, as an empty cell has:
//
//   pattern,direction,mode,level,match_names,minimum_version,note
//   *.example.com,both,enforce,verify,mx.example.net .example.org,1.2,"asked for, by mail"
//
//   pattern          example.com | *.example.com | .example.com | *
//   direction        both | inbound | outbound
//   mode             enforce | monitor | off
//   level            encrypt | verify | secure | fingerprint | dane-only
//   match_names      names, separated by spaces
//   fingerprints     SHA-256 in hex, separated by spaces
//   minimum_version  1.2 | 1.3
//   inbound_action   defer | reject
//   source_addresses an IPv4 and an IPv6 address at most, separated by spaces
//   client_certificate  name of one of --client_certificate
//   note             free text
//
// JSON. An array of objects with the same fields, match_names, fingerprints and source_addresses as
// arrays of strings. An export also has what the list records (created, changed, generation,
// last_ping, and pattern_unicode where that differs); an import skips these. Any other field is a
// fault.
//
// Postfix. Lines of "domain level attribute=value …" (postconf(5), smtp_tls_policy_maps):
//
//   example.com    verify match=hostname:.example.net        that name alone
//   .example.com   secure                                    those below it: *.example.com here
//
// They are about mail that goes out: an import makes entries of direction outbound. Level `may` is
// an entry that is off; match=, protocols= and the defaults of Postfix are carried over so that
// nothing is taken that Postfix would refuse; levels and attributes without a counterpart are
// faults. An export says in comments what Postfix cannot express. (One difference: level secure
// always takes the recipient's domain here, match= with other names or not.)
//
// A pattern that is there twice is a fault. Thread-safe.
#ifndef SLUICE_POLICY_IMPORT_EXPORT_H_
#define SLUICE_POLICY_IMPORT_EXPORT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "policy/entry.h"
#include "policy/table.h"

namespace sluice::policy {

inline constexpr size_t kMaxImportOctets = size_t{1} << 30;
// A file with more faults than this is of another kind; the rest is not read.
inline constexpr size_t kMaxFaults = 1000;

struct Imported {
  std::vector<Change> changes;  // kPut, with the line it came from
  std::vector<Fault>
      faults;  // in the order of lines; when there are any, nothing should be applied
};

Imported ImportCsv(absl::string_view text);
Imported ImportJson(absl::string_view text);
Imported ImportPostfix(absl::string_view text);

// "pattern,direction,…\r\n", and one line for an entry with its line end.
std::string CsvHeader();
void AppendCsv(const Entry& entry, std::string& out);

// One object, without line breaks. An export is "[" + objects joined by ",\n" + "]".
void AppendJson(const Entry& entry, std::string& out);

// A comment, and one or two lines for an entry, with their line ends.
std::string PostfixHeader();
void AppendPostfix(const Entry& entry, std::string& out);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_IMPORT_EXPORT_H_
