// TXT records in the form that MTA-STS and TLSRPT share (RFC 8461 §3.1, RFC 8460 §3):
//
//   record    = version 1*( delimiter field ) [ delimiter ]         ; version: "v=STSv1"
//   delimiter = *WSP ";" *WSP
//   field     = name "=" value
//   name      = ( ALPHA / DIGIT ) *31( ALPHA / DIGIT / "_" / "-" / "." )
//   value     = 1*( %x21-3A / %x3C / %x3E-7E )
//
// Versions and names are compared as they are written. Everything in a record comes from strangers.
//
// Pure functions; thread-safe.
#ifndef SLUICE_ENGINE_DNS_TEXT_RECORD_H_
#define SLUICE_ENGINE_DNS_TEXT_RECORD_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sluice::dns {

// What kind of record is looked for.
struct TextRecordKind {
  absl::string_view version;  // "v=STSv1"
  absl::string_view title;    // "MTA-STS", for errors
};

struct TextField {
  absl::string_view name;
  absl::string_view value;  // not empty, without space at its ends; see IsFieldValue
};

// The fields of the one record of that kind, in its order. They point into `texts`.
//
// `texts` are all TXT records of a name. Those of other kinds are passed over; NotFound: none is
// left. InvalidArgument: several are (both RFCs take none of them then), or a field is no name with
// something behind its "=".
struct TextRecord {
  absl::string_view text;
  std::vector<TextField> fields;
};
absl::StatusOr<TextRecord> FindTextRecord(const std::vector<std::string>& texts,
                                          const TextRecordKind& kind);

// `the MTA-STS record "…" <why>`: InvalidArgument.
absl::Status MalformedTextRecord(const TextRecordKind& kind, absl::string_view text,
                                 absl::string_view why);

// As the grammar says.
bool IsFieldName(absl::string_view text);
bool IsFieldValue(absl::string_view text);

// Without the space and the tabs at its ends.
absl::string_view WithoutSpace(absl::string_view text);

}  // namespace sluice::dns

#endif  // SLUICE_ENGINE_DNS_TEXT_RECORD_H_
