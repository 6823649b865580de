#include "engine/tlsrpt/dkim.h"

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/base/check.h"
#include "engine/base/sha256.h"

namespace sluice::tlsrpt {
namespace {

constexpr size_t kLineOctets = 72;

// Each run of spaces, tabs and line ends as one space; none at the ends.
std::string OneSpaced(absl::string_view text) {
  std::vector<absl::string_view> words =
      absl::StrSplit(text, absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty());
  return absl::StrJoin(words, " ");
}

// RFC 6376 §3.4.2.
std::string RelaxedHeader(absl::string_view name, absl::string_view value) {
  return absl::StrCat(absl::AsciiStrToLower(name), ":", OneSpaced(value));
}

// §3.4.4.
std::string RelaxedBody(absl::string_view body) {
  std::string relaxed;
  for (absl::string_view line : absl::StrSplit(body, "\r\n")) {
    bool space = false;
    for (const char c : line) {
      if (c == ' ' || c == '\t') {
        space = true;
        continue;
      }
      if (space) relaxed.push_back(' ');
      space = false;
      relaxed.push_back(c);
    }
    relaxed.append("\r\n");
  }
  while (absl::EndsWith(relaxed, "\r\n\r\n")) relaxed.resize(relaxed.size() - 2);
  return relaxed == "\r\n" ? "" : relaxed;
}

// Folded, since base64 has no place of its own to be broken at.
std::string Folded(const std::string& base64) {
  std::string folded;
  for (size_t i = 0; i < base64.size(); i += kLineOctets) {
    absl::StrAppend(&folded, i == 0 ? "" : "\r\n\t", base64.substr(i, kLineOctets));
  }
  return folded;
}

}  // namespace

std::string DkimSignature(const DkimSigner& signer, const HeaderFields& headers,
                          absl::string_view body, absl::Time now) {
  SLUICE_CHECK(signer.key != nullptr);
  std::string signed_text;
  std::vector<std::string> names;
  for (const auto& [name, value] : headers) {
    absl::StrAppend(&signed_text, RelaxedHeader(name, value), "\r\n");
    names.push_back(absl::AsciiStrToLower(name));
  }
  const std::string value =
      absl::StrCat("v=1; a=", signer.key->dkim_algorithm(),
                   "; c=relaxed/relaxed;\r\n\td=", signer.domain, "; s=", signer.selector,
                   "; t=", absl::ToUnixSeconds(now), ";\r\n\th=", absl::StrJoin(names, ":\r\n\t "),
                   ";\r\n\tbh=", absl::Base64Escape(Sha256({RelaxedBody(body)})), ";\r\n\tb=");
  // Its own field, without the signature and without a line end (§3.7).
  absl::StrAppend(&signed_text, RelaxedHeader("DKIM-Signature", value));
  return absl::StrCat("DKIM-Signature: ", value,
                      Folded(absl::Base64Escape(signer.key->Sign(signed_text))), "\r\n");
}

}  // namespace sluice::tlsrpt
