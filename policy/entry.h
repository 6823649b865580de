// One entry of the enforced-TLS list: what is demanded of mail to and from the domains that its
// pattern matches.
//
//   Entry entry;
//   SLUICE_ASSIGN_OR_RETURN(entry.pattern, Pattern::Parse("*.example.com"));
//   entry.level = Level::kVerify;
//   for (const std::string& fault : Validate(entry)) …
//
// Plain data; thread-compatible. An entry that is on the list is valid and never changes: a change
// puts another in its place.
#ifndef SLUICE_POLICY_ENTRY_H_
#define SLUICE_POLICY_ENTRY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "policy/pattern.h"

namespace sluice::policy {

// Which mail: to the domain, from the domain, or both.
enum class Direction : uint8_t { kBoth, kInbound, kOutbound };

enum class Mode : uint8_t {
  kEnforce,  // what cannot be had securely does not travel
  kMonitor,  // nothing changes; what enforcement would have refused is counted
  kOff,      // the domain is as if on no entry, whatever wider pattern it falls under
};

// How far the server of an outbound connection is checked. TLS is mandatory in each.
enum class Level : uint8_t {
  kEncrypt,      // any certificate
  kVerify,       // trusted chain, and the name of the MX host or a match name
  kSecure,       // trusted chain, and the recipient's domain or a match name
  kFingerprint,  // a certificate or public key with one of the fingerprints
  kDaneOnly,     // one that the host's TLSA records announce (RFC 7672); hosts without take no mail
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };

// The answer to mail that comes in from the domain without sufficient TLS.
enum class InboundAction : uint8_t {
  kDefer,   // 451 4.7.10
  kReject,  // 530 5.7.10
};

// Who wrote something, and when.
struct Stamp {
  absl::Time at = absl::UnixEpoch();
  std::string by;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// The last STARTTLS ping of the domain.
struct PingRecord {
  absl::Time at;
  std::string summary;  // "valid", "partial: mx2.example.com: name_mismatch", …
  // Of what will fail soon, or has changed: "mx.example.com: its certificate expires in 9 days".
  std::vector<std::string> warnings = {};
  friend bool operator==(const PingRecord&, const PingRecord&) = default;
};

struct Entry {
  // What an administrator sets.
  Pattern pattern;
  Direction direction = Direction::kBoth;
  Mode mode = Mode::kEnforce;
  Level level = Level::kEncrypt;
  TlsVersion minimum_version = TlsVersion::kTls12;
  InboundAction inbound_action = InboundAction::kDefer;
  std::vector<std::string> match_names;   // A-labels; ".example.com" takes any name below it
  std::vector<std::string> fingerprints;  // SHA-256, 64 lower-case hex digits
  // What this gateway shows of itself to the servers of outbound mail, in whatever mode but off:
  // canonical, an IPv4 and an IPv6 address at most (source_address.h); empty: as the route or
  // --source_address says.
  std::vector<std::string> source_addresses;
  // Of --client_certificate: the name of the one that is shown where a server asks; empty: the
  // default's.
  std::string client_certificate;
  std::string note;  // UTF-8, one line

  // What the list records.
  Stamp created;
  Stamp changed;
  uint64_t generation = 0;  // of the list, when this entry was last changed
  std::optional<PingRecord> last_ping;

  bool applies_inbound() const { return direction != Direction::kOutbound; }
  bool applies_outbound() const { return direction != Direction::kInbound; }
  friend bool operator==(const Entry&, const Entry&) = default;
};

using EntryPtr = std::shared_ptr<const Entry>;

inline constexpr size_t kMaxMatchNames = 32;
inline constexpr size_t kMaxFingerprints = 32;
inline constexpr size_t kMaxNoteOctets = 1024;
inline constexpr size_t kMaxAuthorOctets = 256;
inline constexpr size_t kMaxPingSummaryOctets = 1024;
inline constexpr size_t kMaxPingWarnings = 16;

// The domain whose mail servers are pinged for an entry: the one it names. A wildcard's own domain
// stands for those below it, whose names nobody knows. InvalidArgument where there is none to ping:
// "*", and an entry for mail from its domains alone.
absl::StatusOr<std::string> PingedDomain(const Entry& entry);

// InvalidArgument for what cannot be the name of a client certificate, which has 1 to 64 letters,
// digits, '.', '_' and '-'.
absl::Status CheckCertificateName(absl::string_view name);

// Every fault of what an administrator set and of what the list recorded; empty when it is valid.
std::vector<std::string> Validate(const Entry& entry);

// The words of files, of the command line and of history: "both", "enforce", "encrypt", "1.2",
// "defer", … A parse error names what is accepted.
absl::string_view DirectionName(Direction direction);
absl::string_view ModeName(Mode mode);
absl::string_view LevelName(Level level);
absl::string_view TlsVersionName(TlsVersion version);
absl::string_view InboundActionName(InboundAction action);
absl::StatusOr<Direction> ParseDirection(absl::string_view name);
absl::StatusOr<Mode> ParseMode(absl::string_view name);
absl::StatusOr<Level> ParseLevel(absl::string_view name);
absl::StatusOr<TlsVersion> ParseTlsVersion(absl::string_view name);
absl::StatusOr<InboundAction> ParseInboundAction(absl::string_view name);

}  // namespace sluice::policy

#endif  // SLUICE_POLICY_ENTRY_H_
