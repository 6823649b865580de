#include "tls/handshake_trace.h"

#include <openssl/bytestring.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/base/log.h"

namespace sluice::tls {
namespace {

// Of a hello that is longer, what comes behind is left out of the words.
constexpr size_t kMostHello = 1024;
// Ciphers, groups, … of one offer that are named.
constexpr size_t kMostNames = 12;

std::string VersionText(uint16_t version) {
  switch (version) {
    case TLS1_3_VERSION:
      return "1.3";
    case TLS1_2_VERSION:
      return "1.2";
    case TLS1_1_VERSION:
      return "1.1";
    case TLS1_VERSION:
      return "1.0";
    case SSL3_VERSION:
      return "SSL 3";
    default:
      return absl::StrFormat("0x%04x", version);
  }
}

std::string CipherText(uint16_t id) {
  const SSL_CIPHER* const cipher = SSL_get_cipher_by_value(id);
  return cipher == nullptr ? absl::StrFormat("0x%04x", id) : SSL_CIPHER_standard_name(cipher);
}

std::string GroupText(uint16_t id) {
  const char* const name = SSL_get_curve_name(id);
  return name == nullptr ? absl::StrFormat("0x%04x", id) : name;
}

// Numbers meant to keep others on their toes, which mean nothing (RFC 8701).
bool IsGrease(uint16_t id) { return (id & 0x0f0f) == 0x0a0a && id >> 8 == (id & 0xff); }

// "A, B, C and 4 more".
std::string Names(CBS list, std::string (*name)(uint16_t)) {
  std::vector<std::string> names;
  size_t more = 0;
  uint16_t id = 0;
  while (CBS_get_u16(&list, &id) == 1) {
    if (IsGrease(id)) continue;
    if (names.size() < kMostNames) {
      names.push_back(name(id));
    } else {
      ++more;
    }
  }
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

// What an extension of either hello adds; empty where it is none of those that explain a failure.
std::string ExtensionText(uint16_t type, CBS body, bool client) {
  CBS list;
  uint16_t id = 0;
  switch (type) {
    case TLSEXT_TYPE_supported_versions:
      if (client) {
        return CBS_get_u8_length_prefixed(&body, &list) == 1
                   ? absl::StrCat("TLS ", Names(list, VersionText))
                   : "";
      }
      return CBS_get_u16(&body, &id) == 1 ? absl::StrCat("TLS ", VersionText(id)) : "";
    case TLSEXT_TYPE_supported_groups:
      return CBS_get_u16_length_prefixed(&body, &list) == 1
                 ? absl::StrCat("groups ", Names(list, GroupText))
                 : "";
    case TLSEXT_TYPE_server_name: {
      CBS name;
      uint8_t kind = 0;
      if (!client || CBS_get_u16_length_prefixed(&body, &list) != 1 ||
          CBS_get_u8(&list, &kind) != 1 || CBS_get_u16_length_prefixed(&list, &name) != 1) {
        return "";
      }
      return absl::StrCat(
          "SNI ", log::Printable(absl::string_view(reinterpret_cast<const char*>(CBS_data(&name)),
                                                   std::min<size_t>(CBS_len(&name), 255))));
    }
    default:
      return "";
  }
}

// A ClientHello or ServerHello (RFC 8446 §4.1.2, §4.1.3), as far as it is there.
std::string HelloText(absl::string_view head, bool client) {
  CBS hello;
  CBS_init(&hello, reinterpret_cast<const uint8_t*>(head.data()), head.size());
  uint16_t version = 0;
  CBS session_id;
  if (CBS_skip(&hello, 4) != 1 || CBS_get_u16(&hello, &version) != 1 ||
      CBS_skip(&hello, SSL3_RANDOM_SIZE) != 1 ||
      CBS_get_u8_length_prefixed(&hello, &session_id) != 1) {
    return "";
  }
  std::vector<std::string> parts;
  CBS list;
  if (client) {
    CBS compression;
    if (CBS_get_u16_length_prefixed(&hello, &list) != 1) return "";
    parts.push_back(Names(list, CipherText));
    if (CBS_get_u8_length_prefixed(&hello, &compression) != 1) return absl::StrJoin(parts, "; ");
  } else {
    uint16_t cipher = 0;
    if (CBS_get_u16(&hello, &cipher) != 1 || CBS_skip(&hello, 1) != 1) return "";
    parts.push_back(CipherText(cipher));
  }
  bool versions_told = false;
  uint16_t length = 0;
  uint16_t type = 0;
  CBS body;
  (void)CBS_get_u16(&hello, &length);
  while (CBS_get_u16(&hello, &type) == 1 && CBS_get_u16_length_prefixed(&hello, &body) == 1) {
    std::string text = ExtensionText(type, body, client);
    if (text.empty()) continue;
    if (type == TLSEXT_TYPE_supported_versions) {
      versions_told = true;
      parts.insert(parts.begin(), std::move(text));
    } else {
      parts.push_back(std::move(text));
    }
  }
  if (!versions_told) parts.insert(parts.begin(), absl::StrCat("TLS ", VersionText(version)));
  return absl::StrJoin(parts, "; ");
}

std::string MessageName(uint8_t type) {
  switch (type) {
    case SSL3_MT_CLIENT_HELLO:
      return "ClientHello";
    case SSL3_MT_SERVER_HELLO:
      return "ServerHello";
    case SSL3_MT_NEW_SESSION_TICKET:
      return "NewSessionTicket";
    case SSL3_MT_ENCRYPTED_EXTENSIONS:
      return "EncryptedExtensions";
    case SSL3_MT_CERTIFICATE:
      return "Certificate";
    case SSL3_MT_SERVER_KEY_EXCHANGE:
      return "ServerKeyExchange";
    case SSL3_MT_CERTIFICATE_REQUEST:
      return "CertificateRequest";
    case SSL3_MT_SERVER_HELLO_DONE:
      return "ServerHelloDone";
    case SSL3_MT_CERTIFICATE_VERIFY:
      return "CertificateVerify";
    case SSL3_MT_CLIENT_KEY_EXCHANGE:
      return "ClientKeyExchange";
    case SSL3_MT_FINISHED:
      return "Finished";
    case SSL3_MT_CERTIFICATE_STATUS:
      return "CertificateStatus";
    default:
      return absl::StrCat("handshake message ", type);
  }
}

bool IsHello(uint8_t type) { return type == SSL3_MT_CLIENT_HELLO || type == SSL3_MT_SERVER_HELLO; }

std::string AlertText(absl::string_view alert) {
  if (alert.size() < 2) return "alert, cut off";
  return absl::StrCat("alert ", alert[0] == SSL3_AL_FATAL ? "fatal" : "warning", ": ",
                      SSL_alert_desc_string_long(static_cast<uint8_t>(alert[1])));
}

}  // namespace

void HandshakeTrace::Note(bool sent, int content_type, absl::string_view message) {
  if (content_type != SSL3_RT_HANDSHAKE && content_type != SSL3_RT_ALERT &&
      content_type != SSL3_RT_CHANGE_CIPHER_SPEC) {
    return;
  }
  if (said_.size() == kMostLines) {
    ++unsaid_;
    return;
  }
  size_t kept = std::min<size_t>(message.size(), 2);
  if (content_type == SSL3_RT_HANDSHAKE) {
    const bool hello = !message.empty() && IsHello(static_cast<uint8_t>(message[0]));
    kept = std::min(message.size(), hello ? kMostHello : 1);
  }
  said_.push_back({sent, static_cast<uint8_t>(content_type), message.size(),
                   std::string(message.substr(0, kept))});
}

std::string HandshakeTrace::ToString() const {
  std::string text;
  for (const Said& said : said_) {
    std::string line = said.sent ? "> " : "< ";
    if (said.content_type == SSL3_RT_ALERT) {
      absl::StrAppend(&line, AlertText(said.head));
    } else if (said.content_type == SSL3_RT_CHANGE_CIPHER_SPEC) {
      absl::StrAppend(&line, "ChangeCipherSpec");
    } else if (!said.head.empty()) {
      const auto type = static_cast<uint8_t>(said.head[0]);
      absl::StrAppend(&line, MessageName(type), ", ", said.size, " bytes");
      if (IsHello(type)) {
        const std::string hello = HelloText(said.head, type == SSL3_MT_CLIENT_HELLO);
        if (!hello.empty()) absl::StrAppend(&line, ": ", hello);
      }
    }
    if (line.size() > kMostLine) line = absl::StrCat(line.substr(0, kMostLine), " ...");
    absl::StrAppend(&text, line, "\n");
  }
  if (unsaid_ > 0) absl::StrAppend(&text, "and ", unsaid_, " messages more\n");
  return text;
}

}  // namespace sluice::tls
