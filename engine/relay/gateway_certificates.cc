// The certificates that the gateway shows, to its clients and to servers that ask for one: what
// they are, reading them anew, and warnings of those that expire or are not there.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/relay/gateway.h"

namespace sluice::relay {
namespace {

std::vector<ServedCertificate> CertificatesOf(const tls::Credentials& credentials,
                                              const std::string& client_name) {
  std::vector<ServedCertificate> result;
  for (const tls::Credentials::Served& served : credentials.served()) {
    ServedCertificate certificate;
    certificate.file = served.file;
    certificate.client_name = client_name;
    certificate.chain.push_back(served.details);
    certificate.chain.insert(certificate.chain.end(), served.chain.begin(), served.chain.end());
    result.push_back(std::move(certificate));
  }
  return result;
}

std::string NamesOf(const std::vector<tls::ClientCertificateFiles>& files) {
  if (files.empty()) return "none";
  return absl::StrJoin(files, ", ", [](std::string* out, const tls::ClientCertificateFiles& one) {
    absl::StrAppend(out, one.name);
  });
}

bool IsThere(const std::vector<tls::ClientCertificateFiles>& files, absl::string_view name) {
  for (const tls::ClientCertificateFiles& one : files) {
    if (one.name == name) return true;
  }
  return name.empty();
}

std::string NotThere(const std::vector<tls::ClientCertificateFiles>& files,
                     absl::string_view name) {
  return absl::StrCat("client_certificate: ", name,
                      " is none of those that --client_certificate has: ", NamesOf(files));
}

}  // namespace

absl::StatusOr<std::vector<ServedCertificate>> Gateway::Certificates(MonoTime /*deadline*/) {
  const absl::MutexLock lock(&credentials_mutex_);
  std::vector<ServedCertificate> result = CertificatesOf(*credentials_, "");
  for (const auto& [name, credentials] : client_certificates_->all()) {
    for (ServedCertificate& one : CertificatesOf(*credentials, name)) {
      result.push_back(std::move(one));
    }
  }
  return result;
}

absl::Status Gateway::ReloadCertificates(absl::string_view by, MonoTime deadline) {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const tls::Credentials> own,
                          signer_->Load(options_.credential_files, deadline));
  SLUICE_ASSIGN_OR_RETURN(
      std::shared_ptr<const tls::ClientCertificates> as_client,
      tls::ClientCertificates::Load(options_.client_certificate_files, *signer_, deadline));
  SLUICE_RETURN_IF_ERROR(OnEveryCore(
      [own, as_client](Shard& shard) { return shard.UseCertificates(own, as_client); }, deadline));
  log::Info("certificates_reloaded", {{"by", by},
                                      {"count", own->served().size()},
                                      {"client_certificates", as_client->all().size()}});
  {
    const absl::MutexLock lock(&credentials_mutex_);
    credentials_ = std::move(own);
    client_certificates_ = std::move(as_client);
  }
  WarnOfOwnCertificates();
  return absl::OkStatus();
}

void Gateway::WarnOfOwnCertificates() {
  const absl::StatusOr<std::vector<ServedCertificate>> certificates =
      Certificates(MonoTime::Never());
  const absl::Time now = clock_.WallNow();
  for (const ServedCertificate& certificate : *certificates) {
    const tls::CertificateDetails& leaf = certificate.chain.front();
    const absl::Duration left = leaf.not_after - now;
    if (left >= options_.settings.certificate_warning) continue;
    log::Warning(
        left > absl::ZeroDuration() ? "certificate_expires" : "certificate_expired",
        {{"file", certificate.file},
         {"client_certificate", certificate.client_name},
         {"subject", leaf.subject},
         {"not_after", absl::FormatTime(absl::RFC3339_sec, leaf.not_after, absl::UTCTimeZone())},
         {"days_left", absl::ToInt64Hours(left) / 24},
         {"action", "put a new one in its place, then 'sluicectl reload'"}});
  }
}

// An entry that was on the list under other flags may stay: mail under it waits (identity.h).
std::vector<policy::Fault> Gateway::FaultsOf(const policy::Transaction& transaction) const {
  const std::vector<tls::ClientCertificateFiles>& files = options_.client_certificate_files;
  const std::shared_ptr<const policy::Snapshot> list = table_->current();
  std::vector<policy::Fault> faults;
  for (const policy::Change& change : transaction.changes) {
    const std::string& name = change.entry.client_certificate;
    if (change.kind == policy::Change::Kind::kRemove || IsThere(files, name)) continue;
    const policy::EntryPtr before = list->Find(change.entry.pattern);
    if (before != nullptr && before->client_certificate == name) continue;
    faults.push_back({change.line, NotThere(files, name)});
  }
  return faults;
}

std::vector<std::string> Gateway::WarningsOf(const policy::Entry& entry) {
  std::vector<std::string> warnings;
  for (const io::SocketAddress& address : SourceAddresses::Of(entry.source_addresses).All()) {
    const absl::Status usable = machine_.CheckSource(address);
    if (usable.ok()) continue;
    warnings.push_back(absl::StrCat("source_addresses: ", usable.message(),
                                    "; mail that is to come from there waits until it is"));
  }
  if (!IsThere(options_.client_certificate_files, entry.client_certificate)) {
    warnings.push_back(
        absl::StrCat(NotThere(options_.client_certificate_files, entry.client_certificate),
                     "; mail that is to show it waits until it is"));
  }
  return warnings;
}

}  // namespace sluice::relay
