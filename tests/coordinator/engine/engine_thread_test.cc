// The engine behind its thread: many threads ask, and nothing is heard after the end.
#include "coordinator/engine/engine_thread.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>
#include <set>

#include "coordinator/engine/after_step.h"
#include "coordinator/store/memory_store.h"
#include "coordinator/store/thread_scheduler.h"
#include "tests/coordinator/engine/asking.h"

namespace interlock {
namespace {

using testing::SizeIs;

class Counting : public EngineObserver {
 public:
  void happened(const Happened&) override { ++steps; }
  void committed(const Committed& committed, double) override {
    ++commits;
    const std::lock_guard lock(mutex);
    if (!committed.trouble.empty()) trouble = committed.trouble;
  }
  void answered(const Answered& answered) override {
    if (std::holds_alternative<Refusal>(answered.answer)) ++refusals;
  }
  void fatal(const std::string& reason) override { ADD_FAILURE() << reason; }

  std::atomic<std::uint64_t> steps{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> refusals{0};
  std::mutex mutex;
  std::string trouble;
};

class EngineThreads : public testing::Test {
 protected:
  std::unique_ptr<EngineThread> make(EngineLimits limits = {}, MemoryFaults faults = {}) {
    auto store = std::make_unique<MemoryStore>(
        world_,
        [this](std::uint64_t delay_ms, std::function<void()> work) {
          threads_.run_later(delay_ms, std::move(work));
        },
        std::move(faults));
    store_ = store.get();
    return std::make_unique<EngineThread>(std::move(store), limits, [] { return 0.5; }, counting_);
  }
  template <class Kind>
  std::unique_ptr<Kind> make_store() {
    return std::make_unique<Kind>(world_,
                                  [this](std::uint64_t delay_ms, std::function<void()> work) {
                                    threads_.run_later(delay_ms, std::move(work));
                                  });
  }
  static Answer ask(EngineThread& engine, const std::string& key, Command command) {
    std::promise<Answer> answer;
    engine.ask(key, std::move(command),
               [&](Answer given, Revision) { answer.set_value(std::move(given)); });
    return answer.get_future().get();
  }

  Counting counting_;
  std::shared_ptr<MemoryWorld> world_ = std::make_shared<MemoryWorld>();
  ThreadScheduler threads_;
  MemoryStore* store_ = nullptr;  // of the last engine that was made
};

TEST_F(EngineThreads, ManyThreadsAskAndEachIsAnsweredOnce) {
  constexpr int kThreads = 6;
  constexpr int kEach = 300;
  const auto engine = make();
  engine->start();
  std::latch answered(kThreads * kEach);
  std::atomic<int> granted{0};
  std::vector<std::thread> askers;
  for (int t = 0; t < kThreads; ++t) {
    askers.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string id = std::to_string(t) + "/" + std::to_string(i);
        engine->ask("alice:" + std::to_string(i % 40), claim_by("gateway-a", id),
                    [&](Answer answer, Revision) {
                      if (std::holds_alternative<Granted>(answer)) ++granted;
                      answered.count_down();
                    });
      }
    });
  }
  for (std::thread& asker : askers) asker.join();
  answered.wait();
  engine->stop();  // what it tells its observer behind the last answer has been told
  EXPECT_GE(granted, 40);
  EXPECT_EQ(granted + counting_.refusals, static_cast<unsigned>(kThreads * kEach));
  EXPECT_TRUE(engine->ready());
  EXPECT_FALSE(engine->store_away());
  EXPECT_EQ(engine->connections_by_state()[static_cast<std::size_t>(State::kConnecting)], 40u);
  EXPECT_GT(counting_.commits, 0u);
  EXPECT_GE(counting_.steps, 40u);
}

TEST_F(EngineThreads, StreamsWatchersAndScansAreHeardFromManyThreads) {
  const auto engine = make();
  engine->start();
  std::atomic<std::uint64_t> changes{0};
  const WatcherId watcher = engine->watch({}, [&](Watched) { ++changes; });
  std::vector<std::thread> gateways;
  std::atomic<std::uint64_t> events{0};
  for (int t = 0; t < 4; ++t) {
    gateways.emplace_back([&, t] {
      const std::string gateway = "gateway-" + std::to_string(t);
      const std::string key = "alice:" + std::to_string(t);
      std::promise<void> confirmed;
      std::latch delivered(20);
      const StreamId stream = engine->open_stream(
          {.gateway_id = gateway, .credit_bytes = 1'000'000}, [&](Notice notice) {
            if (std::holds_alternative<HeartbeatConfirmed>(notice)) confirmed.set_value();
            const auto* what = std::get_if<EventsDelivered>(&notice);
            if (what == nullptr) return;
            events += what->events.size();
            delivered.count_down(static_cast<std::ptrdiff_t>(what->events.size()));
          });
      engine->list({.stream = stream, .held = {}, .pending_claims = {}, .end = true});
      const Answer answer = ask(*engine, key, claim_by(gateway, "c", State::kProcessingReady));
      ASSERT_TRUE(std::holds_alternative<Granted>(answer));
      engine->ask({}, 0, stream, StreamHeartbeat{stream, 1});
      for (int i = 0; i < 20; ++i) {
        engine->ask(key, publish("e" + std::to_string(i)), {});
        engine->ask({}, 1, stream, std::nullopt);
      }
      delivered.wait();
      confirmed.get_future().wait();
      std::promise<bool> seen;
      engine->observe(key, [&](std::optional<SeenConnection> one) {
        seen.set_value(one && one->owner_attached);
      });
      EXPECT_TRUE(seen.get_future().get());
      engine->close_stream(stream);
      std::promise<void> over;  // behind the close: the callback is not called any more
      engine->observe(key, [&](std::optional<SeenConnection>) { over.set_value(); });
      over.get_future().wait();
    });
  }
  for (std::thread& gateway : gateways) gateway.join();
  EXPECT_EQ(events, 80u);
  std::promise<std::size_t> listed;
  engine->scan({.limit = 100},
               [&](Scanned scanned) { listed.set_value(scanned.connections.size()); });
  EXPECT_EQ(listed.get_future().get(), 4u);
  EXPECT_GE(changes, 4u);
  engine->unwatch(watcher);
}

TEST_F(EngineThreads, NothingIsHeardAfterTheEnd) {
  for (int round = 0; round < 8; ++round) {
    auto engine = make({.waiting_commands_max = 500});
    engine->start();
    std::atomic<bool> ended{false};
    std::atomic<int> late{0};
    // What an asker hears inside of its own call (NotNow: the inbox is full) is the call's result,
    // not something that comes after the end.
    static thread_local bool in_the_call = false;
    const auto heard = [&](auto&&...) {
      if (ended && !in_the_call) ++late;
    };
    std::atomic<bool> asking{true};
    std::atomic<int> asked{0};
    std::vector<std::thread> askers;
    for (int t = 0; t < 3; ++t) {
      askers.emplace_back([&, t] {
        for (int i = 0; asking; ++i) {
          const std::string id = std::to_string(t) + "/" + std::to_string(i);
          in_the_call = true;
          engine->ask("alice:" + std::to_string(i % 5), claim_by("gateway-a", id), heard);
          in_the_call = false;
          if (i % 100 == 0) engine->observe("alice:1", heard);
          ++asked;
          std::this_thread::yield();
        }
      });
    }
    ask(*engine, "alice:1", Lookup{});
    engine->stop();
    ended = true;
    for (const int enough = asked + 300; asked < enough;) std::this_thread::yield();
    asking = false;
    for (std::thread& asker : askers) asker.join();
    EXPECT_EQ(late, 0);
    engine.reset();
    EXPECT_EQ(late, 0);
  }
}

TEST_F(EngineThreads, ItEndsWhileCommandsWaitForAStoreThatDoesNotAnswer) {
  auto engine = make();
  engine->start();
  ask(*engine, "alice:1", Lookup{});
  std::promise<void> arrived;
  threads_.run_later(0, [&] {
    store_->hold();
    arrived.set_value();
  });
  arrived.get_future().wait();
  std::atomic<int> answered{0};
  for (int i = 0; i < 100; ++i) {
    engine->ask("alice:" + std::to_string(i % 7), claim_by("gateway-a", std::to_string(i)),
                [&](Answer, Revision) { ++answered; });
  }
  engine->stop();
  engine->stop();
  EXPECT_EQ(answered, 0);
}

TEST_F(EngineThreads, AnEngineThatWasNeverStartedEndsToo) {
  const auto engine = make();
  engine->ask("alice:1", Lookup{}, [](Answer, Revision) { ADD_FAILURE() << "answered"; });
}

TEST_F(EngineThreads, MoreThanItMayHoldIsRefusedAtOnceByTheAskersOwnThread) {
  const auto engine = make({.waiting_commands_max = 10});  // and takes nothing in yet
  const std::thread::id self = std::this_thread::get_id();
  int refused = 0;
  for (int i = 0; i < 15; ++i) {
    engine->ask("alice:1", Lookup{}, [&](Answer answer, Revision) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      EXPECT_TRUE(std::holds_alternative<NotNow>(std::get<Refusal>(answer)));
      ++refused;
    });
  }
  EXPECT_EQ(refused, 5);
  engine->ask("alice:1", Lookup{}, {});  // and whoever does not wait is not told
  engine->stop();
}

TEST_F(EngineThreads, WhatCallbacksLeaveIsDoneBehindThemAndBeforeThePeoplesPart) {
  EXPECT_FALSE(AfterStep::leave([](bool) { ADD_FAILURE() << "there is no step"; }));
  const auto engine = make();
  engine->start();
  std::promise<std::uint64_t> steps_then;
  std::atomic<bool> in_callback = false;
  engine->ask("alice:1", claim_by("gateway-a", "c1"), [&](const Answer&, Revision) {
    in_callback = true;
    EXPECT_TRUE(AfterStep::leave([&](bool) {
      EXPECT_FALSE(in_callback);
      EXPECT_FALSE(AfterStep::leave([](bool) {})) << "what this leads to is no part of the step";
      steps_then.set_value(counting_.steps);
    }));
    in_callback = false;
  });
  EXPECT_EQ(steps_then.get_future().get(), 0u) << "logs and metrics come behind it";
  engine->stop();
  EXPECT_EQ(counting_.steps, 1u);
}

TEST(AfterStepTest, OnlySomeOfItIsDoneHereAndNoneWhenTheEngineHasMoreToDo) {
  const auto done_here = [](int count, bool idle) {
    AfterStep step;
    int here = 0;
    for (int i = 0; i < count; ++i) AfterStep::leave([&](bool is_here) { here += is_here; });
    step.work_off(idle);
    return here;
  };
  EXPECT_EQ(done_here(3, true), 3);
  EXPECT_EQ(done_here(9, true), 4);
  EXPECT_EQ(done_here(3, false), 0);
}

TEST_F(EngineThreads, WhatIsDueLaterIsDoneWithoutAnybodyAsking) {
  EngineLimits limits;
  limits.acknowledge_within_ms = 20;
  const auto engine = make(limits);
  engine->start();
  const Answer answer =
      ask(*engine, "alice:1", claim_by("gateway-a", "c", State::kProcessingReady));
  const Generation generation = std::get<Granted>(answer).generation;
  ask(*engine, "alice:1", publish("e1"));
  std::promise<void> written;
  std::atomic<bool> once{false};
  engine->watch({.key = "alice:1"}, [&](Watched watched) {
    if (watched.connection->record.acknowledged == 1 && !once.exchange(true)) written.set_value();
  });
  engine->ask("alice:1", acknowledge("gateway-a", generation, 1), {});
  EXPECT_EQ(written.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST_F(EngineThreads, WhoWaitsForAStoreThatIsAwayIsToldBeforeTheEnd) {
  const auto engine = make();
  engine->start();
  ask(*engine, "alice:1", claim_by("gateway-a", "c1"));
  store_->hold();
  std::promise<Answer> waiting, late;
  engine->ask("alice:2", claim_by("gateway-a", "c2"),
              [&](Answer given, Revision) { waiting.set_value(std::move(given)); });
  engine->refuse_waiting();
  const Answer told = waiting.get_future().get();
  EXPECT_TRUE(std::holds_alternative<NotNow>(std::get<Refusal>(told)));
  engine->ask("alice:3", claim_by("gateway-a", "c3"),
              [&](Answer given, Revision) { late.set_value(std::move(given)); });
  EXPECT_TRUE(std::holds_alternative<NotNow>(std::get<Refusal>(late.get_future().get())));
  engine->stop();
}

TEST_F(EngineThreads, WhyTheStoreDidNotTakeABatchIsSaid) {
  const auto engine = make();
  engine->start();
  ask(*engine, "alice:1", claim_by("gateway-a", "c1"));
  store_->set_away(Away::kFailed);
  ask(*engine, "alice:2", claim_by("gateway-a", "c2"));
  engine->stop();
  const std::lock_guard lock(counting_.mutex);
  EXPECT_FALSE(counting_.trouble.empty());
}

// Loads on a thread of its own, without end, and counts what it has got rid of.
class Endless : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  ~Endless() override {
    ended = true;
    loading_.join();
  }
  void load(LoadSink sink) override {
    loading_ = std::thread([this, sink = std::move(sink)] {
      while (!ended) {
        sink.chunk({});
        ++chunks;
      }
    });
  }
  std::atomic<std::uint64_t> chunks{0};
  std::atomic<bool> ended{false};

 private:
  std::thread loading_;
};

TEST_F(EngineThreads, ALoadWaitsForTheEngineAndNotAtItsEnd) {
  auto store = make_store<Endless>();
  Endless& endless = *store;
  EngineThread engine(std::move(store), {}, [] { return 0.5; }, counting_);
  engine.start();
  while (endless.chunks < 100) std::this_thread::yield();
  std::promise<std::uint64_t> before;
  std::promise<void> go_on;
  engine.observe("alice:1", [&](const std::optional<SeenConnection>&) {
    before.set_value(endless.chunks);
    go_on.get_future().wait();
  });
  const std::uint64_t then = before.get_future().get();
  // Without a bound it comes a thousand further within a millisecond.
  std::uint64_t ahead = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (std::chrono::steady_clock::now() < end) ahead = endless.chunks - then;
  EXPECT_LE(ahead, 10U);
  go_on.set_value();
  while (endless.chunks < then + 100) std::this_thread::yield();
  engine.stop();  // which waits for the store's thread, which may be waiting itself
}

class NearlyFull : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;
  std::optional<std::string> short_of_room() const override {
    return full ? std::optional<std::string>("It is nearly full.") : std::nullopt;
  }
  std::atomic<bool> full{false};
};

TEST_F(EngineThreads, TheStoreIsAskedWhetherThereIsRoom) {
  auto store = make_store<NearlyFull>();
  NearlyFull& nearly_full = *store;
  EngineThread engine(std::move(store), {}, [] { return 0.5; }, counting_);
  engine.start();
  ask(engine, "alice:1", claim_by("gateway-a", "c1"));
  nearly_full.full = true;
  const Answer told = ask(engine, "alice:2", claim_by("gateway-a", "c2"));
  EXPECT_EQ(std::get<NotNow>(std::get<Refusal>(told)).message, "It is nearly full.");
  nearly_full.full = false;
  EXPECT_TRUE(std::holds_alternative<Granted>(ask(engine, "alice:2", claim_by("gateway-a", "c3"))));
  engine.stop();
}

}  // namespace
}  // namespace interlock
