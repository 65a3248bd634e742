#include <atomic>
#include <functional>
#include <future>
#include <memory>

#include "coordinator/store/memory_store.h"
#include "coordinator/store/thread_scheduler.h"
#include "tests/coordinator/store/conformance.h"

namespace interlock {
namespace {

class MemoryBed final : public StoreBed {
 public:
  explicit MemoryBed(MemoryFaults faults) : faults_(std::move(faults)) {}

  std::unique_ptr<Store> open() override {
    return std::make_unique<MemoryStore>(world_, scheduler(), faults_);
  }
  void lose_positions() override {
    std::promise<void> done;
    threads_.run_later(0, [&] {  // where the world is at home
      world_->forget_feed();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  Scheduler scheduler() {
    return [this](std::uint64_t delay_ms, std::function<void()> work) {
      threads_.run_later(delay_ms, std::move(work));
    };
  }

  const MemoryFaults faults_;
  const std::shared_ptr<MemoryWorld> world_ = std::make_shared<MemoryWorld>();
  ThreadScheduler threads_;
};

StoreKind plain() {
  return {"Plain", [] { return std::make_unique<MemoryBed>(MemoryFaults{}); }};
}

// Whatever a store may do without being wrong.
StoreKind slow_and_skipping() {
  return {"SlowAndSkipping", [] {
            auto number = std::make_shared<std::atomic<std::uint64_t>>(0);
            const auto random = [number] { return (++*number * 0x9e3779b97f4a7c15ULL) >> 40; };
            const auto lag_ms = [random] { return random() % 16 == 0 ? random() % 4 : 0; };
            MemoryFaults faults;
            faults.random = random;
            faults.skip_states = true;
            faults.feed_lag_ms = lag_ms;
            faults.read_lag_ms = lag_ms;
            faults.fate = [lag_ms](const Entry&) {
              Fate fate;
              fate.apply_after_ms = lag_ms();
              fate.answer_after_ms = lag_ms();
              return fate;
            };
            return std::make_unique<MemoryBed>(faults);
          }};
}

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformance, testing::Values(plain(), slow_and_skipping()),
                         store_kind_name);
INSTANTIATE_TEST_SUITE_P(Memory, SharedStoreConformance,
                         testing::Values(plain(), slow_and_skipping()), store_kind_name);

}  // namespace
}  // namespace interlock
