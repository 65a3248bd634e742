#include "coordinator/store/open_store.h"

#include <cstdlib>
#include <string>
#include <utility>

#include "coordinator/store/etcd_store.h"
#include "coordinator/store/memory_store.h"
#include "coordinator/store/postgres/failures.h"
#include "coordinator/store/postgres_store.h"
#include "coordinator/store/rocksdb_store.h"
#include "coordinator/store/thread_scheduler.h"
#include "fmt/core.h"

namespace interlock {
namespace {

// A base, so that the thread is there before the store and goes after it.
struct OwnThread {
  ThreadScheduler scheduler;
};

class StandaloneMemoryStore final : private OwnThread, public MemoryStore {
 public:
  StandaloneMemoryStore()
      : MemoryStore(
            std::make_shared<MemoryWorld>(),
            [this](std::uint64_t delay_ms, std::function<void()> work) {
              scheduler.run_later(delay_ms, std::move(work));
            },
            only_writer()) {}

 private:
  static MemoryFaults only_writer() {
    MemoryFaults faults;
    faults.single_writer = true;
    return faults;
  }
};

absl::StatusOr<std::unique_ptr<Store>> open_rocksdb(const std::string& directory,
                                                    bool volatile_ok) {
  if (directory.empty() || directory.starts_with("//")) {
    return absl::InvalidArgumentError(fmt::format(
        "'rocksdb:{}' names no directory: write rocksdb:/var/lib/interlock, for example.",
        directory));
  }
  if (std::getenv("K_SERVICE") != nullptr && !volatile_ok) {
    return absl::FailedPreconditionError(
        "The rocksdb store was refused because K_SERVICE is set: on Cloud Run the container's disk "
        "is memory, and every connection's state would be lost with the instance. Use a store "
        "outside of it, or say --volatile_ok.");
  }
  absl::StatusOr<std::unique_ptr<RocksdbStore>> store = RocksdbStore::open(directory);
  if (!store.ok()) return store.status();
  return *std::move(store);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> open_store(std::string_view url,
                                                  const OpenStoreOptions& options) {
  constexpr std::string_view kRocksdb = "rocksdb:";
  if (url == "memory:") return std::make_unique<StandaloneMemoryStore>();
  if (url.starts_with(kRocksdb)) {
    return open_rocksdb(std::string(url.substr(kRocksdb.size())), options.volatile_ok);
  }
  if (url.starts_with("postgres://") || url.starts_with("postgresql://")) {
    absl::StatusOr<std::unique_ptr<PostgresStore>> store = PostgresStore::open(
        std::string(url), {.asynchronous_commit_ok = options.asynchronous_commit_ok});
    if (!store.ok()) return store.status();
    return *std::move(store);
  }
  if (url.starts_with("etcd://")) {
    absl::StatusOr<std::unique_ptr<EtcdStore>> store = EtcdStore::open(std::string(url));
    if (!store.ok()) return store.status();
    return *std::move(store);
  }
  return absl::InvalidArgumentError(
      fmt::format("'{}' names no store. Known are memory:, rocksdb:DIRECTORY, postgres://... and "
                  "etcd://...",
                  url));
}

std::string shown_store_url(std::string_view url) { return postgres::without_password(url); }

}  // namespace interlock
