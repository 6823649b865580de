// The history: what became of each message, entry by entry. Plain data.
//
// Entries are written in the same batch as what they tell of, so the history neither runs ahead of
// the queue nor forgets anything that happened to it.
#ifndef SLUICE_QUEUE_HISTORY_H_
#define SLUICE_QUEUE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "queue/message_id.h"

namespace sluice::queue {

enum class Direction : uint8_t { kInbound, kOutbound };

enum class Outcome : uint8_t {
  kDeferred,  // an attempt failed, and there will be another
  kDelivered,
  kFailed,            // refused for good by the next hop (5xx)
  kExpired,           // the deadline came; the last failure was not TLS
  kDeletedTlsPolicy,  // the deadline came; the last failure was TLS
  kDeletedByAdmin,
  kReturnedByAdmin,  // to its sender, with a notification
  kRefused,          // inbound: not taken from the client
  kWouldRefuse,      // inbound: taken, and would not have been if its entry enforced what it demands
};

struct HistoryEntry {
  // Set when the entry is written: times do not go back from one entry to the next, and sequences
  // count up over all of them.
  absl::Time time;
  uint64_t sequence = 0;

  Outcome outcome = Outcome::kDelivered;
  bool tls = false;  // TLS is what failed: "Processing: Check TLS"
  Direction direction = Direction::kOutbound;
  std::optional<MessageId> message_id;  // none: it was refused before it had one
  std::string sender;
  std::vector<std::string> recipients;
  std::string domain;             // that policy was asked about
  std::string entry;              // of the enforced-TLS list that matched; empty: none
  uint64_t entry_generation = 0;  // of the list when that entry was last changed
  std::string decided_by;         // whose demand it was tried under: "entry", "dane"; empty: none's
  int attempt = 0;                // from 1; 0: no attempt belongs to it
  std::optional<absl::Time> next_attempt;
  std::optional<absl::Time> deadline;
  std::string mx;
  std::string address;
  std::string source_address;  // that the connection came from, where one was chosen
  std::string stage;   // "dns", "connect", "banner", "ehlo", "starttls", "handshake", "verify", …
  std::string reason;  // "not_offered", "refused", "alert", "version", …; empty when TLS held
  std::string detail;  // the SMTP reply, the alert, the error; who deleted it, and why
  std::string tls_version;
  std::string cipher;
  std::string certificate;  // subject and fingerprint of what was seen
  std::string handshake;    // of one that failed: what was said in it, a line for each message
  // Its entry is in monitor mode, and would have deferred or refused this if it were enforced.
  bool monitored = false;
  // The message waits for its destination from now on: next_attempt is that of the next probe.
  bool parked = false;
  std::string chain;        // set when it is written: 32 octets (history_chain.h); empty: none
};

// Empty and unset fields match everything.
struct HistoryQuery {
  std::string domain;
  std::optional<MessageId> message_id;
  std::string sender;             // whole address, whatever the case
  std::string recipient;          // whole address, whatever the case
  std::vector<Outcome> outcomes;  // any of these
  std::optional<bool> tls;
  std::string stage;
  std::string reason;
  std::optional<bool> monitored;
  absl::Time since = absl::InfinitePast();    // inclusive
  absl::Time until = absl::InfiniteFuture();  // exclusive
  bool newest_first = true;
  std::string cursor;  // HistoryPage::next of the page before; empty: from the start
  size_t limit = 100;  // most entries on a page
  // Most entries that are looked at for one page, which bounds how long a call takes: half a second
  // or so. A page may be short, even empty, and yet have a next one.
  size_t most_scanned = 200'000;
};

struct HistoryPage {
  std::vector<HistoryEntry> entries;
  // Where to go on. Newest first: empty when there is no more. Oldest first: always set, so that a
  // caller can follow what is yet to come.
  std::string next;
};

// The rows themselves, oldest first, for who checks their chain.
struct HistoryRowQuery {
  absl::Time since = absl::InfinitePast();    // inclusive
  absl::Time until = absl::InfiniteFuture();  // exclusive
  std::string cursor;                         // HistoryRows::next of the page before
  size_t limit = 1000;
};

struct HistoryRows {
  struct Row {
    std::string key;
    std::string value;
  };
  std::string previous;  // the chain in front of the first row
  std::vector<Row> rows;
  std::string next;  // empty: no more
};

// The cursor of one entry: with it a query goes on after that entry, in its own direction.
std::string CursorOf(const HistoryEntry& entry);

}  // namespace sluice::queue

#endif  // SLUICE_QUEUE_HISTORY_H_
