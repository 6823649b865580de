#include "engine/https/exchange.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "engine/base/check.h"
#include "engine/base/status_macros.h"
#include "tls/failure.h"
#include "tls/peer_demand.h"

namespace sluice::https {
namespace {

constexpr absl::Duration kDnsTimeout = absl::Seconds(20);
// Of one address, so that a dead one leaves time to the others.
constexpr absl::Duration kConnectTimeout = absl::Seconds(15);
constexpr absl::Duration kCloseTimeout = absl::Seconds(2);

std::string HeadOf(const Request& request) {
  std::string head = absl::StrCat(request.body.empty() ? "GET " : "POST ", request.target,
                                  " HTTP/1.1\r\nHost: ", request.host);
  if (request.port != 443) absl::StrAppend(&head, ":", request.port);
  absl::StrAppend(&head, "\r\nUser-Agent: Sluice\r\nAccept: */*\r\nConnection: close\r\n");
  if (!request.body.empty()) {
    absl::StrAppend(&head, "Content-Type: ", request.content_type,
                    "\r\nContent-Length: ", request.body.size(), "\r\n");
  }
  absl::StrAppend(&head, "\r\n");
  return head;
}

bool IsAboutTheCertificate(tls::Reason reason) {
  switch (reason) {
    case tls::Reason::kUntrusted:
    case tls::Reason::kNameMismatch:
    case tls::Reason::kExpiredCertificate:
      return true;
    default:
      return false;
  }
}

}  // namespace

Exchange::Exchange(io::Core& core, dns::Resolver& resolver, tls::ClientContext& context)
    : core_(core), resolver_(resolver), context_(context) {}

void Exchange::Abort() {
  aborted_ = true;
  if (stream_ != nullptr) stream_->Abort();
}

io::Task<absl::StatusOr<Response>> Exchange::Run(Request request, MonoTime deadline) {
  const MonoTime found_by = std::min(deadline, core_.Now() + kDnsTimeout);
  const absl::StatusOr<dns::AddressAnswer> found =
      co_await resolver_.LookupAddresses(core_, request.host, found_by);
  if (!found.ok()) co_return absl::UnavailableError(found.status().message());
  absl::StatusOr<Response> response = absl::UnavailableError("");
  for (io::SocketAddress address : found->addresses) {
    if (aborted_ || core_.Now() >= deadline) break;
    address.set_port(request.port);
    response = co_await RunAt(request, address, deadline);
    if (response.ok()) co_return response;
  }
  const std::string why(response.status().message());
  co_return absl::Status(response.status().code(),
                         why.empty() ? absl::StrCat("there was no time for ", request.host)
                                     : absl::StrCat(request.host, ": ", why));
}

io::Task<absl::StatusOr<Response>> Exchange::RunAt(const Request& request,
                                                   io::SocketAddress address, MonoTime deadline) {
  io::ConnectOptions to;
  to.remote = address;
  const MonoTime connected_by = std::min(deadline, core_.Now() + kConnectTimeout);
  absl::StatusOr<std::unique_ptr<io::Connection>> connection =
      co_await core_.Connect(to, connected_by);
  if (!connection.ok()) {
    co_return absl::UnavailableError(
        absl::StrCat(address.ToString(), ": ", connection.status().message()));
  }
  stream_ = std::make_unique<tls::Stream>(core_, *std::move(connection));
  absl::StatusOr<Response> response = co_await Converse(request, deadline);
  const MonoTime closed_by = core_.Now() + kCloseTimeout;
  co_await stream_->Close(closed_by);
  stream_.reset();
  if (response.ok()) co_return response;
  co_return absl::Status(response.status().code(),
                         absl::StrCat(address.ToString(), ": ", response.status().message()));
}

io::Task<absl::StatusOr<Response>> Exchange::Converse(const Request& request, MonoTime deadline) {
  if (aborted_) co_return absl::UnavailableError("the gateway stops");
  tls::PeerDemand demand;
  demand.check = tls::PeerCheck::kNames;
  demand.server_name = request.host;
  demand.names.push_back(request.host);
  const std::optional<tls::Failure> failed =
      co_await stream_->ConnectTls(context_, demand, deadline);
  if (failed.has_value()) {
    const std::string why = absl::StrCat(tls::ReasonName(failed->reason), ": ", failed->detail);
    if (IsAboutTheCertificate(failed->reason)) co_return absl::UnauthenticatedError(why);
    co_return absl::UnavailableError(why);
  }
  const std::string head = HeadOf(request);
  const absl::string_view pieces[] = {head, request.body};
  const absl::Status sent = co_await stream_->Write(pieces, deadline);
  if (!sent.ok()) co_return absl::UnavailableError(sent.message());
  ResponseReader reader(request.most_response_bytes);
  while (!reader.done()) {
    const absl::StatusOr<bool> more = co_await stream_->Fill(deadline);
    if (!more.ok()) co_return absl::UnavailableError(more.status().message());
    if (!*more) co_return absl::UnavailableError("the server broke off in its response");
    SLUICE_CO_ASSIGN_OR_RETURN(const size_t taken, reader.Take(stream_->input()));
    stream_->Consume(taken);
  }
  co_return reader.response();
}

}  // namespace sluice::https
