#include "tls/signer/process_signer.h"

#include <pthread.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/base/check.h"
#include "engine/base/log.h"
#include "engine/base/status_macros.h"

namespace sluice::signer {
namespace {

// How long a process that was just started may take for an answer.
constexpr absl::Duration kStartPatience = absl::Seconds(10);

KeyId IdOf(const tls::Credentials& credentials, tls::Credentials::Kind kind) {
  const std::string& id = credentials.key_id(kind);
  KeyId key;
  SLUICE_CHECK(id.size() == key.size());
  std::copy(id.begin(), id.end(), key.begin());
  return key;
}

absl::string_view Words(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "none";
    case Fault::kUnknownKey:
      return "the signer does not have this key; see signer_key_lost in the log";
    case Fault::kUnfit:
      return "this key cannot do what was asked of it";
    case Fault::kFailed:
      return "the operation failed";
    case Fault::kUnreadable:
      return "the file cannot be read";
    case Fault::kNoKey:
      return "the file holds no private key in PEM that can be read without a password";
    case Fault::kOtherKey:
      return "the file holds another key than that of the certificate which is served";
  }
  return "unknown fault";
}

// Of a process that nobody else speaks to yet. nullopt: it ended, or does not answer.
std::optional<Response> Ask(Child& child, const Request& request) {
  std::vector<Response> responses;
  if (!child.Send(Encode(request)) || !child.Receive(responses)) return std::nullopt;
  return std::move(responses.front());
}

// A process with those of `keys` that can be loaded; the others are logged.
absl::StatusOr<std::shared_ptr<Child>> StartWithKeys(const ProcessSignerOptions& options,
                                                     const std::vector<KeyFile>& keys) {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<Child> child,
                          Child::Start(options.program, options.threads));
  child->SetPatience(kStartPatience);
  Request request;
  request.operation = Operation::kLoad;
  // Nothing at first, to see that it answers; then one by one, as each may have become unreadable.
  for (size_t i = 0; i <= keys.size(); ++i) {
    const std::optional<Response> response = Ask(*child, request);
    if (!response.has_value()) {
      return absl::UnavailableError(
          absl::StrCat(options.program, " ended at its start: ", child->End()));
    }
    if (response->fault != Fault::kNone) {
      log::Error("signer_key_lost", {{"file", request.files[0].path},
                                     {"error", Words(response->fault)},
                                     {"effect", "handshakes with its certificate fail"},
                                     {"what_to_do", "mend the file, then 'sluicectl reload'"}});
    } else if (!request.files.empty()) {
      request.keep.push_back(request.files[0].key);
    }
    if (i < keys.size()) request.files = {keys[i]};
  }
  child->SetPatience(absl::ZeroDuration());
  return child;
}

// The administrator's words for what is wrong with `files`, whose certificates are `credentials`.
absl::Status LoadFault(const Response& response, const std::vector<KeyFile>& files,
                       const tls::Credentials& credentials) {
  if (response.file_index >= files.size()) return absl::InternalError("the signer named no file");
  const KeyFile& file = files[response.file_index];
  switch (response.fault) {
    case Fault::kUnreadable:
      return tls::PrivateKeyUnreadable(file.path);
    case Fault::kNoKey:
      return tls::PrivateKeyMissing(file.path);
    case Fault::kOtherKey:
      for (const tls::Credentials::Served& served : credentials.served()) {
        if (IdOf(credentials, served.kind) == file.key) {
          return tls::PrivateKeyOfAnother(file.path, served.file);
        }
      }
      [[fallthrough]];
    default:
      return absl::InternalError(absl::StrCat(file.path, ": ", Words(response.fault)));
  }
}

void NameThread(std::thread& thread, const char* name) {
  pthread_setname_np(thread.native_handle(), name);
}

}  // namespace

absl::StatusOr<std::unique_ptr<tls::Signer>> ProcessSigner::Start(ProcessSignerOptions options,
                                                                  io::Machine& machine) {
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<Child> child, StartWithKeys(options, {}));
  return std::unique_ptr<tls::Signer>(
      new ProcessSigner(std::move(options), machine, std::move(child)));
}

ProcessSigner::ProcessSigner(ProcessSignerOptions options, io::Machine& machine,
                             std::shared_ptr<Child> child)
    : options_(std::move(options)), machine_(machine), child_(child) {
  sender_ = std::thread([this] { SendAll(); });
  NameThread(sender_, "signer-send");
  supervisor_ = std::thread([this, child = std::move(child)] { Supervise(child); });
  NameThread(supervisor_, "signer-answer");
}

ProcessSigner::~ProcessSigner() {
  {
    const absl::MutexLock lock(&mutex_);
    stopping_ = true;
    if (child_ != nullptr) child_->Shutdown();
  }
  sender_.join();
  supervisor_.join();
}

// ---- What is asked of it

absl::StatusOr<std::shared_ptr<const tls::Credentials>> ProcessSigner::Load(
    absl::Span<const tls::CredentialFiles> files, MonoTime deadline) {
  const absl::MutexLock one_at_a_time(&load_mutex_);
  SLUICE_ASSIGN_OR_RETURN(std::shared_ptr<const tls::Credentials> credentials,
                          tls::Credentials::Load(files, tls::Credentials::Keys::kInlineOnly));
  Request request;
  request.operation = Operation::kLoad;
  for (const tls::Credentials::Served& served : credentials->served()) {
    if (credentials->SignsInline(served.kind)) continue;
    if (served.key_file.empty() || served.key_file.size() > kMostPath) {
      return tls::PrivateKeyUnreadable(served.key_file);
    }
    request.files.push_back({IdOf(*credentials, served.kind), served.key_file});
  }
  const std::vector<KeyFile> asked = request.files;
  {
    const absl::MutexLock lock(&mutex_);
    for (const KeyFile& held : HeldKeys()) request.keep.push_back(held.key);
    // Before they are loaded: should the process end thereafter, it gets them anew. Where they
    // cannot be loaded, the credentials end with this function, and these keys with them.
    generations_.push_back({credentials, asked});
  }
  // Shared, since an answer that comes too late still comes.
  struct Place {
    absl::Mutex mutex;
    std::optional<absl::StatusOr<Response>> answer;
  };
  const auto place = std::make_shared<Place>();
  Enqueue(std::move(request), {credentials, deadline, [place](absl::StatusOr<Response> answer) {
                                 const absl::MutexLock lock(&place->mutex);
                                 place->answer = std::move(answer);
                               }});
  const absl::MutexLock lock(&place->mutex);
  const auto there = [&place] {
    place->mutex.AssertReaderHeld();
    return place->answer.has_value();
  };
  if (!machine_.Await(place->mutex, absl::Condition(&there), deadline)) {
    return absl::DeadlineExceededError("the signer did not answer in time; the log says why");
  }
  SLUICE_ASSIGN_OR_RETURN(const Response response, *std::move(place->answer));
  if (response.fault != Fault::kNone) return LoadFault(response, asked, *credentials);
  return credentials;
}

void ProcessSigner::Work(tls::PrivateKeyRequest request, MonoTime deadline,
                         absl::AnyInvocable<void(absl::StatusOr<std::string>) &&> done) {
  // An encrypted premaster secret is as long as a client likes.
  if (request.input.size() > kMostInput) {
    return std::move(done)(absl::InvalidArgumentError("the input is too long"));
  }
  Request sent;
  sent.operation = request.decrypt ? Operation::kDecrypt : Operation::kSign;
  sent.key = IdOf(*request.credentials, request.key);
  sent.algorithm = request.algorithm;
  sent.input = std::move(request.input);
  Enqueue(std::move(sent), {std::move(request.credentials), deadline,
                            [done = std::move(done)](absl::StatusOr<Response> answer) mutable {
                              if (!answer.ok()) {
                                std::move(done)(std::move(answer).status());
                              } else if (answer->fault != Fault::kNone) {
                                std::move(done)(absl::InternalError(Words(answer->fault)));
                              } else {
                                std::move(done)(std::move(answer->output));
                              }
                            }});
}

void ProcessSigner::Enqueue(Request request, Pending pending) {
  request.id = ++last_id_;
  Waiting waiting{request.id, Encode(request), std::move(pending)};
  std::vector<Waiting> given_up;  // let go of outside the lock
  const absl::MutexLock lock(&mutex_);
  if (child_ == nullptr) {
    const MonoTime now = machine_.clock().MonoNow();
    while (!queue_.empty() && queue_.front().pending.deadline <= now) {
      given_up.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  queue_.push_back(std::move(waiting));
}

std::vector<KeyFile> ProcessSigner::HeldKeys() {
  std::vector<KeyFile> held;
  const auto forgotten =
      std::remove_if(generations_.begin(), generations_.end(),
                     [](const Generation& one) { return one.credentials.expired(); });
  generations_.erase(forgotten, generations_.end());
  for (auto one = generations_.rbegin(); one != generations_.rend(); ++one) {
    for (const KeyFile& file : one->keys) {
      const bool there = std::any_of(held.begin(), held.end(), [&file](const KeyFile& other) {
        return other.key == file.key;
      });
      if (!there && held.size() < kMostKept) held.push_back(file);
    }
  }
  return held;
}

// ---- The thread that writes

bool ProcessSigner::HasToSend() const {
  return stopping_ || (child_ != nullptr && !queue_.empty());
}

void ProcessSigner::SendAll() {
  while (true) {
    std::deque<Waiting> gathered;
    std::string frames;
    std::shared_ptr<Child> child;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &ProcessSigner::HasToSend));
      if (stopping_) return;
      child = child_;
      gathered.swap(queue_);
      const MonoTime now = machine_.clock().MonoNow();
      for (Waiting& waiting : gathered) {
        if (waiting.pending.deadline <= now) continue;  // nobody waits for it any more
        frames.append(waiting.frame);
        under_way_.emplace(waiting.id, std::move(waiting.pending));
      }
    }
    // Where it fails, the other thread meets the end of the connection too, and sees to it.
    child->Send(frames);
  }
}

// ---- The thread that reads

void ProcessSigner::Supervise(std::shared_ptr<Child> child) {
  absl::Duration pause = kShortestPause;
  while (child != nullptr) {
    const MonoTime started = machine_.clock().MonoNow();
    std::vector<Response> responses;
    while (child->Receive(responses)) Answer(std::exchange(responses, {}));
    {
      const absl::MutexLock lock(&mutex_);
      child_ = nullptr;
      if (stopping_) return;
    }
    const std::string how = child->End();
    const size_t failed = FailUnderWay(how);
    log::Error("signer_ended", {{"pid", child->pid()},
                                {"how", how},
                                {"requests_failed", failed},
                                {"effect", "handshakes with its keys wait until it runs again"}});
    if (machine_.clock().MonoNow() - started > kLongestPause) pause = kShortestPause;
    child = Restart(pause);
  }
}

void ProcessSigner::Answer(std::vector<Response> responses) {
  std::vector<std::pair<Done, Response>> answers;
  answers.reserve(responses.size());
  {
    const absl::MutexLock lock(&mutex_);
    for (Response& response : responses) {
      const auto found = under_way_.find(response.id);
      if (found == under_way_.end()) continue;  // an answer that was not asked for answers nobody
      answers.emplace_back(std::move(found->second.done), std::move(response));
      under_way_.erase(found);
    }
  }
  for (auto& [done, response] : answers) std::move(done)(std::move(response));
}

size_t ProcessSigner::FailUnderWay(absl::string_view how_it_ended) {
  std::unordered_map<uint64_t, Pending> failed;
  {
    const absl::MutexLock lock(&mutex_);
    failed.swap(under_way_);
  }
  for (auto& [id, pending] : failed) {
    std::move(pending.done)(
        absl::UnavailableError(absl::StrCat("the signer process ended: ", how_it_ended)));
  }
  return failed.size();
}

std::shared_ptr<Child> ProcessSigner::Restart(absl::Duration& pause) {
  while (Pause(pause)) {
    pause = std::min(2 * pause, kLongestPause);
    std::vector<KeyFile> keys;
    {
      const absl::MutexLock lock(&mutex_);
      keys = HeldKeys();
    }
    absl::StatusOr<std::shared_ptr<Child>> child = StartWithKeys(options_, keys);
    if (!child.ok()) {
      log::Error("signer_not_restarted", {{"error", child.status().message()},
                                          {"next_try_in", absl::FormatDuration(pause)}});
      continue;
    }
    const absl::MutexLock lock(&mutex_);
    if (stopping_) return nullptr;
    child_ = *child;
    log::Warning("signer_restarted", {{"pid", child_->pid()}, {"keys", keys.size()}});
    return *std::move(child);
  }
  return nullptr;
}

bool ProcessSigner::Pause(absl::Duration pause) {
  const absl::MutexLock lock(&mutex_);
  return !machine_.Await(mutex_, absl::Condition(&stopping_), machine_.clock().MonoNow() + pause);
}

}  // namespace sluice::signer
