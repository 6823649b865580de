#include "engine/dns/unbound_resolver.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "engine/dns/unbound_config.h"
#include "engine/io/answer.h"

namespace sluice::dns {
namespace {

constexpr int kClassIn = 1;

struct ContextDelete {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
using Context = std::unique_ptr<ub_ctx, ContextDelete>;

absl::Status UnboundStatus(int error, absl::string_view attempted) {
  return absl::FailedPreconditionError(
      absl::StrCat("--dns_config: ", attempted, ": ", ub_strerror(error)));
}

absl::Status TrustAnchorStatus(absl::string_view path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--dnssec_trust_anchor: ", path, " cannot be used: ", why,
      "; it takes a file of DS or DNSKEY records, such as /usr/share/dns/root.key (package "
      "dns-root-data), or nothing"));
}

// For a relay's load; a file given with unbound: may set each of them otherwise.
constexpr struct {
  const char* name;
  const char* value;
} kOptions[] = {
    // A forwarder may be a local resolver.
    {"do-not-query-localhost:", "no"},
    // After an outage of the forwarder ask it again at once, and not minutes later.
    {"infra-keep-probing:", "yes"},
    {"infra-host-ttl:", "60"},
    // The library's own defaults are those of a desktop program.
    {"msg-cache-size:", "16m"},
    {"rrset-cache-size:", "32m"},
    {"num-queries-per-thread:", "4096"},
    {"outgoing-range:", "512"},
};

absl::Status ApplyConfig(const UnboundConfig& config, ub_ctx* context) {
  for (const auto& option : kOptions) {
    if (const int error = ub_ctx_set_option(context, option.name, option.value); error != 0) {
      return UnboundStatus(error, option.name);
    }
  }
  if (!config.unbound_path.empty()) {
    const int error = ub_ctx_config(context, config.unbound_path.c_str());
    if (error != 0) return UnboundStatus(error, config.unbound_path);
  }
  if (!config.resolv_path.empty()) {
    const int error = ub_ctx_resolvconf(context, config.resolv_path.c_str());
    if (error != 0) return UnboundStatus(error, config.resolv_path);
  }
  for (const std::string& forwarder : config.forwarders) {
    const int error = ub_ctx_set_fwd(context, forwarder.c_str());
    if (error != 0) return UnboundStatus(error, forwarder);
  }
  return absl::OkStatus();
}

absl::StatusOr<Context> MakeContext(const UnboundConfig& config, const std::string& trust_anchor) {
  Context context(ub_ctx_create());
  if (context == nullptr) return absl::ResourceExhaustedError("no memory for the DNS resolver");
  SLUICE_RETURN_IF_ERROR(ApplyConfig(config, context.get()));
  if (!trust_anchor.empty()) {
    const int error = ub_ctx_add_ta_file(context.get(), trust_anchor.c_str());
    if (error != 0) return TrustAnchorStatus(trust_anchor, ub_strerror(error));
  }
  // A thread of its own for the resolving, not a process.
  if (const int error = ub_ctx_async(context.get(), 1); error != 0) {
    return UnboundStatus(error, "cannot resolve in a thread");
  }
  // Unbound would answer for "test" itself, that nothing exists there. With forwarders it is theirs
  // (RFC 6761 §6.2.4); a configuration file decides by itself, and loses a zone that it has not
  // got. Also, Unbound looks at its configuration as a whole when it is first used, which is here:
  // faults come to light now.
  const char* const zone = config.unbound_path.empty() ? "test." : "none.invalid.";
  if (const int error = ub_ctx_zone_remove(context.get(), zone); error != 0) {
    if (!trust_anchor.empty()) {
      return TrustAnchorStatus(trust_anchor, "it or --dns_config is refused as a whole");
    }
    return UnboundStatus(error, "the configuration cannot be used");
  }
  // From here on the log is ours alone.
  ub_ctx_debugout(context.get(), nullptr);
  return context;
}

Response ToResponse(const ub_result& result) {
  Response response;
  response.rcode = result.rcode;
  response.name_exists = result.nxdomain == 0;
  response.secure = result.secure != 0;
  if (result.canonname != nullptr) response.canonical = result.canonname;
  if (result.bogus != 0) response.bogus = result.why_bogus != nullptr ? result.why_bogus : "bogus";
  if (result.havedata != 0) {
    for (int i = 0; result.data[i] != nullptr; ++i) {
      response.records.emplace_back(result.data[i], static_cast<size_t>(result.len[i]));
    }
  }
  return response;
}

absl::Status NoAnswerInTime(absl::string_view name, RecordType type) {
  return absl::UnavailableError(absl::StrCat(
      "no DNS server answered for the ", RecordTypeName(type), " records of ", name, " in time"));
}

}  // namespace

// The service thread, and what waits for it.
class UnboundResolver::Service {
 public:
  using Sender = absl::AnyInvocable<void(absl::StatusOr<Response>) &&>;

  Service(Context context, const Clock& clock, size_t max_pending, int doorbell)
      : context_(std::move(context)),
        clock_(clock),
        max_pending_(max_pending),
        doorbell_(doorbell),
        thread_([this] { Run(); }) {}

  ~Service() {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    Ring();
    thread_.join();
    context_.reset();  // ends unbound's thread; nothing is called back
    close(doorbell_);
  }

  // Any thread. `sender` is called once, on the service thread, or at once when there is no room.
  void Ask(std::string name, RecordType type, MonoTime deadline, Sender sender) {
    if (!Enqueue(name, type, deadline, sender)) {
      std::move(sender)(absl::UnavailableError(absl::StrCat(
          "the resolver is overloaded: ", max_pending_, " questions wait for an answer")));
    }
  }

 private:
  struct Question {
    Service* service;
    std::string name;
    RecordType type;
    MonoTime deadline;
    Sender sender;
    int id = 0;  // unbound's
  };
  using Questions = std::multimap<MonoTime, std::unique_ptr<Question>>;

  // False, with `sender` untouched, when there is no room.
  bool Enqueue(std::string& name, RecordType type, MonoTime deadline, Sender& sender) {
    absl::MutexLock lock(&mutex_);
    if (pending_count_ >= max_pending_) return false;
    ++pending_count_;
    asked_.push_back(std::make_unique<Question>(
        Question{this, std::move(name), type, deadline, std::move(sender)}));
    if (asked_.size() == 1) Ring();
    return true;
  }

  void Ring() const {
    const uint64_t one = 1;
    SLUICE_CHECK(write(doorbell_, &one, sizeof(one)) == sizeof(one));
  }

  void Run() {
    pthread_setname_np(pthread_self(), "dns");
    while (TakeQuestions()) {
      pollfd ready[] = {{doorbell_, POLLIN, 0}, {ub_fd(context_.get()), POLLIN, 0}};
      if (poll(ready, std::size(ready), WaitMs()) < 0) SLUICE_CHECK(errno == EINTR);
      uint64_t rings = 0;
      if ((ready[0].revents & POLLIN) != 0) {
        SLUICE_CHECK(read(doorbell_, &rings, sizeof(rings)) == sizeof(rings));
      }
      // Its errors are a broken pipe to unbound's thread and a lack of memory: the questions then
      // run into their deadlines.
      if ((ready[1].revents & POLLIN) != 0) ub_process(context_.get());
      Expire();
    }
    // Senders that are dropped answer Cancelled.
    pending_.clear();
  }

  // False once the resolver is to stop.
  bool TakeQuestions() {
    std::vector<std::unique_ptr<Question>> asked;
    {
      absl::MutexLock lock(&mutex_);
      asked.swap(asked_);
      if (stopping_) return false;
    }
    for (std::unique_ptr<Question>& question : asked) Start(std::move(question));
    return true;
  }

  void Start(std::unique_ptr<Question> question) {
    Question& started = *question;
    pending_.emplace(started.deadline, std::move(question));
    const int error =
        ub_resolve_async(context_.get(), started.name.c_str(), static_cast<int>(started.type),
                         kClassIn, &started, &Service::OnResult, &started.id);
    if (error != 0) Finish(started, UnavailableFor(started, error));
  }

  static void OnResult(void* argument, int error, ub_result* result) {
    auto& question = *static_cast<Question*>(argument);
    Service& service = *question.service;
    if (error != 0 || result == nullptr) {
      service.Finish(question, UnavailableFor(question, error));
    } else {
      service.Finish(question, ToResponse(*result));
    }
    ub_resolve_free(result);
  }

  static absl::Status UnavailableFor(const Question& question, int error) {
    return absl::UnavailableError(absl::StrCat("no ", RecordTypeName(question.type), " records of ",
                                               question.name, ": ", ub_strerror(error)));
  }

  // Destroys the question.
  void Finish(Question& question, absl::StatusOr<Response> response) {
    std::move(question.sender)(std::move(response));
    auto [at, end] = pending_.equal_range(question.deadline);
    while (at->second.get() != &question) SLUICE_CHECK(++at != end);
    pending_.erase(at);
    absl::MutexLock lock(&mutex_);
    --pending_count_;
  }

  // Until the next deadline, for poll(2): rounded up, so that it has come when poll returns.
  int WaitMs() const {
    if (pending_.empty()) return -1;
    const absl::Duration wait = pending_.begin()->first - clock_.MonoNow();
    const int64_t ms = absl::ToInt64Milliseconds(wait + absl::Milliseconds(1));
    return static_cast<int>(std::clamp<int64_t>(ms, 0, 60'000));
  }

  void Expire() {
    const MonoTime now = clock_.MonoNow();
    while (!pending_.empty() && pending_.begin()->first <= now) {
      Question& late = *pending_.begin()->second;
      // When it is too late to cancel, the result has been delivered by ub_process already, and the
      // question would be gone.
      ub_cancel(context_.get(), late.id);
      Finish(late, NoAnswerInTime(late.name, late.type));
    }
  }

  Context context_;
  const Clock& clock_;
  const size_t max_pending_;
  const int doorbell_;  // eventfd

  absl::Mutex mutex_;
  std::vector<std::unique_ptr<Question>> asked_ ABSL_GUARDED_BY(mutex_);
  size_t pending_count_ ABSL_GUARDED_BY(mutex_) = 0;  // in asked_ and pending_
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  Questions pending_;   // the service thread's: asked of unbound, by deadline
  std::thread thread_;  // last: it uses all of the above
};

absl::Status UnboundResolver::CheckConfig(absl::string_view config) {
  return ParseUnboundConfig(config).status();
}

absl::Status UnboundResolver::CheckTrustAnchor(const std::string& path) {
  if (path.empty() || access(path.c_str(), R_OK) == 0) return absl::OkStatus();
  return TrustAnchorStatus(path, std::strerror(errno));
}

absl::StatusOr<std::unique_ptr<UnboundResolver>> UnboundResolver::Start(
    const UnboundOptions& options, const Clock& clock) {
  SLUICE_ASSIGN_OR_RETURN(const UnboundConfig config, ParseUnboundConfig(options.config));
  SLUICE_ASSIGN_OR_RETURN(Context context, MakeContext(config, options.trust_anchor));
  const int doorbell = eventfd(0, EFD_CLOEXEC);
  if (doorbell < 0) return absl::ResourceExhaustedError("no descriptor left for the DNS resolver");
  auto service =
      std::make_unique<Service>(std::move(context), clock, options.max_pending, doorbell);
  return std::unique_ptr<UnboundResolver>(new UnboundResolver(std::move(service)));
}

UnboundResolver::UnboundResolver(std::unique_ptr<Service> service) : service_(std::move(service)) {}
UnboundResolver::~UnboundResolver() = default;

// A question and the wait for its answer, so that several can be under way.
class UnboundResolver::Lookup {
 public:
  Lookup(Service& service, io::Core& core, std::string name, RecordType type, MonoTime deadline)
      : name_(std::move(name)), type_(type), deadline_(deadline), answer_(core) {
    service.Ask(name_, type, deadline, answer_.Sender());
  }

  io::Task<absl::StatusOr<Response>> Wait() {
    std::optional<absl::StatusOr<Response>> waited = co_await answer_.Wait(deadline_);
    if (waited.has_value()) co_return *std::move(waited);
    co_return NoAnswerInTime(name_, type_);
  }

 private:
  const std::string name_;
  const RecordType type_;
  const MonoTime deadline_;
  io::Answer<absl::StatusOr<Response>> answer_;
};

io::Task<absl::StatusOr<MxAnswer>> UnboundResolver::LookupMx(io::Core& core, std::string domain,
                                                             MonoTime deadline) {
  SLUICE_CO_ASSIGN_OR_RETURN(const std::string name, QueryName(domain));
  Lookup lookup(*service_, core, name, RecordType::kMx, deadline);
  const absl::StatusOr<Response> response = co_await lookup.Wait();
  if (!response.ok()) co_return response.status();
  co_return ReadMx(name, *response, core.random());
}

io::Task<absl::StatusOr<AddressAnswer>> UnboundResolver::LookupAddresses(io::Core& core,
                                                                         std::string host,
                                                                         MonoTime deadline) {
  SLUICE_CO_ASSIGN_OR_RETURN(const std::string name, QueryName(host));
  Lookup v4(*service_, core, name, RecordType::kA, deadline);
  Lookup v6(*service_, core, name, RecordType::kAaaa, deadline);
  const absl::StatusOr<Response> a = co_await v4.Wait();
  const absl::StatusOr<Response> aaaa = co_await v6.Wait();
  co_return ReadAddresses(name, a, aaaa, core.random());
}

io::Task<absl::StatusOr<TlsaAnswer>> UnboundResolver::LookupTlsa(io::Core& core, std::string host,
                                                                 uint16_t port, MonoTime deadline) {
  SLUICE_CO_ASSIGN_OR_RETURN(const std::string name, QueryName(TlsaName(host, port)));
  Lookup lookup(*service_, core, name, RecordType::kTlsa, deadline);
  const absl::StatusOr<Response> response = co_await lookup.Wait();
  if (!response.ok()) co_return response.status();
  co_return ReadTlsa(name, *response);
}

io::Task<absl::StatusOr<Security>> UnboundResolver::LookupAlias(io::Core& core, std::string host,
                                                                MonoTime deadline) {
  SLUICE_CO_ASSIGN_OR_RETURN(const std::string name, QueryName(host));
  Lookup lookup(*service_, core, name, RecordType::kCname, deadline);
  const absl::StatusOr<Response> response = co_await lookup.Wait();
  if (!response.ok()) co_return response.status();
  co_return ReadAlias(name, *response);
}

io::Task<absl::StatusOr<TxtAnswer>> UnboundResolver::LookupTxt(io::Core& core, std::string name,
                                                               MonoTime deadline) {
  SLUICE_CO_ASSIGN_OR_RETURN(const std::string asked, QueryName(name));
  Lookup lookup(*service_, core, asked, RecordType::kTxt, deadline);
  const absl::StatusOr<Response> response = co_await lookup.Wait();
  if (!response.ok()) co_return response.status();
  co_return ReadTxt(asked, *response);
}

}  // namespace sluice::dns
