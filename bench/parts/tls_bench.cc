// TLS in memory, without a socket: what a handshake costs next to the cryptography in it, how fast
// records are sealed, and what an idle session keeps.
//
//   tls_bench --benchmark_filter=Handshake
//
// Both sides of a handshake run here, one behind the other. x_primitives is its time as a multiple
// of the public-key operations that both sides cannot do without, measured alone: 1.0 would be a
// handshake in which parsing, hashing, key schedule and allocation cost nothing.
#include <malloc.h>
#include <openssl/aead.h>
#include <openssl/ec_key.h>
#include <openssl/ecdh.h>
#include <openssl/ecdsa.h>
#include <openssl/nid.h>
#include <openssl/sha.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/parts/in_turns.h"
#include "bench/parts/session_world.h"
#include "benchmark/benchmark.h"
#include "engine/base/check.h"
#include "tests/tls/test_certificates.h"

namespace sluice::tls {
namespace {

// Of one call, over enough of them.
template <typename Call>
double SecondsOf(Call call) {
  const double start_s = ThreadSeconds();
  double spent_s = 0;
  int calls = 0;
  do {
    for (int i = 0; i < 16; ++i) call();
    calls += 16;
    spent_s = ThreadSeconds() - start_s;
  } while (spent_s < 0.2);
  return spent_s / calls;
}

struct Primitives {
  double key_generation_s;
  double agreement_s;
  double signature_s;
  double verification_s;
};

// P-256, as BoringSSL does it for anybody who calls it.
const Primitives& P256() {
  static const Primitives primitives = [] {
    const bssl::UniquePtr<EC_KEY> key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    const bssl::UniquePtr<EC_KEY> other(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
    SLUICE_CHECK(EC_KEY_generate_key(key.get()) == 1 && EC_KEY_generate_key(other.get()) == 1);
    uint8_t digest[SHA256_DIGEST_LENGTH] = {1};
    uint8_t signature[128];
    unsigned size = sizeof(signature);
    Primitives measured;
    measured.key_generation_s = SecondsOf([&] { EC_KEY_generate_key(other.get()); });
    measured.agreement_s = SecondsOf([&] {
      uint8_t secret[32];
      const EC_POINT* const point = EC_KEY_get0_public_key(other.get());
      SLUICE_CHECK(ECDH_compute_key(secret, sizeof(secret), point, key.get(), nullptr) == 32);
    });
    measured.signature_s = SecondsOf([&] {
      SLUICE_CHECK(ECDSA_sign(0, digest, sizeof(digest), signature, &size, key.get()) == 1);
    });
    measured.verification_s = SecondsOf([&] {
      SLUICE_CHECK(ECDSA_verify(0, digest, sizeof(digest), signature, size, key.get()) == 1);
    });
    return measured;
  }();
  return primitives;
}

void Handshakes(benchmark::State& state, SessionWorld& world, bool resumed, double primitives_s) {
  SessionWorld::Pair pair;
  int peer = 0;
  if (resumed) world.Connect("peer", pair);
  const double start_s = ThreadSeconds();
  for (auto _ : state) {
    pair = {};
    world.Connect(resumed ? "peer" : std::to_string(peer++), pair);
    SLUICE_CHECK(pair.client->info().resumed == resumed);
  }
  state.SetItemsProcessed(state.iterations());
  if (primitives_s > 0) {
    state.counters["x_primitives"] =
        (ThreadSeconds() - start_s) / (static_cast<double>(state.iterations()) * primitives_s);
  }
}

// Each side makes a key and agrees; the server signs, the client verifies.
double FullPrimitives() {
  const Primitives& p = P256();
  return 2 * (p.key_generation_s + p.agreement_s) + p.signature_s + p.verification_s;
}
// psk_dhe_ke (RFC 8446 §4.2.9): keys are agreed on anew, nothing is signed.
double ResumedPrimitives() { return 2 * (P256().key_generation_s + P256().agreement_s); }

void BM_HandshakeEcdsa(benchmark::State& state) {
  SessionWorld world(TestKey::kP256);
  Handshakes(state, world, /*resumed=*/false, FullPrimitives());
}
BENCHMARK(BM_HandshakeEcdsa);

void BM_HandshakeResumed(benchmark::State& state) {
  SessionWorld world(TestKey::kP256);
  Handshakes(state, world, /*resumed=*/true, ResumedPrimitives());
}
BENCHMARK(BM_HandshakeResumed);

void BM_HandshakeRsa2048(benchmark::State& state) {
  SessionWorld world(TestKey::kRsa2048);
  Handshakes(state, world, /*resumed=*/false, 0);
}
BENCHMARK(BM_HandshakeRsa2048);

void BM_Signature(benchmark::State& state, TestKey key) {
  const TestAuthority authority("Bench Root");
  PrivateKeyRequest request;
  request.credentials = LoadTestCredentials({authority.Issue({.key = key})});
  const bool rsa = key == TestKey::kRsa2048 || key == TestKey::kRsa3072;
  request.key = rsa ? Credentials::Kind::kRsa : Credentials::Kind::kEcdsa;
  request.algorithm = rsa ? 0x0804 /* rsa_pss_rsae_sha256 */ : 0x0403 /* ecdsa, SHA-256 */;
  request.input = std::string(130, 'x');
  for (auto _ : state) {
    const absl::StatusOr<std::string> signature = UsePrivateKey(request);
    SLUICE_CHECK(signature.ok());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_Signature, P256, TestKey::kP256);
BENCHMARK_CAPTURE(BM_Signature, P384, TestKey::kP384);
BENCHMARK_CAPTURE(BM_Signature, RSA2048, TestKey::kRsa2048);

// A body on its way out: 64 KiB a time, four records in one send.
constexpr size_t kBody = 64 * 1024;

void BM_Encrypt(benchmark::State& state) {
  SessionWorld world(TestKey::kP256);
  SessionWorld::Pair pair;
  world.Connect("peer", pair);
  const std::string body(kBody, 'x');
  for (auto _ : state) {
    SLUICE_CHECK(pair.server->Encrypt(body).ok());
    benchmark::DoNotOptimize(pair.server->output().data());
    pair.server->output().clear();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kBody));
}
BENCHMARK(BM_Encrypt);

// AES-GCM by itself, with the key length that `info` tells of: what a record cannot do without.
class Aead {
 public:
  explicit Aead(const ConnectionInfo& info) {
    const EVP_AEAD* const aead =
        info.cipher_bits == 128 ? EVP_aead_aes_128_gcm() : EVP_aead_aes_256_gcm();
    const uint8_t key[32] = {1};
    SLUICE_CHECK(EVP_AEAD_CTX_init(context_.get(), aead, key, EVP_AEAD_key_length(aead), kTag,
                                   nullptr) == 1);
  }
  void SealAndOpen(absl::string_view text) {
    const uint8_t nonce[12] = {1};
    sealed_.resize(text.size() + kTag);
    opened_.resize(sealed_.size());
    size_t size = 0;
    SLUICE_CHECK(EVP_AEAD_CTX_seal(context_.get(), sealed_.data(), &size, sealed_.size(), nonce,
                                   sizeof(nonce), reinterpret_cast<const uint8_t*>(text.data()),
                                   text.size(), nullptr, 0) == 1);
    SLUICE_CHECK(EVP_AEAD_CTX_open(context_.get(), opened_.data(), &size, opened_.size(), nonce,
                                   sizeof(nonce), sealed_.data(), sealed_.size(), nullptr, 0) == 1);
    benchmark::DoNotOptimize(opened_.data());
  }

 private:
  static constexpr size_t kTag = 16;
  bssl::ScopedEVP_AEAD_CTX context_;
  std::vector<uint8_t> sealed_;
  std::vector<uint8_t> opened_;
};

// One record from end to end: encrypted by one side, decrypted by the other. x_aead is its time as
// a multiple of sealing and opening so many bytes.
void BM_Record(benchmark::State& state) {
  SessionWorld world(TestKey::kP256);
  SessionWorld::Pair pair;
  world.Connect("peer", pair);
  const std::string sent(static_cast<size_t>(state.range(0)), 'x');
  std::string received;
  const auto record = [&] {
    SLUICE_CHECK(pair.server->Encrypt(sent).ok());
    pair.client->Feed(pair.server->output());
    (void)pair.client->Decrypt(received, 2 * sent.size());
    SLUICE_CHECK(received.size() == sent.size());
    pair.server->output().clear();
    received.clear();
  };
  for (auto _ : state) record();
  state.SetBytesProcessed(state.iterations() * state.range(0));
  Aead aead(pair.server->info());
  const int64_t some = 1 + (int64_t{1} << 20) / (state.range(0) + 256);
  const auto repeat = [some](auto work) {
    return [some, work]() mutable {
      for (int64_t i = 0; i < some; ++i) work();
    };
  };
  state.counters["x_aead"] = InTurns(repeat(record), repeat([&] { aead.SealAndOpen(sent); }));
  state.SetLabel(pair.server->info().cipher);
}
BENCHMARK(BM_Record)->ArgName("bytes")->Arg(32)->Arg(256)->Arg(1024)->Arg(4096)->Arg(16 * 1024);

// Heap that a client's and a server's session keep together while nothing is sent.
void BM_IdleSessionPair(benchmark::State& state) {
  constexpr int kSessions = 500;
  SessionWorld world(TestKey::kP256);
  size_t bytes = 0;
  for (auto _ : state) {
    std::vector<SessionWorld::Pair> pairs(kSessions);
    world.Connect("peer", pairs[0]);
    const size_t before = mallinfo2().uordblks;
    for (int i = 1; i < kSessions; ++i) {
      world.Connect("peer", pairs[static_cast<size_t>(i)]);
    }
    bytes = (mallinfo2().uordblks - before) / (kSessions - 1);
  }
  state.counters["bytes"] = static_cast<double>(bytes);
}
BENCHMARK(BM_IdleSessionPair)->Iterations(1);

}  // namespace
}  // namespace sluice::tls

BENCHMARK_MAIN();
