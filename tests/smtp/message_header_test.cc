#include "engine/smtp/message_header.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "engine/io/chunk.h"
#include "gtest/gtest.h"

namespace sluice::smtp {
namespace {

bool Says(absl::string_view message) { return SaysTlsRequiredNo(io::Body::Copy(message)); }

// In chunks of every size, so that the empty line lies across two of them in every way.
TEST(MessageHeaderTest, TheHeaderEndsAtTheEmptyLine) {
  constexpr size_t kMost = 64 * 1024;
  const std::string header = "Subject: a\r\n b\r\nTo: c\r\n";
  const auto header_of = [](const std::string& text, size_t chunk) {
    io::Body body;
    for (size_t at = 0; at < text.size(); at += chunk) {
      body.Append(io::Chunk::Copy(text.substr(at, chunk)));
    }
    return HeaderOf(body, kMost);
  };
  for (size_t chunk = 1; chunk <= header.size(); ++chunk) {
    EXPECT_EQ(header_of(header + "\r\nbody\r\n\r\nmore\r\n", chunk), header) << chunk;
  }
  EXPECT_EQ(header_of("\r\nbody\r\n", 64), "");
  EXPECT_EQ(header_of(header, 5), header);  // nothing but a header
  EXPECT_EQ(HeaderOf(io::Body(), kMost), "");
  // Cut behind a whole line.
  const std::string line = std::string(98, 'x') + "\r\n";
  std::string endless;
  while (endless.size() <= kMost) endless += line;
  EXPECT_EQ(header_of(endless, 4096).size(), kMost / line.size() * line.size());
}

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
