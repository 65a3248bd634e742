#include <filesystem>
#include <memory>

#include "coordinator/store/rocksdb_store.h"
#include "tests/coordinator/store/conformance.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

class RocksdbBed final : public StoreBed {
 public:
  explicit RocksdbBed(std::size_t write_buffer_bytes) : write_buffer_bytes_(write_buffer_bytes) {}

  std::unique_ptr<Store> open() override {
    RocksdbOptions options;
    options.write_buffer_bytes = write_buffer_bytes_;
    auto store = RocksdbStore::open(directory_.path() + "/db", options);
    if (store.ok()) return *std::move(store);
    ADD_FAILURE() << store.status();
    return nullptr;
  }

 private:
  const std::size_t write_buffer_bytes_;
  const ScratchDirectory directory_;
};

StoreKind kind(const char* name, std::size_t write_buffer_bytes) {
  return {name, [=] { return std::make_unique<RocksdbBed>(write_buffer_bytes); }};
}

// Small buffers: what is read has mostly been flushed and compacted.
INSTANTIATE_TEST_SUITE_P(Rocksdb, StoreConformance,
                         testing::Values(kind("Usual", RocksdbOptions{}.write_buffer_bytes),
                                         kind("SmallBuffers", 64 * 1024)),
                         store_kind_name);

}  // namespace
}  // namespace interlock
