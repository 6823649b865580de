#include "engine/relay/shard.h"

#include <algorithm>
#include <utility>

#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/planted_bug.h"
#include "engine/io/answer.h"
#include "engine/relay/delivery_log.h"
#include "engine/relay/identity.h"
#include "engine/relay/sender_wish.h"
#include "engine/smtp/stage.h"

namespace sluice::relay {
namespace {

// Lanes without work are forgotten after at most this.
constexpr absl::Duration kSweepEvery = absl::Seconds(30);
// How long a read from the store may take before the message waits for another time.
constexpr absl::Duration kStoreReadTimeout = absl::Seconds(30);
// What could not be written down is tried again after this, for as long as the gateway runs.
constexpr absl::Duration kStoreRetry = absl::Seconds(1);

smtp::ServerOptions ServerOptionsOf(const Settings& settings) {
  smtp::ServerOptions options;
  options.hostname = settings.hostname;
  options.limits.recipients = settings.max_recipients;
  options.limits.data.message_bytes = static_cast<size_t>(settings.max_message_size);
  options.command_timeout = settings.smtpd_command_timeout;
  options.data_timeout = settings.smtpd_data_timeout;
  options.session_timeout = settings.smtpd_session_timeout;
  options.handshake_timeout = settings.tls_handshake_timeout;
  return options;
}

smtp::ClientOptions ClientOptionsOf(const Settings& settings) {
  smtp::ClientOptions options;
  options.hostname = settings.hostname;
  options.chunking = settings.smtp_chunking;
  options.connect_timeout = settings.connect_timeout;
  options.handshake_timeout = settings.tls_handshake_timeout;
  for (absl::Duration* reply :
       {&options.banner_timeout, &options.ehlo_timeout, &options.starttls_timeout,
        &options.mail_timeout, &options.rcpt_timeout, &options.data_timeout}) {
    *reply = settings.smtp_reply_timeout;
  }
  options.body_timeout = settings.smtp_data_timeout;
  options.final_timeout = settings.smtp_data_timeout;
  return options;
}

}  // namespace

size_t OwnerIndex(absl::string_view domain, size_t shards) {
  // Not absl::Hash, which is another one in each process: who looks after a domain stays the same.
  return std::hash<std::string>()(std::string(domain)) % shards;
}

Shard::Shard(Parts parts)
    : core_(parts.core),
      settings_(parts.settings),
      spool_(parts.spool),
      resolver_(parts.resolver),
      server_context_(std::move(parts.server_context)),
      client_context_(std::move(parts.client_context)),
      mta_sts_(std::move(parts.mta_sts)),
      list_(std::move(parts.list)),
      server_options_(ServerOptionsOf(parts.settings)),
      client_options_(ClientOptionsOf(parts.settings)),
      ids_(parts.core.random()),
      writer_(parts.settings, ids_, parts.core.random()),
      parking_(*this, *this),
      tls_reports_(NewTlsReports(std::move(parts.report_context))),
      reception_(*this),
      body_budget_(parts.settings.max_body_memory),
      drained_(parts.core) {}

Shard::~Shard() = default;

void Shard::MeetOthers(absl::Span<Shard* const> shards) {
  shards_.assign(shards.begin(), shards.end());
  core_.Spawn(SweepLanes());
  if (mta_sts_ != nullptr) mta_sts_->Start();
  if (tls_reports_ != nullptr) tls_reports_->Start();
}

OutboundPolicy Shard::PolicyFor(absl::string_view domain) const {
  return OutboundPolicyOf(*list_, domain, settings_.default_tls_level);
}

void Shard::UseList(std::shared_ptr<const policy::Snapshot> list) {
  list_ = std::move(list);
  parking_.ListChanged();
}

absl::Status Shard::UseCertificates(std::shared_ptr<const tls::Credentials> own,
                                    std::shared_ptr<const tls::ClientCertificates> as_client) {
  client_context_->UseCertificates(std::move(as_client));
  return server_context_->Reload(std::move(own));
}

// ---- Clients

void Shard::Serve(std::unique_ptr<io::Listener> listener) {
  listeners_.insert(listener.get());
  core_.Spawn(AcceptClients(std::move(listener)));
}

io::Task<void> Shard::AcceptClients(std::unique_ptr<io::Listener> listener) {
  while (!draining_) {
    absl::StatusOr<std::unique_ptr<io::Connection>> connection = co_await listener->Accept();
    if (!connection.ok()) {
      if (absl::IsCancelled(connection.status())) break;
      log::WarningSome("accept_failed", connection.status().message(),
                       {{"error", connection.status().message()}});
      // Out of descriptors: clients wait in the kernel's backlog until some are free again.
      co_await core_.SleepUntil(core_.Now() + absl::Milliseconds(100));
      continue;
    }
    if (sessions_.size() >= static_cast<size_t>(settings_.max_sessions)) {
      counters_.connections_refused.Add();
      core_.Spawn(smtp::ServerSession::RefuseBusy(core_, *std::move(connection),
                                                  settings_.hostname));
      continue;
    }
    counters_.connections.Add();
    core_.Spawn(ServeClient(*std::move(connection)));
  }
  listeners_.erase(listener.get());
  co_await listener->Close();
}

io::Task<void> Shard::ServeClient(std::unique_ptr<io::Connection> connection) {
  smtp::ServerSession session(core_, std::move(connection), server_options_, reception_,
                              server_context_.get(), body_budget_);
  sessions_.insert(&session);
  if (draining_) session.Drain();
  co_await session.Run();
  sessions_.erase(&session);
  counters_.sessions_ended.Add();
}

// ---- Lanes

void Shard::Send(std::vector<Attempt> attempts) {
  for (Attempt& attempt : attempts) Dispatch(std::move(attempt));
}

Shard& Shard::OwnerOf(const HopTarget& target) {
  return target.by_mx ? *shards_[CoreOf(target.name)] : *this;
}

// A static route leaves from every core, so each has its share of the rates.
std::shared_ptr<LanePace> Shard::PaceFor(const HopTarget& target) {
  std::shared_ptr<LanePace>& pace = paces_[target.name];
  if (pace == nullptr) {
    const size_t share = target.by_mx ? 1 : shards_.size();
    pace = std::make_shared<LanePace>(LanePace::LimitsOf(settings_, share));
  }
  return pace;
}

void Shard::Dispatch(Attempt attempt) {
  HopTarget target =
      HopTargetOf(settings_.routes, attempt.envelope.destination, settings_.smtp_port,
                  settings_.hostname);
  target.dane = settings_.dane;
  Shard& owner = OwnerOf(target);
  if (&owner == this) {
    DispatchHere(std::move(attempt), std::move(target));
    return;
  }
  owner.core_.Run([&owner, attempt = std::move(attempt), target = std::move(target)]() mutable {
    owner.DispatchHere(std::move(attempt), std::move(target));
  });
}

void Shard::DispatchHere(Attempt attempt, HopTarget target) {
  if (draining_) {
    LeaveToSuccessor(attempt.envelope);
    return;
  }
  const Breaker* const breaker = parking_.Find(attempt.envelope.destination);
  if (breaker != nullptr && !attempt.envelope.past_breaker &&
      !SLUICE_PLANTED_BUG(ProbedByEachMessage)) {
    ParkInstead(std::move(attempt), *breaker);
    return;
  }
  OutboundPolicy policy = WithWishOf(attempt.envelope, PolicyFor(attempt.envelope.destination));
  std::unique_ptr<Lane>& lane = lanes_[LaneKeyOf(target, policy)];
  if (lane == nullptr) {
    std::shared_ptr<LanePace> pace = PaceFor(target);
    lane = std::make_unique<Lane>(static_cast<LaneHost&>(*this), std::move(target),
                                  std::move(policy), std::move(pace));
  }
  KeepBody(attempt);
  if (lane->Offer(attempt)) return;
  PutBackFor(std::move(attempt), lane->NextRoom() - core_.Now());
}

// Bodies stay in memory as long as there is room; the others are read again when their turn comes.
void Shard::KeepBody(Attempt& attempt) {
  if (!attempt.body.has_value()) return;
  const uint64_t bytes = attempt.body->size();
  attempt.envelope.body_bytes = bytes;  // of fresh mail the store alone has noted it
  if (counters_.kept_body_bytes.value() + bytes > settings_.max_body_memory) {
    attempt.body.reset();
  } else {
    counters_.kept_body_bytes.Add(bytes);
  }
}

void Shard::DropBody(Attempt& attempt) { (void)TakeBody(attempt); }

std::optional<io::Body> Shard::TakeBody(Attempt& attempt) {
  if (attempt.body.has_value()) counters_.kept_body_bytes.Subtract(attempt.body->size());
  return std::exchange(attempt.body, std::nullopt);
}

// Whether so much more may be kept. What only waits gives way to what is to be sent now; and one body
// may always be kept, however large it is.
bool Shard::MakeRoom(uint64_t bytes) {
  const auto fits = [this, bytes] {
    const uint64_t kept = counters_.kept_body_bytes.value();
    return kept == 0 || kept + bytes <= settings_.max_body_memory;
  };
  if (fits() || SLUICE_PLANTED_BUG(BodiesWithoutBound)) return true;
  for (const auto& [key, lane] : lanes_) lane->DropBodies();
  return fits();
}

io::Task<bool> Shard::LoadBody(Attempt& attempt) {
  const absl::Status read = co_await ReadBody(attempt);
  co_return read.ok();
}

io::Task<absl::Status> Shard::ReadBody(Attempt& attempt) {
  if (attempt.body.has_value()) co_return absl::OkStatus();
  const uint64_t bytes = attempt.envelope.body_bytes;
  if (!MakeRoom(bytes)) {
    log::InfoSome("body_memory_full", "--max_body_memory",
                  {{"id", attempt.envelope.id.ToString()},
                   {"bytes", bytes},
                   {"kept", counters_.kept_body_bytes.value()},
                   {"effect", "it is tried again a little later"}});
    co_return absl::ResourceExhaustedError("--max_body_memory is used up");
  }
  counters_.kept_body_bytes.Add(bytes);
  io::Answer<absl::StatusOr<io::Body>> loaded(core_);
  spool_.LoadBody(attempt.envelope.id, attempt.envelope.destination, loaded.Sender());
  std::optional<absl::StatusOr<io::Body>> answer =
      co_await loaded.Wait(core_.Now() + kStoreReadTimeout);
  counters_.kept_body_bytes.Subtract(bytes);
  const absl::Status status = answer.has_value()
                                  ? answer->status()
                                  : absl::DeadlineExceededError("the store did not answer in time");
  if (!status.ok()) {
    log::Error("body_not_read",
               {{"id", attempt.envelope.id.ToString()}, {"error", status.message()}});
    co_return status;
  }
  attempt.body = **std::move(answer);
  counters_.kept_body_bytes.Add(attempt.body->size());
  co_return absl::OkStatus();
}

void Shard::Redirect(Attempt attempt) {
  attempt.body = TakeBody(attempt);
  Dispatch(std::move(attempt));
}

void Shard::PutBack(Attempt attempt) { PutBackFor(std::move(attempt), kPutBackFor); }

void Shard::PutBackFor(Attempt attempt, absl::Duration time,
                       absl::AnyInvocable<void() &&> done) {
  DropBody(attempt);
  if (draining_) {
    LeaveToSuccessor(attempt.envelope);
    return;
  }
  if (SLUICE_PLANTED_BUG(PutBackForgotten)) return;
  spool_.Release(attempt.envelope.id, attempt.envelope.destination, spool_.Now() + time,
                 std::move(done));
}

// Due at once: whoever opens the queue next does not wait for the end of our lease.
void Shard::LeaveToSuccessor(const queue::Envelope& envelope) {
  spool_.Release(envelope.id, envelope.destination);
  if (envelope.parked) return;  // it is probed first
  queue::Selection selection;
  selection.message_id = envelope.id;
  selection.destination = envelope.destination;
  spool_.RetryNow(std::move(selection), [](absl::StatusOr<uint64_t> made_due) {
    if (!made_due.ok()) log::Warning("not_made_due", {{"error", made_due.status().message()}});
  });
}

io::Task<void> Shard::SweepLanes() {
  while (!draining_) {
    co_await drained_.Wait(core_.Now() + kSweepEvery);
    absl::erase_if(lanes_, [](const auto& item) { return item.second->idle(); });
    absl::erase_if(paces_, [now = core_.Now()](const auto& item) {
      return item.second.use_count() == 1 && item.second->Forgettable(now);
    });
  }
}

// ---- What became of it

void Shard::Conclude(Attempt attempt, const AttemptReport& ended) {
  const std::optional<AttemptReport> suspicious = SuspectStripping(ended);
  const AttemptReport& report = suspicious.has_value() ? *suspicious : ended;
  std::optional<io::Body> body = TakeBody(attempt);
  OutcomeWriter::Written written =
      writer_.OfAttempt(std::move(attempt.envelope), report, spool_.Now());
  parking_.AttemptEnded(report, written);
  Count(written);
  LogDelivery(written, report, spool_.Now());
  if (!written.result.park) {
    core_.Spawn(Record(std::move(written), std::move(body)));
    return;
  }
  counters_.parked.Add();
  core_.Spawn(RecordParked(std::move(written), std::move(body)));
}

void Shard::Count(const OutcomeWriter::Written& written) {
  counters_.delivered.Add(static_cast<uint64_t>(written.delivered));
  counters_.failed.Add(static_cast<uint64_t>(written.refused));
  if (written.deferred) counters_.deferred.Add();
  if (written.tls_failed) counters_.tls_deferred.Add();
  if (written.delivered > 0) {
    counters_.queue_latency.Observe(spool_.Now() - written.result.envelope.accepted_at);
  }
}

void Shard::Expire(queue::Envelope envelope) {
  core_.Spawn(Record(writer_.OfExpiry(std::move(envelope), spool_.Now()), std::nullopt));
}

void Shard::CountExpiry(const OutcomeWriter::Written& written) {
  counters_.expired.Add();
  if (written.tls_failed) counters_.deleted_tls_policy.Add();
  const queue::HistoryEntry& entry = written.result.history.front();
  log::Warning(written.tls_failed ? "deleted_tls_policy" : "expired",
               {{"id", written.result.envelope.id.ToString()},
                {"from", entry.sender},
                {"domain", entry.domain},
                {"recipients", entry.recipients.size()},
                {"detail", entry.detail}});
}

// Brings the notifications into the result. An error: the original cannot be read now. One that is
// damaged never can be: then they go without its headers. A notice of delay can wait.
io::Task<absl::Status> Shard::AddNotifications(OutcomeWriter::Written& written,
                                               std::optional<io::Body> body,
                                               std::vector<Attempt>& notifications) {
  const bool only_delayed = written.failed.empty() && written.relayed.empty();
  if (only_delayed && written.delayed.empty()) co_return absl::OkStatus();
  Attempt original{written.result.envelope, std::move(body)};
  if (!original.body.has_value()) {
    const absl::Status loaded = co_await ReadBody(original);
    if (loaded.ok()) {
      original.body = TakeBody(original);
    } else if (absl::IsDataLoss(loaded)) {
      original.body = io::Body();
    } else if (only_delayed) {
      written.PutOffDelayNotice();
      co_return absl::OkStatus();
    } else {
      co_return loaded;
    }
  }
  for (Notice& notice : written.TakeNotices()) {
    queue::NewMessage notification =
        writer_.Notification(written.result.envelope, std::move(notice), *original.body,
                             spool_.Now(), spool_.WallAhead());
    notifications.push_back({notification.envelopes.front(), notification.body});
    if (!SLUICE_PLANTED_BUG(NotificationForgotten)) {
      written.result.notifications.push_back(std::move(notification));
    }
  }
  co_return absl::OkStatus();
}

// Until it is written down the message stays in flight: nobody else tries it, and after a crash it is
// tried again.
io::Task<void> Shard::Record(OutcomeWriter::Written written, std::optional<io::Body> body) {
  std::vector<Attempt> notifications;
  const queue::MessageId id = written.result.envelope.id;
  const std::string destination = written.result.envelope.destination;
  while (true) {
    const absl::Status notified =
        co_await AddNotifications(written, std::exchange(body, std::nullopt), notifications);
    if (notified.ok()) break;
    if (draining_) {
      spool_.Release(id, destination);
      co_return;
    }
    co_await core_.SleepUntil(core_.Now() + kPutBackFor);
  }
  bool told = false;
  while (true) {
    io::Answer<absl::StatusOr<queue::Afterwards>> finished(core_);
    spool_.Finish(written.result, finished.Sender());
    const std::optional<absl::StatusOr<queue::Afterwards>> answer =
        co_await finished.Wait(MonoTime::Never());  // the store answers everything it is asked
    const absl::Status status = answer->status();
    if (status.ok()) {
      if (told) log::Info("outcome_written", {{"id", id.ToString()}});
      if (written.expired) CountExpiry(written);
      for (Attempt& attempt : notifications) Dispatch(std::move(attempt));
      if (**answer == queue::Afterwards::kExpired && !SLUICE_PLANTED_BUG(ExpiryInOneStateOnly)) {
        Expire(written.result.envelope);
      }
      co_return;
    }
    // Told once: a disk that fails for hours must not fill another with it.
    if (!std::exchange(told, true)) {
      log::Error("outcome_not_written", {{"id", id.ToString()},
                                         {"error", status.message()},
                                         {"effect", "it is not tried again until it is written"}});
    }
    if (absl::IsCancelled(status) || absl::IsFailedPrecondition(status)) {
      co_return;  // the store is closed, or knows better
    }
    if (absl::IsInvalidArgument(status)) {
      // A notification that cannot be stored: the message itself goes on without one.
      notifications.clear();
      written.result.notifications.clear();
    }
    if (draining_) {
      spool_.Release(id, destination);
      co_return;
    }
    co_await core_.SleepUntil(core_.Now() + kStoreRetry);
  }
}

// ---- The end

void Shard::Drain() {
  if (std::exchange(draining_, true)) return;
  for (io::Listener* listener : listeners_) listener->Stop();
  for (smtp::ServerSession* session : sessions_) session->Drain();
  for (auto& [key, lane] : lanes_) lane->Drain();
  if (mta_sts_ != nullptr) mta_sts_->Stop();
  if (tls_reports_ != nullptr) tls_reports_->Stop();
  parking_.Drain();
  drained_.NotifyAll();
}

void Shard::Abort() {
  for (smtp::ServerSession* session : sessions_) session->Abort();
  for (auto& [key, lane] : lanes_) lane->Abort();
}

}  // namespace sluice::relay
