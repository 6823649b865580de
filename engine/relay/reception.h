// What a client's mail meets on its way in: may this client send there, does the sender's domain
// demand TLS, and the queue.
//
// One core.
#ifndef SLUICE_ENGINE_RELAY_RECEPTION_H_
#define SLUICE_ENGINE_RELAY_RECEPTION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/io/core.h"
#include "engine/io/task.h"
#include "engine/relay/attempt.h"
#include "engine/relay/counters.h"
#include "engine/relay/settings.h"
#include "engine/smtp/receiver.h"
#include "policy/snapshot.h"
#include "queue/spool.h"

namespace sluice::relay {

// What the reception needs of the core it stands on.
class ReceptionHost {
 public:
  virtual io::Core& core() = 0;
  virtual const Settings& settings() const = 0;
  virtual const policy::Snapshot& list() const = 0;  // as it is now; not kept over an await
  virtual queue::Spool& spool() = 0;
  virtual queue::MessageIdSource& ids() = 0;
  virtual Counters& counters() = 0;
  // On disk, and to be sent at once.
  virtual void Send(std::vector<Attempt> attempts) = 0;

 protected:
  ~ReceptionHost() = default;
};

class Reception final : public smtp::Receiver {
 public:
  explicit Reception(ReceptionHost& host) : host_(host) {}

  std::optional<smtp::Reply> CheckSender(const smtp::Client& client, const smtp::Address& sender,
                                         const smtp::MailParameters& parameters) override;
  std::optional<smtp::Reply> CheckRecipient(const smtp::Client& client,
                                            const smtp::Address& sender,
                                            const smtp::Address& recipient) override;
  std::string NewMessageId() override;
  io::Task<smtp::Reply> Take(smtp::Transaction transaction) override;
  void OnHandshake(const smtp::Client& client, absl::Duration took) override;
  void OnHandshakeFailed(const smtp::Client& client, const tls::Failure& failure,
                         absl::Duration took) override;
  void OnRefused(const smtp::Client& client, const smtp::Reply& reply) override;

 private:
  queue::NewMessage MessageOf(smtp::Transaction transaction);
  void RecordTlsRefusal(const smtp::Client& client, const smtp::Address& sender,
                        const policy::Entry& entry, absl::string_view reason,
                        const smtp::Reply& reply);
  void RecordMonitored(const smtp::Client& client, const smtp::Address& sender,
                       const policy::Entry& entry, absl::string_view reason);
  static queue::HistoryEntry ShortfallRow(const smtp::Client& client, const smtp::Address& sender,
                                          const policy::Entry& entry, absl::string_view reason);
  void Record(queue::HistoryEntry row);

  ReceptionHost& host_;
  // Refusals are entries of the history only so many times a second: a client that repeats itself
  // shall not fill the disk.
  int64_t recorded_second_ = 0;
  int recorded_in_second_ = 0;
};

}  // namespace sluice::relay

#endif  // SLUICE_ENGINE_RELAY_RECEPTION_H_
