#include "tests/queue/rocksdb_chance.h"

#include <atomic>
#include <mutex>

#include "engine/base/random.h"

namespace sluice::queue {
namespace {

struct Names {
  std::mutex mutex;
  Random random{1};
};

Names& TheNames() {
  static Names& names = *new Names;  // databases may be closed as late as they like
  return names;
}

std::atomic<uint64_t> seeds{1};  // counts SeedRocksDb
std::atomic<uint32_t> thread_seed{1};

void AppendBase36(uint64_t value, size_t digits, std::string& text) {
  text.resize(text.size() + digits);
  for (size_t i = 0; i < digits; ++i, value /= 36) {
    text[text.size() - 1 - i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % 36];
  }
}

}  // namespace

void SeedRocksDb(uint64_t seed) {
  Names& names = TheNames();
  const std::lock_guard lock(names.mutex);
  names.random = Random(seed);
  thread_seed.store(static_cast<uint32_t>(names.random.Next()));
  seeds.fetch_add(1);
}

std::string NextRocksDbName() {
  Names& names = TheNames();
  const std::lock_guard lock(names.mutex);
  // As table/unique_id.cc, EncodeSessionId, has it: two numbers, neither of them zero.
  std::string text;
  AppendBase36(1 + names.random.Below(uint64_t{1} << 40), 8, text);
  AppendBase36(1 + names.random.Below((uint64_t{1} << 62) - 1), 12, text);
  return text;
}

}  // namespace sluice::queue

namespace rocksdb {

class Env;

// These two are not what RocksDB's headers, which are not installed, declare under their names;
// what has to agree is how they are called and what is given back.
class DBImpl {
 public:
  static std::string GenerateDbSessionId(Env* env);
};

// The numbers of Park and Miller: the state is the last one drawn, in [1, 2^31-2].
class Random {
 public:
  static Random* GetTLSInstance();

 private:
  uint32_t state_ = 1;
};

std::string DBImpl::GenerateDbSessionId(Env* /*env*/) { return sluice::queue::NextRocksDbName(); }

Random* Random::GetTLSInstance() {
  static thread_local Random random;
  static thread_local uint64_t seen = 0;
  const uint64_t seeds = sluice::queue::seeds.load(std::memory_order_relaxed);
  if (seen != seeds) {
    seen = seeds;
    random.state_ = 1 + sluice::queue::thread_seed.load() % 2147483645;
  }
  return &random;
}

}  // namespace rocksdb
