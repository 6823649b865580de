// The daemon's side with the real sluice-signer.
#include "tls/signer/process_signer.h"

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "engine/base/clock.h"
#include "engine/io/machine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/tls/session_fixture.h"
#include "tests/tls/test_certificates.h"
#include "tls/signer/child.h"

namespace sluice::signer {
namespace {

using testing::HasSubstr;
using tls::Credentials;
using tls::PrivateKeyRequest;
using tls::TestKey;
using Answered = absl::StatusOr<std::string>;
using Loaded = absl::StatusOr<std::shared_ptr<const Credentials>>;

constexpr absl::Duration kPatience = absl::Minutes(2);

MonoTime Deadline() { return SystemClock().MonoNow() + kPatience; }

class ProcessSignerTest : public testing::Test {
 protected:
  ProcessSignerTest()
      : directory_(absl::StrCat(testing::TempDir(), "sluice-process-signer-test-", getpid())) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<tls::Signer>> signer =
        ProcessSigner::Start({Program(), /*threads=*/2}, io::RealMachine());
    ASSERT_TRUE(signer.ok()) << signer.status();
    signer_ = *std::move(signer);
  }
  ~ProcessSignerTest() override { std::filesystem::remove_all(directory_); }

  virtual std::string Program() { return SLUICE_SIGNER; }

  tls::CredentialFiles Write(const std::string& name, TestKey key) {
    return tls::WriteTestCredentials(directory_, name, tls::TrustedAuthority().Issue({.key = key}));
  }
  Loaded Load(const std::vector<tls::CredentialFiles>& files) {
    return signer_->Load(files, Deadline());
  }
  std::future<Answered> Begin(PrivateKeyRequest request, MonoTime deadline = Deadline()) {
    auto promise = std::make_shared<std::promise<Answered>>();
    signer_->Work(std::move(request), deadline,
                  [promise](Answered answer) { promise->set_value(std::move(answer)); });
    return promise->get_future();
  }
  Answered Ask(PrivateKeyRequest request) { return Begin(std::move(request)).get(); }
  // Of a certificate's public key, as the peer checks it.
  static bool Verifies(const tls::CredentialFiles& files, const PrivateKeyRequest& request,
                       const std::string& signature);

  const std::string directory_;
  std::unique_ptr<tls::Signer> signer_;
};

bool ProcessSignerTest::Verifies(const tls::CredentialFiles& files,
                                 const PrivateKeyRequest& request, const std::string& signature) {
  // The key pair as a process that may read it has it; only its public half is used.
  const Loaded credentials = Credentials::Load({files});
  EVP_PKEY* const key = (*credentials)->key(request.key);
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* padding = nullptr;
  bool ok = EVP_DigestVerifyInit(context.get(), &padding,
                                 SSL_get_signature_algorithm_digest(request.algorithm), nullptr,
                                 key) == 1;
  if (ok && SSL_is_signature_algorithm_rsa_pss(request.algorithm) == 1) {
    ok = EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, -1) == 1;
  }
  return ok &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const uint8_t*>(signature.data()),
                          signature.size(), reinterpret_cast<const uint8_t*>(request.input.data()),
                          request.input.size()) == 1;
}

TEST_F(ProcessSignerTest, SignsWithEveryApprovedScheme) {
  const tls::CredentialFiles rsa = Write("rsa", TestKey::kRsa2048);
  const tls::CredentialFiles p384 = Write("p384", TestKey::kP384);
  const Loaded credentials = Load({p384, rsa});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  for (const int algorithm :
       {SSL_SIGN_RSA_PKCS1_SHA256, SSL_SIGN_RSA_PKCS1_SHA384, SSL_SIGN_RSA_PKCS1_SHA512,
        SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384, SSL_SIGN_RSA_PSS_RSAE_SHA512}) {
    const PrivateKeyRequest request{*credentials, Credentials::Kind::kRsa, false,
                                    static_cast<uint16_t>(algorithm), "text"};
    const Answered signature = Ask(request);
    ASSERT_TRUE(signature.ok()) << algorithm << " " << signature.status();
    EXPECT_TRUE(Verifies(rsa, request, *signature)) << algorithm;
  }
  for (const int algorithm : {SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384}) {
    const PrivateKeyRequest request{*credentials, Credentials::Kind::kEcdsa, false,
                                    static_cast<uint16_t>(algorithm), "text"};
    const Answered signature = Ask(request);
    ASSERT_TRUE(signature.ok()) << algorithm << " " << signature.status();
    EXPECT_TRUE(Verifies(p384, request, *signature)) << algorithm;
  }
}

TEST_F(ProcessSignerTest, GivesTheWholeBlockWhateverItsPadding) {
  const tls::CredentialFiles files = Write("rsa", TestKey::kRsa2048);
  const Loaded credentials = Load({files});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  const Loaded inside = Credentials::Load({files});
  RSA* const rsa = EVP_PKEY_get0_RSA((*inside)->key(Credentials::Kind::kRsa));
  // Well padded, and not: the answers are the same in kind, so that they tell nothing.
  std::string block(RSA_size(rsa), 'x');
  for (const absl::string_view start :
       {absl::string_view("\0\2", 2), absl::string_view("\0\1", 2)}) {
    block.replace(0, 2, start.data(), start.size());
    std::string encrypted(block.size(), '\0');
    size_t size = 0;
    ASSERT_EQ(
        RSA_encrypt(rsa, &size, reinterpret_cast<uint8_t*>(encrypted.data()), encrypted.size(),
                    reinterpret_cast<const uint8_t*>(block.data()), block.size(), RSA_NO_PADDING),
        1);
    const Answered answer = Ask({*credentials, Credentials::Kind::kRsa, true, 0, encrypted});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(*answer, block);
  }
}

TEST_F(ProcessSignerTest, RefusesWhatAKeyCannotDo) {
  const Loaded credentials = Load({Write("p384", TestKey::kP384), Write("rsa", TestKey::kRsa2048)});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  using Kind = Credentials::Kind;
  const std::vector<PrivateKeyRequest> unfit = {
      {*credentials, Kind::kRsa, false, SSL_SIGN_RSA_PKCS1_SHA1, "text"},
      {*credentials, Kind::kRsa, false, SSL_SIGN_ECDSA_SECP384R1_SHA384, "text"},
      {*credentials, Kind::kEcdsa, false, SSL_SIGN_RSA_PKCS1_SHA256, "text"},
      {*credentials, Kind::kEcdsa, true, 0, std::string(256, 'x')},
      // What a client sends as its encrypted premaster secret is as long as it likes.
      {*credentials, Kind::kRsa, true, 0, ""},
      {*credentials, Kind::kRsa, true, 0, std::string(255, 'x')},
      {*credentials, Kind::kRsa, true, 0, std::string(kMostInput, 'x')},
      {*credentials, Kind::kRsa, true, 0, std::string(kMostInput + 1, 'x')},
      {*credentials, Kind::kRsa, true, 0, std::string(256, '\xff')},  // over the modulus
  };
  for (size_t i = 0; i < unfit.size(); ++i) EXPECT_FALSE(Ask(unfit[i]).ok()) << i;
  // And goes on.
  EXPECT_TRUE(Ask({*credentials, Kind::kRsa, false, SSL_SIGN_RSA_PKCS1_SHA256, "text"}).ok());
}

TEST_F(ProcessSignerTest, AnswersManyAtOnce) {
  const Loaded credentials = Load({Write("rsa", TestKey::kRsa2048)});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  std::vector<std::future<Answered>> answers;
  for (int i = 0; i < 500; ++i) {
    answers.push_back(Begin({*credentials, Credentials::Kind::kRsa, false,
                             SSL_SIGN_RSA_PKCS1_SHA256, absl::StrCat("text ", i % 5)}));
  }
  // PKCS #1 v1.5 is deterministic: each has its own answer.
  std::vector<std::string> signatures;
  for (auto& answer : answers) {
    const Answered signature = answer.get();
    ASSERT_TRUE(signature.ok()) << signature.status();
    signatures.push_back(*signature);
  }
  for (size_t i = 5; i < signatures.size(); ++i) EXPECT_EQ(signatures[i], signatures[i % 5]);
  EXPECT_NE(signatures[0], signatures[1]);
}

TEST_F(ProcessSignerTest, LoadsAllOrNothingAndKeepsWhatIsHeld) {
  const PrivateKeyRequest sign{nullptr, Credentials::Kind::kRsa, false, SSL_SIGN_RSA_PKCS1_SHA256,
                               "text"};
  const auto with = [&sign](const Loaded& credentials) {
    PrivateKeyRequest request = sign;
    request.credentials = *credentials;
    return request;
  };
  const Loaded first = Load({Write("first", TestKey::kRsa2048)});
  ASSERT_TRUE(first.ok()) << first.status();

  tls::CredentialFiles second = Write("second", TestKey::kRsa3072);
  const std::string own_key = std::exchange(second.private_key, directory_ + "/first.key");
  const Loaded refused = Load({Write("p384", TestKey::kP384), second});
  EXPECT_EQ(refused.status(),
            absl::InvalidArgumentError(absl::StrCat("--tls_private_key: ", directory_,
                                                    "/first.key: is not the key of the "
                                                    "first certificate in ",
                                                    directory_, "/second.pem")));
  EXPECT_TRUE(Ask(with(first)).ok());

  second.private_key = directory_ + "/none.key";
  EXPECT_THAT(Load({second}).status().message(), HasSubstr("none.key: cannot be read"));
  second.private_key = second.certificate;
  EXPECT_THAT(Load({second}).status().message(), HasSubstr("holds no private key in PEM"));

  second.private_key = own_key;
  Loaded newer = Load({second});
  ASSERT_TRUE(newer.ok()) << newer.status();
  EXPECT_TRUE(Ask(with(newer)).ok());
  EXPECT_TRUE(Ask(with(first)).ok());  // of a session that began with it
}

TEST_F(ProcessSignerTest, DropsAKeyThatNobodyHolds) {
  const tls::CredentialFiles old_files = Write("old", TestKey::kRsa2048);
  Loaded old = Load({old_files});
  ASSERT_TRUE(old.ok()) << old.status();
  // Its name, for later, from Credentials that the signer has never heard of.
  const Loaded stranger = Credentials::Load({old_files}, Credentials::Keys::kInlineOnly);
  ASSERT_TRUE(stranger.ok());
  const PrivateKeyRequest request{*stranger, Credentials::Kind::kRsa, false,
                                  SSL_SIGN_RSA_PKCS1_SHA256, "text"};
  EXPECT_TRUE(Ask(request).ok());
  *old = nullptr;
  const Loaded current = Load({Write("new", TestKey::kRsa3072)});
  ASSERT_TRUE(current.ok()) << current.status();
  EXPECT_THAT(Ask(request).status().message(), HasSubstr("does not have this key"));
}

TEST_F(ProcessSignerTest, DropsWhatNobodyWaitsFor) {
  const Loaded credentials = Load({Write("rsa", TestKey::kRsa2048)});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  std::future<Answered> late =
      Begin({*credentials, Credentials::Kind::kRsa, false, SSL_SIGN_RSA_PKCS1_SHA256, "text"},
            MonoTime());
  EXPECT_THROW((void)late.get(), std::future_error);  // its promise was let go of
}

TEST_F(ProcessSignerTest, AProgramThatIsNoneIsToldOfAtOnce) {
  EXPECT_THAT(ProcessSigner::Start({directory_ + "/none", 1}, io::RealMachine()).status().message(),
              HasSubstr("cannot be started: No such file"));
  EXPECT_THAT(ProcessSigner::Start({"/bin/false", 1}, io::RealMachine()).status().message(),
              HasSubstr("ended at its start: exit status 1"));
  const std::string babbler = tls::WriteTestFile(
      directory_, "babbler", "#!/bin/sh\nprintf '\\377\\377\\377\\377' >&3\nexec cat <&3\n");
  std::filesystem::permissions(babbler, std::filesystem::perms::owner_all);
  EXPECT_THAT(ProcessSigner::Start({babbler, 1}, io::RealMachine()).status().message(),
              HasSubstr("ended at its start: it sent what is no response, and was killed"));
}

// A signer whose process can be found: it notes its number on a line of `pids` before it becomes
// one.
class DyingProcessTest : public ProcessSignerTest {
 protected:
  std::string Program() override {
    const std::string script =
        tls::WriteTestFile(directory_, "signer",
                           absl::StrCat("#!/bin/sh\necho $$ >> ", directory_, "/pids\nexec ",
                                        SLUICE_SIGNER, " \"$@\"\n"));
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    return script;
  }
  std::vector<pid_t> Pids() const {
    std::ifstream file(directory_ + "/pids");
    return {std::istream_iterator<pid_t>(file), {}};
  }
  static PrivateKeyRequest Sign(const Loaded& credentials) {
    return {*credentials, Credentials::Kind::kRsa, false, SSL_SIGN_RSA_PKCS1_SHA256, "text"};
  }
};

TEST_F(DyingProcessTest, IsReplacedAndHandshakesGoOn) {
  const Loaded credentials = Load({Write("rsa", TestKey::kRsa2048)});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  for (size_t life = 1; life <= 3; ++life) {
    ASSERT_EQ(Pids().size(), life);
    kill(Pids().back(), SIGSTOP);  // it answers nothing more
    std::vector<std::future<Answered>> under_way;
    for (int i = 0; i < 50; ++i) under_way.push_back(Begin(Sign(credentials)));
    kill(Pids().back(), SIGKILL);
    // Each was with the process, and fails, or was not yet, and is answered by the next.
    for (auto& one : under_way) {
      const Answered answer = one.get();
      if (answer.ok()) continue;
      EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
      EXPECT_THAT(answer.status().message(), HasSubstr("killed by signal 9"));
    }
    const Answered answer = Ask(Sign(credentials));
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
}

TEST_F(DyingProcessTest, AKeyThatIsLostMeanwhileIsMissedUntilAReload) {
  const tls::CredentialFiles files = Write("rsa", TestKey::kRsa2048);
  const Loaded credentials = Load({files});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  std::filesystem::rename(files.private_key, files.private_key + ".away");
  kill(Pids().back(), SIGKILL);
  absl::Status missed;
  while (!absl::IsInternal(missed)) {  // Unavailable, as long as it was with the old process
    missed = Ask(Sign(credentials)).status();
    ASSERT_TRUE(absl::IsInternal(missed) || absl::IsUnavailable(missed) || missed.ok()) << missed;
  }
  EXPECT_THAT(missed.message(), HasSubstr("does not have this key"));
  EXPECT_FALSE(Load({files}).ok());
  std::filesystem::rename(files.private_key + ".away", files.private_key);
  EXPECT_TRUE(Load({files}).ok());
  EXPECT_TRUE(Ask(Sign(credentials)).ok());
}

// The process by itself, which is sent what no sluiced sends.
TEST(SignerProcessTest, EndsWhenItIsSentWhatIsNoRequest) {
  Request request;
  request.operation = static_cast<Operation>(77);
  const std::string other_operation = Encode(request);
  for (const std::string& bytes :
       {other_operation, std::string("\xff\xff\xff\xff"), std::string("\0\0\0\1x", 5)}) {
    const auto child = Child::Start(SLUICE_SIGNER, 2);
    ASSERT_TRUE(child.ok()) << child.status();
    EXPECT_TRUE((*child)->Send(bytes));
    std::vector<Response> responses;
    EXPECT_FALSE((*child)->Receive(responses));
    EXPECT_THAT((*child)->End(), HasSubstr("exit status 3: it was sent what is no request"));
  }
}

}  // namespace
}  // namespace sluice::signer
