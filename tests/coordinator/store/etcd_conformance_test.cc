#include <memory>

#include "coordinator/store/etcd_store.h"
#include "tests/coordinator/store/conformance.h"
#include "tests/coordinator/store/etcd_server.h"

namespace interlock {
namespace {

// One server for all tests, a prefix for each.
EtcdServer& server() {
  static EtcdServer one;
  return one;
}

class EtcdBed final : public StoreBed {
 public:
  explicit EtcdBed(const std::string& options) : url_(server().url(options)) {}

  std::unique_ptr<Store> open() override {
    auto store = EtcdStore::open(url_);
    if (store.ok()) return *std::move(store);
    ADD_FAILURE() << store.status();
    return nullptr;
  }
  // A watch may begin at the very revision that is compacted, so another one must lie between.
  void lose_positions() override {
    server().run("put of-the-test something");
    server().compact(server().revision());
  }

 private:
  const std::string url_;
};

StoreKind kind(const char* name, const std::string& options) {
  return {name, [=] { return std::make_unique<EtcdBed>(options); }};
}

StoreKind usual() { return kind("Usual", ""); }
// Every batch is several Txns.
StoreKind small_txns() { return kind("SmallTxns", "max_txn_ops=64&txns_under_way_max=2"); }

INSTANTIATE_TEST_SUITE_P(Etcd, StoreConformance, testing::Values(usual(), small_txns()),
                         store_kind_name);
INSTANTIATE_TEST_SUITE_P(Etcd, SharedStoreConformance, testing::Values(usual()), store_kind_name);

}  // namespace
}  // namespace interlock
