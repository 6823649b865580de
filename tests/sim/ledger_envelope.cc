// The books as a next hop hears an envelope: whether it may, over this connection.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/sim/ledger.h"

namespace sluice::sim {

std::string Ledger::BreachOf(const policy::Entry& entry, const Heard& heard) const {
  if (entry.mode != policy::Mode::kEnforce) return "";
  const auto has = [](const std::vector<std::string>& all, absl::string_view one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  const Faces& faces = *heard.host.faces;
  // By chain and name, or by fingerprint.
  const bool checked = entry.level != policy::Level::kEncrypt;
  if (heard.tls == nullptr) return "in clear";
  if (entry.minimum_version == policy::TlsVersion::kTls13 &&
      heard.tls->version != tls::Version::kTls13) {
    return absl::StrCat("under ", heard.tls->version_name);
  }
  if (checked && heard.proof != Proof::kGood) {
    return absl::StrCat("to a certificate that is ", ProofName(heard.proof));
  }
  if (entry.level == policy::Level::kDaneOnly && !heard.host.announces) {
    return "to a host that announces no certificate";
  }
  if (entry.level == policy::Level::kSecure && !has(faces.names(), DomainOf(heard.recipient))) {
    return "to a certificate of another domain";
  }
  if (entry.level == policy::Level::kFingerprint && !has(entry.fingerprints, faces.fingerprint())) {
    return "to a certificate with another fingerprint";
  }
  return "";
}

void Ledger::CheckList(const Heard& heard) const {
  std::string breach;
  for (const policy::Entry* entry : PossibleEntries(
           DomainOf(heard.recipient), policy::Direction::kOutbound, heard.mail_from_at)) {
    breach = entry == nullptr ? "" : BreachOf(*entry, heard);
    if (breach.empty()) return;
  }
  Broken("mail of an enforced domain never travels in clear",
         absl::StrCat(heard.recipient, " went to ", heard.host.name, " ", breach));
}

// What the host announces in signed DNS, and where it does not, what the domain does by MTA-STS.
void Ledger::CheckPublished(const Heard& heard) const {
  const Letter* const letter = FindLetter(TokenOf(heard.recipient));
  // A notification to its sender is another message.
  const bool waived = letter != nullptr && letter->tls_optional &&
                      std::find(letter->recipients.begin(), letter->recipients.end(),
                                heard.recipient) != letter->recipients.end();
  if (waived) return;
  const bool proven = heard.tls != nullptr && heard.proof == Proof::kGood;
  const std::string how =
      absl::StrCat(heard.recipient, " went to ", heard.host.name,
                   heard.tls == nullptr ? ", in clear" : ", whose certificate was ",
                   heard.tls == nullptr ? "" : ProofName(heard.proof));
  if (heard.host.announces) {
    if (!proven) Broken("mail goes to no certificate but the one that a host announces", how);
    return;
  }
  const Domain* const domain = town_.Find(DomainOf(heard.recipient));
  if (domain == nullptr || domain->static_route != nullptr || TimeIsUncertain()) return;
  std::vector<std::string> named;
  for (const std::optional<StsPolicy>& policy :
       policies_.Possible(domain->name, heard.mail_from_at, world_.Now())) {
    if (!policy.has_value() || policy->mode != sts::Mode::kEnforce) return;
    if (proven && policy->Names(heard.host.name)) return;
    named = policy->mx;
  }
  Broken("mail goes to no host but those that an MTA-STS policy names",
         absl::StrCat(how, "; named are ", absl::StrJoin(named, ", ")));
}

}  // namespace sluice::sim
