#include "engine/smtp/received_field.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tls/connection_info.h"

namespace sluice::smtp {
namespace {

const absl::Time kNow =
    absl::FromCivil(absl::CivilSecond(2026, 3, 2, 12, 0, 0), absl::UTCTimeZone());

class ReceivedFieldTest : public testing::Test {
 protected:
  ReceivedFieldTest() {
    tls_.version_name = "TLSv1.3";
    tls_.cipher = "TLS_AES_128_GCM_SHA256";
    tls_.cipher_bits = 128;
    client_.remote = *io::SocketAddress::Parse("192.0.2.1:40123");
    client_.helo = "mail.example.org";
    client_.esmtp = true;
    client_.tls = &tls_;
  }

  std::string Field(bool smtputf8 = false, absl::Time now = kNow) {
    return ReceivedField("gw.example.net", client_, "06A2K3", recipients_, smtputf8, now);
  }

  tls::ConnectionInfo tls_;
  Client client_;
  std::vector<Address> recipients_ = {{.text = "user@example.com", .domain = "example.com"}};
};

TEST_F(ReceivedFieldTest, TellsWhereItCameFromAndHow) {
  EXPECT_EQ(Field(),
            "Received: from mail.example.org ([192.0.2.1])\r\n"
            "\t(using TLSv1.3 with cipher TLS_AES_128_GCM_SHA256 (128/128 bits))\r\n"
            "\tby gw.example.net (Sluice) with ESMTPS id 06A2K3\r\n"
            "\tfor <user@example.com>; Mon, 02 Mar 2026 12:00:00 +0000\r\n");
  recipients_.push_back({.text = "bcc@example.com", .domain = "example.com"});
  client_.tls = nullptr;
  EXPECT_EQ(Field(/*smtputf8=*/true),
            "Received: from mail.example.org ([192.0.2.1])\r\n"
            "\tby gw.example.net (Sluice) with UTF8SMTP id 06A2K3; "
            "Mon, 02 Mar 2026 12:00:00 +0000\r\n");
}

TEST_F(ReceivedFieldTest, ANameEndsNeitherCommentNorField) {
  client_.helo = "a(b)c;\"@<x>";
  EXPECT_EQ(Field().substr(0, 30), "Received: from a?b?c????x? ([1");
}

TEST_F(ReceivedFieldTest, TheTimeIsThatOfEachMessage) {
  const auto time_of = [this](absl::Time now) {
    const std::string field = Field(/*smtputf8=*/false, now);
    return field.substr(field.rfind(';') + 2);
  };
  EXPECT_EQ(time_of(kNow), "Mon, 02 Mar 2026 12:00:00 +0000\r\n");
  EXPECT_EQ(time_of(kNow + absl::Milliseconds(999)), "Mon, 02 Mar 2026 12:00:00 +0000\r\n");
  EXPECT_EQ(time_of(kNow + absl::Seconds(1)), "Mon, 02 Mar 2026 12:00:01 +0000\r\n");
  EXPECT_EQ(time_of(kNow - absl::Nanoseconds(1)), "Mon, 02 Mar 2026 11:59:59 +0000\r\n");
  EXPECT_EQ(time_of(kNow + absl::Hours(24 * 365)), "Tue, 02 Mar 2027 12:00:00 +0000\r\n");
}

}  // namespace
}  // namespace sluice::smtp
