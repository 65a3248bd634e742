// A store whose every promise is noted before anybody can rest on it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "coordinator/store/store.h"
#include "tests/crash/black_box.h"

namespace interlock {

class WitnessedStore final : public Store {
 public:
  WitnessedStore(std::unique_ptr<Store> store, BlackBox& box);

  StoreLimits limits() const override { return store_->limits(); }
  bool single_writer() const override { return store_->single_writer(); }
  void load(LoadSink sink) override;
  void watch(Position from, FeedSink sink) override;
  void commit(Batch batch, std::function<void(std::vector<Outcome>)> done) override;
  void read(
      std::vector<ReadRequest> requests,
      std::function<void(absl::StatusOr<std::vector<std::vector<Attachment>>>)> done) override;

 private:
  BlackBox& box_;
  std::uint64_t commits_ = 0;  // the caller's thread
  const std::unique_ptr<Store> store_;
};

}  // namespace interlock
