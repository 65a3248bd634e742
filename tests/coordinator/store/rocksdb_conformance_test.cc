#include <filesystem>
#include <memory>
#include <string_view>
#include <utility>

#include "coordinator/store/rocksdb_store.h"
#include "tests/coordinator/store/conformance.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

class RocksdbBed final : public StoreBed {
 public:
  explicit RocksdbBed(RocksdbOptions options) : options_(std::move(options)) {}

  std::unique_ptr<Store> open() override {
    auto store = RocksdbStore::open(directory_.path() + "/db", options_);
    if (store.ok()) return *std::move(store);
    ADD_FAILURE() << store.status();
    return nullptr;
  }

 private:
  const RocksdbOptions options_;
  const ScratchDirectory directory_;
};

std::uint64_t one_of_three(std::string_view key) { return key.back() % 3U; }

StoreKind kind(const char* name, RocksdbOptions options) {
  return {name, [options] { return std::make_unique<RocksdbBed>(options); }};
}

// Small buffers: what is read has mostly been flushed and compacted. Shared hashes: what stands is
// mostly to be asked of the database.
INSTANTIATE_TEST_SUITE_P(Rocksdb, StoreConformance,
                         testing::Values(kind("Usual", {}),
                                         kind("SmallBuffers", {.write_buffer_bytes = 64 * 1024}),
                                         kind("SharedHashes", {.key_hash = &one_of_three})),
                         store_kind_name);

}  // namespace
}  // namespace interlock
