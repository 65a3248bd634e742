// What every store must do, whatever is behind it: the same tests for all of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

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

// --- What the tests ask; each of these fails the test when it is not so --------------------------

Applied applied(const Outcome& outcome);
Refused refused(const Outcome& outcome);
std::string failure(const Outcome& outcome);  // its sentence

std::vector<Attachment> attachments(Store& store, const std::string& key, std::uint64_t from = 0,
                                    std::uint32_t limit = 10'000);
std::map<std::string, Versioned> records(Store& store);
Position position(Store& store);

}  // namespace interlock
