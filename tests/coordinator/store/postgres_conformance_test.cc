#include <memory>

#include "coordinator/store/postgres_store.h"
#include "tests/coordinator/store/conformance.h"
#include "tests/coordinator/store/postgres_server.h"

namespace interlock {
namespace {

// One server for all tests, a database for each.
PostgresServer& server() {
  static PostgresServer one;
  return one;
}

class PostgresBed final : public StoreBed {
 public:
  std::unique_ptr<Store> open() override {
    auto store = PostgresStore::open(server().url(database_));
    if (store.ok()) return *std::move(store);
    ADD_FAILURE() << store.status();
    return nullptr;
  }
  void lose_positions() override {
    server().run(database_, "UPDATE interlock_head SET forgotten = position");
  }

 private:
  const std::string database_ = server().make_database();
};

StoreKind kind() {
  return {"Postgres", [] { return std::make_unique<PostgresBed>(); }};
}

INSTANTIATE_TEST_SUITE_P(Postgres, StoreConformance, testing::Values(kind()), store_kind_name);
INSTANTIATE_TEST_SUITE_P(Postgres, SharedStoreConformance, testing::Values(kind()),
                         store_kind_name);

}  // namespace
}  // namespace interlock
