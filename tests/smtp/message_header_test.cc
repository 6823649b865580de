#include "engine/smtp/message_header.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

bool Says(absl::string_view message) { return SaysTlsRequiredNo(io::Body::Copy(message)); }

TEST(MessageHeaderTest, TlsRequiredNoInWhateverWayItIsWritten) {
  for (const std::string field :
       {"TLS-Required: No\r\n", "tls-required:no\r\n", "TLS-REQUIRED: \t NO \r\n",
        "TLS-Required:\r\n No\r\n", "TLS-Required: No\r\n \t\r\n"}) {
    EXPECT_TRUE(Says(absl::StrCat(field, "\r\nbody\r\n"))) << field;
    EXPECT_TRUE(Says(absl::StrCat("From: a@b\r\n", field, "To: c@d\r\n\r\nbody\r\n"))) << field;
  }
}

TEST(MessageHeaderTest, NothingElseIsTakenForIt) {
  for (const std::string message :
       {"", "\r\nTLS-Required: No\r\n", "From: a\r\n\r\nTLS-Required: No\r\n",
        "TLS-Required: Yes\r\n\r\n", "TLS-Required:\r\n\r\n", "X-TLS-Required: No\r\n\r\n",
        "Subject: x\r\n TLS-Required: No\r\n\r\n", "TLS-Required: No, Yes\r\n\r\n",
        "TLS-Required: No\r\nTLS-Required: No\r\n\r\n",
        "TLS-Required: No\r\nTLS-Required: Yes\r\n\r\n"}) {
    EXPECT_FALSE(Says(message)) << message;
  }
}

TEST(MessageHeaderTest, TheLookAtAHeaderIsBounded) {
  const std::string field = "TLS-Required: No\r\n";
  const std::string line = "X: 0123456789\r\n";
  std::string header;
  while (header.size() + line.size() + field.size() <= kSearchedHeaderBytes) header += line;
  EXPECT_TRUE(Says(absl::StrCat(header, field, "\r\n")));
  while (header.size() <= kSearchedHeaderBytes) header += line;
  EXPECT_FALSE(Says(absl::StrCat(header, field, "\r\n")));
}

TEST(MessageHeaderTest, ABodyMayBeCutAnywhere) {
  const std::string message = "A: 1\r\nTLS-Required: No\r\n\r\nbody\r\n";
  for (size_t cut = 0; cut <= message.size(); ++cut) {
    io::Body body;
    body.Append(io::Chunk::Copy(absl::string_view(message).substr(0, cut)));
    body.Append(io::Chunk::Copy(absl::string_view(message).substr(cut)));
    EXPECT_TRUE(SaysTlsRequiredNo(body)) << cut;
    EXPECT_EQ(HeaderOf(body, 10), "A: 1\r\n") << cut;
  }
}

}  // namespace
}  // namespace sluice::smtp
