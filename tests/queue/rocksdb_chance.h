// What RocksDB leaves to chance, taken from it: with one seed it does the same each time.
//
// It draws the name of each session of a database (which stands in every table file and decides
// where a block lies in the cache) from the machine, and the heights of its skip lists (which
// decide when a write buffer is full) from numbers that each thread seeds with its own address.
// Neither can be handed in. So this library defines rocksdb::DBImpl::GenerateDbSessionId and
// rocksdb::Random::GetTLSInstance itself, and the linker gives these to the shared RocksDB too.
#ifndef SLUICE_TESTS_QUEUE_ROCKSDB_CHANCE_H_
#define SLUICE_TESTS_QUEUE_ROCKSDB_CHANCE_H_

#include <cstdint>
#include <string>

namespace sluice::queue {

// For the whole process, from now on. Thread-safe.
void SeedRocksDb(uint64_t seed);

// The next of the same names that sessions are given: 20 digits of base 36.
std::string NextRocksDbName();

}  // namespace sluice::queue

#endif  // SLUICE_TESTS_QUEUE_ROCKSDB_CHANCE_H_
