#include "engine/relay/gateway.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"
#include "engine/relay/reply.h"
#include "policy/entry_codec.h"

namespace sluice::relay {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
// What is aborted needs a moment to end; DNS lookups run to their own deadline of 30 s.
constexpr absl::Duration kAbortTimeout = absl::Seconds(40);
// How often a drain looks whether the cores are idle.
constexpr absl::Duration kIdleLook = absl::Milliseconds(5);

}  // namespace

Gateway::Gateway(GatewayOptions options, io::Machine& machine)
    : options_(std::move(options)),
      machine_(machine),
      clock_(machine.clock()),
      started_at_(clock_.WallNow()),
      started_(clock_.MonoNow()) {}

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Start(GatewayOptions options,
                                                        io::Machine& machine) {
  std::unique_ptr<Gateway> gateway(new Gateway(std::move(options), machine));
  SLUICE_RETURN_IF_ERROR(gateway->OpenStore());
  SLUICE_RETURN_IF_ERROR(gateway->LoadList());
  SLUICE_RETURN_IF_ERROR(gateway->StartSigner());
  SLUICE_RETURN_IF_ERROR(gateway->StartShards());
  SLUICE_RETURN_IF_ERROR(gateway->Listen());
  return gateway;
}

absl::Status Gateway::OpenStore() {
  store_thread_ = machine_.NewExecutor("sluice-store", 1, io::Urgency::kMailWaits);
  reader_thread_ = machine_.NewExecutor("sluice-reader", 2, io::Urgency::kBackground);
  queue::SpoolOptions spool = options_.spool;
  spool.clock = &clock_;
  spool.store = store_thread_.get();
  spool.readers = reader_thread_.get();
  SLUICE_ASSIGN_OR_RETURN(spool_, queue::Spool::Open(std::move(spool)));
  return absl::OkStatus();
}

absl::Status Gateway::LoadList() {
  SLUICE_ASSIGN_OR_RETURN(const queue::PolicyRows rows, spool_->ReadPolicy());
  std::vector<policy::Entry> entries;
  entries.reserve(rows.rows.size());
  for (const auto& [key, value] : rows.rows) {
    // An entry that cannot be read must not be passed over: its domain would be let through.
    SLUICE_ASSIGN_OR_RETURN(policy::Entry entry, policy::DecodeEntry(key, value));
    entries.push_back(std::move(entry));
  }
  SLUICE_ASSIGN_OR_RETURN(table_, policy::Table::Load(std::move(entries), rows.generation));
  return absl::OkStatus();
}

absl::Status Gateway::StartSigner() {
  if (options_.start_signer != nullptr) {
    SLUICE_ASSIGN_OR_RETURN(signer_, options_.start_signer());
    return absl::OkStatus();
  }
  signer_thread_ = machine_.NewExecutor("sluice-signer", options_.signer_threads,
                                        io::Urgency::kBackground);
  signer_ = std::make_unique<tls::InlineSigner>(*signer_thread_);
  return absl::OkStatus();
}

absl::Status Gateway::StartShards() {
  SLUICE_ASSIGN_OR_RETURN(
      std::shared_ptr<const tls::Credentials> credentials,
      signer_->Load(options_.credential_files, clock_.MonoNow() + kStartTimeout));
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const tls::ClientCertificates> client_certificates,
                          tls::ClientCertificates::Load(options_.client_certificate_files, *signer_,
                                                        clock_.MonoNow() + kStartTimeout));
  SLUICE_ASSIGN_OR_RETURN(const std::shared_ptr<const tls::TrustStore> trust,
                          tls::TrustStore::Load(options_.trust_store));
  std::shared_ptr<const tls::TrustStore> web_trust = trust;
  const bool web = options_.settings.mta_sts || options_.settings.tls_reports != nullptr;
  if (web && options_.mta_sts_trust_store != options_.trust_store) {
    SLUICE_ASSIGN_OR_RETURN(web_trust, tls::TrustStore::Load(options_.mta_sts_trust_store));
  }
  {
    const absl::MutexLock lock(&credentials_mutex_);
    credentials_ = credentials;
    client_certificates_ = client_certificates;
  }
  ticket_keys_ = std::make_unique<tls::TicketKeys>(clock_, options_.ticket_lifetime);
  SLUICE_ASSIGN_OR_RETURN(engine_, machine_.StartEngine(options_.engine));
  SLUICE_ASSIGN_OR_RETURN(resolver_, options_.start_resolver());
  std::vector<Shard*> pointers;
  for (int i = 0; i < engine_->size(); ++i) {
    SLUICE_ASSIGN_OR_RETURN(
        std::unique_ptr<tls::ServerContext> server,
        tls::ServerContext::Create(options_.ciphers, credentials, *ticket_keys_, *signer_));
    SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<tls::ClientContext> client,
                            tls::ClientContext::Create(options_.ciphers, trust, clock_));
    client->UseCertificates(client_certificates);
    SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<MtaSts> mta_sts, NewMtaSts(engine_->core(i), web_trust));
    std::unique_ptr<tls::ClientContext> report_context;
    if (options_.settings.tls_reports != nullptr) {
      SLUICE_ASSIGN_OR_RETURN(report_context,
                              tls::ClientContext::Create(options_.ciphers, web_trust, clock_));
    }
    shards_.push_back(std::make_unique<Shard>(
        Shard::Parts{engine_->core(i), options_.settings, *spool_, *resolver_, std::move(server),
                     std::move(client), std::move(mta_sts), std::move(report_context),
                     table_->current()}));
    pointers.push_back(shards_.back().get());
  }
  SLUICE_RETURN_IF_ERROR(LoadMtaSts());
  SLUICE_RETURN_IF_ERROR(LoadTlsReports());
  scheduler_ = std::make_unique<Scheduler>(engine_->core(0), options_.settings, *spool_, pointers,
                                           [this] { WarnOfOwnCertificates(); });
  SLUICE_ASSIGN_OR_RETURN(const std::vector<queue::ParkedDestination> parked,
                          spool_->ReadParked());
  SLUICE_RETURN_IF_ERROR(OnEveryCore(
      [pointers](Shard& shard) {
        shard.MeetOthers(pointers);
        return absl::OkStatus();
      },
      clock_.MonoNow() + kStartTimeout));
  SLUICE_RETURN_IF_ERROR(OnEveryCore(
      [&parked](Shard& shard) {
        shard.RestoreParked(parked);
        return absl::OkStatus();
      },
      MonoTime::Never()));  // they look at `parked`
  engine_->core(0).Run([this] { scheduler_->Start(); });
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<MtaSts>> Gateway::NewMtaSts(
    io::Core& core, std::shared_ptr<const tls::TrustStore> trust) const {
  if (!options_.settings.mta_sts) return nullptr;
  SLUICE_ASSIGN_OR_RETURN(std::unique_ptr<tls::ClientContext> context,
                          tls::ClientContext::Create(options_.ciphers, trust, clock_));
  return std::make_unique<MtaSts>(core, *resolver_, *spool_, std::move(context),
                                  options_.settings.mta_sts_check_interval);
}

absl::Status Gateway::LoadMtaSts() {
  if (!options_.settings.mta_sts) return absl::OkStatus();
  SLUICE_ASSIGN_OR_RETURN(const queue::SideRows rows, spool_->ReadMtaSts());
  for (const auto& [domain, row] : rows) OwnerOf(domain).mta_sts()->Remember(domain, row);
  return absl::OkStatus();
}

Shard& Gateway::OwnerOf(absl::string_view domain) const {
  return *shards_[OwnerIndex(domain, shards_.size())];
}

absl::Status Gateway::Listen() {
  // The cores find out one after the other which port it is. Shared, as in OnEveryCore.
  struct Place {
    absl::Mutex mutex;
    io::SocketAddress address;
  };
  for (const io::SocketAddress& address : options_.settings.listen) {
    auto place = std::make_shared<Place>();
    place->address = address;
    const absl::Status status = OnEveryCore(
        [place](Shard& shard) -> absl::Status {
          const absl::MutexLock lock(&place->mutex);
          absl::StatusOr<std::unique_ptr<io::Listener>> listener =
              shard.core().Listen(place->address);
          if (!listener.ok()) return listener.status();
          place->address = (*listener)->address();
          shard.Serve(*std::move(listener));
          return absl::OkStatus();
        },
        clock_.MonoNow() + kStartTimeout);
    if (!status.ok()) {
      const bool busy = absl::IsAlreadyExists(status);
      const bool denied = absl::IsPermissionDenied(status);
      return absl::FailedPreconditionError(absl::StrCat(
          "--listen=", address.ToString(), ": ", status.message(),
          busy     ? "; stop the program that has the port ('ss -ltnp' shows it), or name another"
          : denied ? "; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE"
                   : ""));
    }
    const absl::MutexLock lock(&place->mutex);
    listeners_.push_back(place->address.ToString());
  }
  return absl::OkStatus();
}

absl::Status Gateway::OnEveryCore(std::function<absl::Status(Shard&)> function,
                                  MonoTime deadline) {
  // Shared, since a core that is too late still finishes its part.
  struct Gathering {
    absl::Mutex mutex;
    size_t missing = 0;
    absl::Status status;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->missing = shards_.size();
  for (const auto& shard : shards_) {
    shard->core().Run([gathering, function, &shard = *shard] {
      const absl::Status status = function(shard);
      const absl::MutexLock lock(&gathering->mutex);
      gathering->status.Update(status);
      --gathering->missing;
    });
  }
  const absl::MutexLock lock(&gathering->mutex);
  const auto all = [&gathering] {
    gathering->mutex.AssertReaderHeld();
    return gathering->missing == 0;
  };
  if (!machine_.Await(gathering->mutex, absl::Condition(&all), deadline)) {
    return absl::DeadlineExceededError("a core did not answer in time");
  }
  return gathering->status;
}

size_t Gateway::LiveTasks() {
  auto total = std::make_shared<std::atomic<size_t>>(0);
  const absl::Status counted = OnEveryCore(
      [total](Shard& shard) {
        *total += shard.core().live_tasks();
        return absl::OkStatus();
      },
      clock_.MonoNow() + absl::Seconds(10));
  return counted.ok() ? total->load() : 1;
}

bool Gateway::WaitUntilIdle(MonoTime deadline) {
  absl::Mutex mutex;
  const absl::MutexLock lock(&mutex);
  while (LiveTasks() > 0) {
    const MonoTime now = clock_.MonoNow();
    if (now >= deadline) return false;
    bool never = false;
    machine_.Await(mutex, absl::Condition(&never), now + kIdleLook);
  }
  return true;
}

void Gateway::Drain() {
  if (std::exchange(drained_, true)) return;
  draining_ = true;
  const auto on_shards = [this](void (Shard::*function)()) {
    const absl::Status status = OnEveryCore(
        [function](Shard& shard) {
          (shard.*function)();
          return absl::OkStatus();
        },
        clock_.MonoNow() + kStartTimeout);
    if (!status.ok()) log::Error("drain", {{"error", status.message()}});
  };
  if (scheduler_ != nullptr) engine_->core(0).Run([this] { scheduler_->Stop(); });
  if (engine_ != nullptr) {
    on_shards(&Shard::Drain);
    if (!WaitUntilIdle(clock_.MonoNow() + options_.settings.drain_timeout)) {
      log::Warning("drain_timeout", {{"timeout", absl::FormatDuration(options_.settings.drain_timeout)}});
      on_shards(&Shard::Abort);
      WaitUntilIdle(clock_.MonoNow() + kAbortTimeout);
    }
  }
  if (spool_ != nullptr) {
    Reply<absl::Status> closed;
    spool_->Close(closed.Sender());
    const absl::Status status = *closed.Wait(machine_, MonoTime::Never());
    if (!status.ok()) log::Error("store_close", {{"error", status.message()}});
  }
}

Gateway::~Gateway() {
  Drain();
  if (engine_ != nullptr) engine_->Stop();
  signer_.reset();  // what it still answers, though nobody waits for it, goes to a core's mailbox
}

}  // namespace sluice::relay
