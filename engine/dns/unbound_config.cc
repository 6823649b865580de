#include "engine/dns/unbound_config.h"

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/io/socket_address.h"

namespace sluice::dns {
namespace {

constexpr char kGrammar[] =
    "it takes resolv:PATH, unbound:PATH, or forwarders as ADDRESS or ADDRESS@PORT, joined by "
    "commas; empty is resolv:/etc/resolv.conf";

absl::Status Refused(absl::string_view item) {
  return absl::InvalidArgumentError(absl::StrCat(
      "--dns_config: '", absl::CHexEscape(item.substr(0, 300)), "' is not understood; ", kGrammar));
}

absl::StatusOr<std::string> ReadableFile(absl::string_view path) {
  std::string file(path);
  if (file.empty() || file.find('\0') != std::string::npos) return Refused(path);
  if (access(file.c_str(), R_OK) != 0) {
    return absl::NotFoundError(
        absl::StrCat("--dns_config: cannot read ", file, ": ", std::strerror(errno)));
  }
  return file;
}

absl::StatusOr<std::string> ParseForwarder(absl::string_view item) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(item, absl::MaxSplits('@', 1));
  uint32_t port = 53;
  const bool has_port = parts.first.size() < item.size();
  if (has_port && (!absl::SimpleAtoi(parts.second, &port) || port < 1 || port > 65535)) {
    return Refused(item);
  }
  const auto address = io::SocketAddress::FromIp(parts.first, static_cast<uint16_t>(port));
  if (!address.ok()) return Refused(item);
  return absl::StrCat(address->ip(), "@", port);
}

}  // namespace

absl::StatusOr<UnboundConfig> ParseUnboundConfig(absl::string_view text) {
  UnboundConfig config;
  if (text.empty()) text = "resolv:/etc/resolv.conf";
  absl::StatusOr<std::string> item;
  if (absl::string_view path = text; absl::ConsumePrefix(&path, "resolv:")) {
    item = ReadableFile(path);
    if (item.ok()) config.resolv_path = *std::move(item);
  } else if (absl::ConsumePrefix(&path, "unbound:")) {
    item = ReadableFile(path);
    if (item.ok()) config.unbound_path = *std::move(item);
  } else {
    for (const absl::string_view forwarder : absl::StrSplit(text, ',')) {
      item = ParseForwarder(forwarder);
      if (!item.ok()) break;
      config.forwarders.push_back(*std::move(item));
    }
  }
  if (!item.ok()) return item.status();
  return config;
}

}  // namespace sluice::dns
