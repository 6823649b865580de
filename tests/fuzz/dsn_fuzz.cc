// Delivery status notifications (smtp/dsn.h) about whatever strangers have written: addresses,
// replies and headers. The notification is taken apart as a mail program would, and must have the
// three parts and the fields that were meant, and no others.
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "engine/smtp/dsn.h"
#include "engine/smtp/dsn_text.h"
#include "tests/fuzz/input.h"

namespace sluice::smtp {
namespace {

constexpr absl::string_view kId = "01JDSN.7f";

DsnRequest AnyRequest(FuzzedDataProvider& provider) {
  DsnRequest request;
  request.cause =
      provider.PickValueInArray({DsnCause::kRejected, DsnCause::kExpired, DsnCause::kTlsPolicy,
                                 DsnCause::kDelayed, DsnCause::kRelayed});
  request.language = provider.PickValueInArray({Language::kEnglish, Language::kGerman});
  request.hostname = "gw.example.com";
  request.id = std::string(kId);
  request.arrived = absl::FromUnixSeconds(1'700'000'000);
  request.now =
      request.arrived + absl::Seconds(provider.ConsumeIntegralInRange<int>(-100, 700'000));
  request.sender = absl::StrCat("a", provider.ConsumeRandomLengthString(1000));
  request.message_id = provider.ConsumeRandomLengthString(100);
  request.envelope_id = provider.ConsumeRandomLengthString(100);
  request.retry_until = request.arrived + absl::Hours(168);
  for (int n = provider.ConsumeIntegralInRange<int>(1, 3); n > 0; --n) {
    DsnRecipient& recipient = request.recipients.emplace_back();
    recipient.address = provider.ConsumeRandomLengthString(1000);
    recipient.original = provider.ConsumeRandomLengthString(600);
    recipient.remote_mta = provider.ConsumeRandomLengthString(100);
    if (provider.ConsumeBool()) {
      Reply reply{provider.ConsumeIntegralInRange<int>(400, 599), std::nullopt,
                  provider.ConsumeRandomLengthString(1000)};
      if (provider.ConsumeBool()) reply.status = EnhancedStatus{5, 1, 1};
      recipient.reply = reply;
    }
    recipient.reply_is_local = provider.ConsumeBool();
    recipient.detail = provider.ConsumeRandomLengthString(1000);
    recipient.last_attempt = request.arrived;
    if (request.cause == DsnCause::kTlsPolicy ||
        (request.cause == DsnCause::kDelayed && provider.ConsumeBool())) {
      recipient.tls_reason = static_cast<tls::Reason>(
          provider.ConsumeIntegralInRange<int>(0, static_cast<int>(tls::Reason::kProtocol)));
    }
  }
  return request;
}

// Names and values of a header; what is folded is one value.
std::vector<std::pair<std::string, std::string>> Fields(absl::string_view header) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const absl::string_view line : absl::StrSplit(header, "\r\n")) {
    if (absl::StartsWith(line, "\t")) {
      SLUICE_CHECK(!fields.empty());
      absl::StrAppend(&fields.back().second, line);
      continue;
    }
    const size_t colon = line.find(": ");
    SLUICE_CHECK(colon != absl::string_view::npos);
    fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return fields;
}

std::string Names(absl::string_view header) {
  std::string names;
  for (const auto& [name, value] : Fields(header)) absl::StrAppend(&names, name, " ");
  return names;
}

// RFC 2045 §6.7, strictly: only what an encoder may have written.
std::string DecodeQuotedPrintable(absl::string_view text) {
  std::string out;
  for (absl::string_view line : absl::StrSplit(text, "\r\n")) {
    SLUICE_CHECK(line.size() <= 76);
    const bool soft = absl::ConsumeSuffix(&line, "=");
    SLUICE_CHECK(soft || !(absl::EndsWith(line, " ") || absl::EndsWith(line, "\t")));
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] != '=') {
        SLUICE_CHECK(line[i] == '\t' || IsPrintableAscii(line.substr(i, 1)));
        out.push_back(line[i]);
        continue;
      }
      const absl::string_view digits = line.substr(i + 1, 2);
      SLUICE_CHECK(digits.size() == 2);
      SLUICE_CHECK(digits.find_first_not_of("0123456789ABCDEF") == absl::string_view::npos);
      out += absl::HexStringToBytes(digits);
      i += 2;
    }
    if (!soft) out += "\r\n";
  }
  out.resize(out.size() - 2);  // there is no line end behind the last line
  return out;
}

// RFC 5322 §2.1.1 and RFC 2045 §2.7: lines of at most 998 octets, CRLF, 7-bit; but for the To: of
// an internationalized sender.
void CheckLines(const Dsn& dsn) {
  SLUICE_CHECK(absl::EndsWith(dsn.text, "\r\n"));
  for (const absl::string_view line : absl::StrSplit(dsn.text, "\r\n")) {
    SLUICE_CHECK(line.size() <= 998);
    const bool may_be_utf8 = dsn.smtputf8 && absl::StartsWith(line, "To: <");
    SLUICE_CHECK(!may_be_utf8 || IsUtf8(line));
    for (const char c : line) {
      const auto octet = static_cast<unsigned char>(c);
      SLUICE_CHECK(absl::ascii_isprint(octet) || c == '\t' || (may_be_utf8 && octet >= 0x80));
    }
  }
}

// The content of one part, decoded; `type` is a part of its type.
std::string PartContent(absl::string_view part, absl::string_view type) {
  const size_t end = part.find("\r\n\r\n");
  SLUICE_CHECK(end != absl::string_view::npos);
  const absl::string_view header = part.substr(0, end);
  SLUICE_CHECK(Names(header) == "Content-Description Content-Type Content-Transfer-Encoding ");
  SLUICE_CHECK(absl::StrContains(Fields(header)[1].second, type));
  const absl::string_view content = part.substr(end + 4);
  const std::string encoding = Fields(header)[2].second;
  SLUICE_CHECK(encoding == "7bit" || encoding == "quoted-printable");
  return encoding == "7bit" ? std::string(content) : DecodeQuotedPrintable(content);
}

void CheckStatus(absl::string_view content, size_t recipients, bool delayed) {
  SLUICE_CHECK(absl::ConsumeSuffix(&content, "\r\n"));
  const std::vector<absl::string_view> groups = absl::StrSplit(content, "\r\n\r\n");
  SLUICE_CHECK(groups.size() == 1 + recipients);
  std::string about_all = Names(groups[0]);
  absl::string_view all_names = about_all;
  absl::ConsumePrefix(&all_names, "Original-Envelope-Id ");
  SLUICE_CHECK(all_names == "Reporting-MTA X-Sluice-Message-ID Arrival-Date ");
  for (size_t i = 1; i < groups.size(); ++i) {
    std::string names = Names(groups[i]);
    absl::string_view rest = names;
    absl::ConsumePrefix(&rest, "Original-Recipient ");
    SLUICE_CHECK(absl::ConsumePrefix(&rest, "Final-Recipient Action Status "));
    absl::ConsumePrefix(&rest, "Remote-MTA ");
    absl::ConsumePrefix(&rest, "Diagnostic-Code ");
    SLUICE_CHECK(absl::ConsumePrefix(&rest, "Last-Attempt-Date "));
    SLUICE_CHECK(rest == (delayed ? "Will-Retry-Until " : ""));
  }
}

void CheckReturnedHeaders(absl::string_view returned, absl::string_view original) {
  SLUICE_CHECK(returned.size() <= kDsnHeaderBytes && absl::StartsWith(original, returned));
  SLUICE_CHECK(returned.empty() || absl::EndsWith(returned, "\r\n"));
  SLUICE_CHECK(!absl::StrContains(returned, "\r\n\r\n"));  // no octet of the body
  SLUICE_CHECK(!absl::StartsWith(returned, "\r\n"));
}

void CheckDsn(const DsnRequest& request, absl::string_view original, const Dsn& dsn) {
  CheckLines(dsn);
  const bool ascii = std::all_of(request.sender.begin(), request.sender.end(), absl::ascii_isascii);
  SLUICE_CHECK(dsn.smtputf8 == !ascii);
  const std::string boundary = absl::StrCat("\r\n--=_", kId);
  const std::vector<absl::string_view> parts = absl::StrSplit(dsn.text, boundary);
  SLUICE_CHECK(parts.size() == 5 && parts[4] == "--\r\n");
  const size_t end_of_header = parts[0].find("\r\n\r\n");
  SLUICE_CHECK(end_of_header != absl::string_view::npos);
  SLUICE_CHECK(Names(parts[0].substr(0, end_of_header)) ==
               "Date From To Subject Message-ID Auto-Submitted MIME-Version Content-Type ");
  for (size_t i = 1; i < 4; ++i) SLUICE_CHECK(absl::StartsWith(parts[i], "\r\n"));
  const std::string words = PartContent(parts[1].substr(2), "text/plain; charset=");
  SLUICE_CHECK(IsUtf8(words) && !words.empty());
  CheckStatus(PartContent(parts[2].substr(2), "delivery-status"), request.recipients.size(),
              request.cause == DsnCause::kDelayed);
  CheckReturnedHeaders(PartContent(parts[3].substr(2), "headers"), original);
  // Three octets for one and a little more, at most.
  SLUICE_CHECK(dsn.text.size() < 4 * kDsnHeaderBytes + 20'000 * (1 + request.recipients.size()));
}

}  // namespace
}  // namespace sluice::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::smtp;
  FuzzedDataProvider provider(data, size);
  const DsnRequest request = AnyRequest(provider);
  const size_t cut = provider.ConsumeIntegralInRange<size_t>(0, 100);
  // Larger than what is returned of it, now and then.
  const size_t filler = provider.ConsumeIntegralInRange<int>(0, 31) == 1 ? kDsnHeaderBytes : 0;
  std::string original = provider.ConsumeRemainingBytesAsString();
  original.insert(original.size() / 2, filler, 'x');
  sluice::io::Body body;
  body.Append(sluice::io::Chunk::Copy(absl::string_view(original).substr(0, cut)));
  if (original.size() > cut) {
    body.Append(sluice::io::Chunk::Copy(absl::string_view(original).substr(cut)));
  }
  CheckDsn(request, original, MakeDsn(request, body));
  return 0;
}
