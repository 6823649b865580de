// A report as a message (RFC 8460 §5.3): multipart/report, the compressed JSON its second part,
// signed.
//
// Its header says "TLS-Required: No" (RFC 8689), so that what it reports does not keep it back; as
// such it is not counted in the next report either (§3, §5.3).
//
// Pure function; thread-safe.
#ifndef SLUICE_ENGINE_TLSRPT_MAIL_H_
#define SLUICE_ENGINE_TLSRPT_MAIL_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "engine/tlsrpt/dkim.h"
#include "engine/tlsrpt/report.h"

namespace sluice::tlsrpt {

// `to`: MailEndpoint's. `gzip`: of ReportJson. Lines end in CRLF, 7-bit.
std::string ReportMail(const Submitter& submitter, const Report& report, absl::string_view from,
                       absl::string_view to, absl::string_view gzip, const DkimSigner& signer,
                       absl::Time now);

}  // namespace sluice::tlsrpt

#endif  // SLUICE_ENGINE_TLSRPT_MAIL_H_
