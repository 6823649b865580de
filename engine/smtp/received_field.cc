#include "engine/smtp/received_field.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sluice::smtp {
namespace {

// RFC 3848; RFC 6531 §4.3 for internationalized mail.
absl::string_view Protocol(const Client& client, bool smtputf8) {
  const bool tls = client.tls != nullptr;
  if (smtputf8) return tls ? "UTF8SMTPS" : "UTF8SMTP";
  if (!client.esmtp) return "SMTP";
  return tls ? "ESMTPS" : "ESMTP";
}

// A client may call itself anything; what would open or close a comment, or end the field, is not
// written down as it is.
std::string Tame(std::string name) {
  const auto special = [](char c) { return absl::StrContains("()<>,;\\\"@", c); };
  std::replace_if(name.begin(), name.end(), special, '?');
  return name;
}

// RFC 5322 §3.3. Made once a second, as formatting a time costs as much as all else of the field.
const std::string& DateTime(absl::Time now) {
  thread_local std::optional<int64_t> second;
  thread_local std::string text;
  if (const int64_t current = absl::ToUnixSeconds(now); second != current) {
    text = absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", now, absl::UTCTimeZone());
    second = current;
  }
  return text;
}

}  // namespace

std::string ReceivedField(absl::string_view hostname, const Client& client, absl::string_view id,
                          const std::vector<Address>& recipients, bool smtputf8, absl::Time now) {
  std::string field =
      absl::StrCat("Received: from ", Tame(client.helo), " (", client.remote.literal(), ")\r\n");
  if (client.tls != nullptr) {
    absl::StrAppend(&field, "\t(using ", client.tls->version_name, " with cipher ",
                    client.tls->cipher, " (", client.tls->cipher_bits, "/", client.tls->cipher_bits,
                    " bits))\r\n");
  }
  absl::StrAppend(&field, "\tby ", hostname, " (Sluice) with ", Protocol(client, smtputf8), " id ",
                  id);
  if (recipients.size() == 1) absl::StrAppend(&field, "\r\n\tfor <", recipients[0].text, ">");
  absl::StrAppend(&field, "; ", DateTime(now), "\r\n");
  return field;
}

}  // namespace sluice::smtp
