// What every store must do, whatever is behind it: the same tests for all of them.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "coordinator/store/store.h"
#include "gtest/gtest.h"

namespace interlock {

// The data that outlives a store.
class StoreBed {
 public:
  virtual ~StoreBed() = default;

  // In the suite for one process the store before has been destroyed.
  virtual std::unique_ptr<Store> open() = 0;

  // All positions that there are, but the present one, are lost to stores opened from now on.
  // Called while none is open. Nothing to do where a restart loses them.
  virtual void lose_positions() {}
};

// A store's tests link interlock_store_conformance and say
//   INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(kind), store_kind_name);
// and the same for SharedStoreConformance when several processes can use the store.
struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<StoreBed>()> make;  // each time an empty one

  friend std::ostream& operator<<(std::ostream& to, const StoreKind& kind) {
    return to << kind.name;
  }
};

std::string store_kind_name(const testing::TestParamInfo<StoreKind>& info);

class StoreConformance : public testing::TestWithParam<StoreKind> {
 protected:
  StoreConformance() : bed_(GetParam().make()), store_(bed_->open()) {}

  void reopen() {
    store_.reset();
    store_ = bed_->open();
  }

  const std::unique_ptr<StoreBed> bed_;
  std::unique_ptr<Store> store_;
};

// Several stores are open on one bed at the same time.
class SharedStoreConformance : public StoreConformance {};

}  // namespace interlock
