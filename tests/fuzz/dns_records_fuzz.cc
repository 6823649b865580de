// Records of a DNS response (dns/records.h), as strangers write them: what is handed on is in
// bounds, in order, and made of names and addresses that can be used as they are.
#include <fuzzer/FuzzedDataProvider.h>

#include <set>
#include <string>
#include <vector>

#include "engine/dns/records.h"
#include "tests/fuzz/input.h"
#include "tls/dane.h"

namespace sluice::dns {
namespace {

constexpr absl::string_view kDomain = "example.com";

Response AnyResponse(FuzzedDataProvider& provider) {
  Response response;
  response.rcode = provider.PickValueInArray<int>({0, 0, 0, 0, 0, 2, 3, 5, 23});
  response.name_exists = provider.ConsumeIntegralInRange<int>(0, 7) != 7;
  response.secure = provider.ConsumeBool();
  response.canonical = provider.ConsumeRandomLengthString(300);
  if (provider.ConsumeIntegralInRange<int>(0, 7) == 7) response.bogus = "expired \x1b signature";
  for (int n = provider.ConsumeIntegralInRange<int>(0, 40); n > 0; --n) {
    std::string& record = response.records.emplace_back();
    switch (provider.ConsumeIntegralInRange<int>(0, 4)) {
      case 0:
        record = provider.ConsumeBytesAsString(4);
        break;
      case 1:
        record = provider.ConsumeBytesAsString(16);
        break;
      case 2:
        record = provider.ConsumeRandomLengthString(300);
        break;
      case 3:  // a TLSA record that may well be good
        record = {static_cast<char>(provider.ConsumeIntegralInRange<int>(0, 4)),
                  static_cast<char>(provider.ConsumeIntegralInRange<int>(0, 2)),
                  static_cast<char>(provider.ConsumeIntegralInRange<int>(0, 3))};
        record += provider.ConsumeBytesAsString(provider.PickValueInArray<size_t>({0, 32, 64}));
        break;
      default:  // an MX record that may well be good
        record = provider.ConsumeBytesAsString(2) + "\x04mail\x02mx\x07" + "example" +
                 std::string("\0", 1);
    }
  }
  return response;
}

bool HasError(const Response& response) {
  return !response.bogus.empty() || !response.name_exists || response.rcode != 0;
}

// Errors that say "try again" and "there is none", and no other.
void CheckError(const absl::Status& status) {
  SLUICE_CHECK(absl::IsUnavailable(status) || absl::IsNotFound(status));
  SLUICE_CHECK(IsPrintableAscii(status.message()));
}

void CheckCanonical(const std::string& canonical) {
  const absl::StatusOr<std::string> name = QueryName(canonical);
  SLUICE_CHECK(name.ok() && *name == canonical);
}

// And what TLS makes of the records.
void CheckTlsa(const Response& response) {
  const absl::StatusOr<TlsaAnswer> answer = ReadTlsa(TlsaName(kDomain, 25), response);
  if (!answer.ok()) return CheckError(answer.status());
  SLUICE_CHECK(!HasError(response));
  SLUICE_CHECK(!answer->records.empty() && answer->records.size() <= kMaxTlsaRecords);
  SLUICE_CHECK((answer->security == Security::kSecure) == response.secure);
  std::vector<tls::TlsaRecord> records;
  for (const TlsaRecord& record : answer->records) {
    records.push_back({record.usage, record.selector, record.matching_type, record.data});
    SLUICE_CHECK(IsPrintableAscii(tls::TlsaText(records.back())));
  }
  for (const tls::TlsaRecord& record : tls::UsableTlsa(records)) {
    SLUICE_CHECK(record.usage == 2 || record.usage == 3);
    SLUICE_CHECK(record.selector <= 1 && record.matching_type <= 2 && !record.data.empty());
    // What is usable alone is usable.
    SLUICE_CHECK(tls::UsableTlsa({record}).size() == 1);
  }
}

void CheckMx(const Response& response, Random& random) {
  const absl::StatusOr<MxAnswer> mx = ReadMx(kDomain, response, random);
  if (!mx.ok()) return CheckError(mx.status());
  SLUICE_CHECK(!HasError(response));
  SLUICE_CHECK((mx->security == Security::kSecure) == response.secure);
  CheckCanonical(mx->canonical);
  SLUICE_CHECK(mx->implicit == response.records.empty());
  SLUICE_CHECK(mx->null_mx == mx->hosts.empty());
  SLUICE_CHECK(!mx->null_mx || response.records.size() == 1);
  SLUICE_CHECK(mx->hosts.size() <= kMaxMxHosts);
  for (size_t i = 0; i < mx->hosts.size(); ++i) {
    SLUICE_CHECK(i == 0 || mx->hosts[i - 1].preference <= mx->hosts[i].preference);
    const absl::StatusOr<std::string> name = QueryName(mx->hosts[i].name);
    SLUICE_CHECK(name.ok() && *name == mx->hosts[i].name);
  }
}

void CheckAddresses(const absl::StatusOr<Response>& a, const absl::StatusOr<Response>& aaaa,
                    Random& random) {
  const absl::StatusOr<AddressAnswer> answer = ReadAddresses(kDomain, a, aaaa, random);
  if (!answer.ok()) return CheckError(answer.status());
  SLUICE_CHECK(!answer->addresses.empty() && answer->addresses.size() <= kMaxAddresses);
  CheckCanonical(answer->canonical);
  std::set<std::string> given;
  for (const auto* response : {&a, &aaaa}) {
    if (!response->ok() || HasError(**response)) continue;
    for (const std::string& record : (*response)->records) {
      const size_t octets = response == &a ? 4 : 16;
      if (record.size() == octets) {
        given.insert(io::SocketAddress::FromBytes(record, 0).ToString());
      }
    }
  }
  for (const io::SocketAddress& address : answer->addresses) {
    SLUICE_CHECK(given.count(address.ToString()) == 1 && address.port() == 0);
  }
  if (answer->security == Security::kSecure) {
    SLUICE_CHECK((a.ok() && a->secure) || (aaaa.ok() && aaaa->secure));
  }
}

void CheckTexts(const Response& response) {
  const absl::StatusOr<TxtAnswer> answer = ReadTxt(kDomain, response);
  if (!answer.ok()) return CheckError(answer.status());
  SLUICE_CHECK(!HasError(response));
  SLUICE_CHECK((answer->security == Security::kSecure) == response.secure);
  SLUICE_CHECK(!answer->texts.empty() && answer->texts.size() <= kMaxTexts);
  size_t given = 0;
  size_t read = 0;
  for (const std::string& record : response.records) given += record.size();
  for (const std::string& text : answer->texts) read += text.size();
  SLUICE_CHECK(read <= given);  // nothing is made up
}

void CheckQueryName(const std::string& typed) {
  const absl::StatusOr<std::string> name = QueryName(typed);
  if (!name.ok()) {
    SLUICE_CHECK(absl::IsInvalidArgument(name.status()));
    SLUICE_CHECK(IsPrintableAscii(name.status().message()));
    return;
  }
  SLUICE_CHECK(!name->empty() && name->size() <= 253 && name->back() != '.');
  const absl::StatusOr<std::string> again = QueryName(*name);
  SLUICE_CHECK(again.ok() && *again == *name);
}

}  // namespace
}  // namespace sluice::dns

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::dns;
  FuzzedDataProvider provider(data, size);
  sluice::Random random(provider.ConsumeIntegral<uint64_t>());
  CheckQueryName(provider.ConsumeRandomLengthString(300));
  const Response first = AnyResponse(provider);
  CheckMx(first, random);
  CheckTlsa(first);
  CheckTexts(first);
  const Response second = AnyResponse(provider);
  CheckAddresses(first, second, random);
  CheckAddresses(absl::UnavailableError("no answer"), second, random);
  return 0;
}
