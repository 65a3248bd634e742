#include "coordinator/store/memory_store.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/manual_scheduler.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Fate fate_of(Ending ending) {
  Fate fate;
  fate.ending = ending;
  return fate;
}

class MemoryStoreTest : public testing::Test {
 protected:
  using Outcomes = std::optional<std::vector<Outcome>>;

  // Every test's store takes its faults from here, also when they are changed later.
  MemoryFaults faults() {
    MemoryFaults faults;
    faults.fate = [this](const Entry&) { return fate_; };
    faults.feed_lag_ms = [this] { return feed_lag_ms_; };
    faults.read_lag_ms = [this] { return read_lag_ms_; };
    return faults;
  }

  void open(MemoryFaults faults) {
    store_ = std::make_unique<MemoryStore>(world_, time_.scheduler(), std::move(faults));
  }
  void SetUp() override { open(faults()); }

  std::shared_ptr<Outcomes> commit(Batch batch) {
    auto outcomes = std::make_shared<Outcomes>();
    store_->commit(std::move(batch),
                   [outcomes](std::vector<Outcome> come) { *outcomes = std::move(come); });
    EXPECT_FALSE(outcomes->has_value()) << "answered inside the call";
    return outcomes;
  }

  template <class T>
  static bool is(const std::shared_ptr<Outcomes>& outcomes, std::size_t i = 0) {
    return outcomes->has_value() && std::holds_alternative<T>(outcomes->value()[i]);
  }
  std::string stands(const std::string& key) const {
    const auto found = world_->records().find(key);
    return found == world_->records().end() ? "nothing" : found->second.now.bytes;
  }

  FeedSink recording_feed() {
    FeedSink sink;
    sink.changes = [this](std::vector<Change> changes, Position through) {
      for (const Change& change : changes) {
        shown_.push_back(change.key + "=" + change.bytes.value_or("deleted"));
      }
      through_ = through;
    };
    sink.resync = [this](absl::Status reason) { lost_ = std::string(reason.message()); };
    return sink;
  }

  ManualScheduler time_;
  const std::shared_ptr<MemoryWorld> world_ = std::make_shared<MemoryWorld>();
  Fate fate_;
  std::uint64_t feed_lag_ms_ = 0;
  std::uint64_t read_lag_ms_ = 0;
  std::unique_ptr<MemoryStore> store_;
  std::vector<std::string> shown_;
  Position through_;
  std::optional<std::string> lost_;
};

// --- Commits -------------------------------------------------------------------------------------

TEST_F(MemoryStoreTest, ACommitTakesEffectBeforeItsAnswerComes) {
  fate_.apply_after_ms = 10;
  fate_.answer_after_ms = 5;
  const auto outcomes = commit({put("k", kAbsent, "one")});
  time_.pass(9);
  EXPECT_EQ(stands("k"), "nothing");
  time_.pass(1);
  EXPECT_EQ(stands("k"), "one");
  EXPECT_FALSE(outcomes->has_value());
  time_.pass(5);
  EXPECT_TRUE(is<Applied>(outcomes));
}

TEST_F(MemoryStoreTest, ASlowCommitMeetsWhatWasCommittedMeanwhile) {
  fate_.apply_after_ms = 10;
  const auto slow = commit({put("k", kAbsent, "slow")});
  fate_.apply_after_ms = 0;
  const auto fast = commit({put("k", kAbsent, "fast")});
  time_.pass(10);
  EXPECT_TRUE(is<Applied>(fast));
  EXPECT_TRUE(is<Refused>(slow));
  EXPECT_EQ(stands("k"), "fast");
}

TEST_F(MemoryStoreTest, AFailedCommitIsSurelyNotApplied) {
  fate_ = fate_of(Ending::kFailed);
  const auto outcomes = commit({put("k", kAbsent, "one")});
  time_.run();
  EXPECT_TRUE(is<Failed>(outcomes));
  EXPECT_EQ(stands("k"), "nothing");
  EXPECT_EQ(world_->last_revision(), kAbsent);
}

TEST_F(MemoryStoreTest, AnUnknownCommitMayHaveBeenApplied) {
  fate_ = fate_of(Ending::kUnknownApplied);
  const auto outcomes = commit({put("k", kAbsent, "one")});
  time_.run();
  EXPECT_TRUE(is<Unknown>(outcomes));
  EXPECT_EQ(stands("k"), "one");
}

TEST_F(MemoryStoreTest, AnUnknownCommitMayBeLost) {
  fate_ = fate_of(Ending::kUnknownLost);
  const auto outcomes = commit({put("k", kAbsent, "one")});
  time_.pass(1000);
  EXPECT_TRUE(is<Unknown>(outcomes));
  EXPECT_EQ(stands("k"), "nothing");
}

TEST_F(MemoryStoreTest, AnUnknownCommitMayLandLate) {
  fate_ = fate_of(Ending::kUnknownLate);
  fate_.land_after_ms = 50;
  const auto outcomes = commit({put("k", kAbsent, "late")});
  time_.pass(49);
  EXPECT_TRUE(is<Unknown>(outcomes));
  EXPECT_EQ(stands("k"), "nothing");
  time_.pass(1);
  EXPECT_EQ(stands("k"), "late");
}

TEST_F(MemoryStoreTest, ALateCommitDoesNotLandOverAnotherOne) {
  fate_ = fate_of(Ending::kUnknownLate);
  fate_.land_after_ms = 50;
  commit({put("k", kAbsent, "late")});
  time_.run();
  fate_ = {};
  const auto other = commit({put("k", kAbsent, "other")});
  time_.pass(100);
  EXPECT_TRUE(is<Applied>(other));
  EXPECT_EQ(stands("k"), "other");
}

TEST_F(MemoryStoreTest, EachEntryOfABatchHasItsOwnFate) {
  MemoryFaults mixed;
  mixed.fate = [](const Entry& entry) {
    if (entry.key == "failed") return fate_of(Ending::kFailed);
    if (entry.key == "unknown") return fate_of(Ending::kUnknownApplied);
    return Fate{};
  };
  open(mixed);
  const auto outcomes = commit({put("failed", kAbsent, "x"), put("applied", kAbsent, "x"),
                                put("unknown", kAbsent, "x"), put("refused", 9, "x")});
  time_.run();
  EXPECT_TRUE(is<Failed>(outcomes, 0));
  EXPECT_TRUE(is<Applied>(outcomes, 1));
  EXPECT_TRUE(is<Unknown>(outcomes, 2));
  EXPECT_TRUE(is<Refused>(outcomes, 3));
  EXPECT_EQ(stands("failed"), "nothing");
  EXPECT_EQ(stands("applied"), "x");
  EXPECT_EQ(stands("unknown"), "x");
}

TEST_F(MemoryStoreTest, HeldCommitsAreNeitherAppliedNorAnswered) {
  store_->hold();
  const auto first = commit({put("a", kAbsent, "one")});
  const auto second = commit({put("b", kAbsent, "one")});
  time_.pass(1000);
  EXPECT_EQ(store_->held(), 2U);
  EXPECT_FALSE(first->has_value());
  EXPECT_EQ(stands("a"), "nothing");

  store_->release(1);
  const auto third = commit({put("c", kAbsent, "one")});
  time_.run();
  EXPECT_TRUE(is<Applied>(first));
  EXPECT_FALSE(second->has_value());
  EXPECT_EQ(store_->held(), 2U) << "still holding";

  store_->release();
  const auto fourth = commit({put("d", kAbsent, "one")});
  time_.run();
  EXPECT_TRUE(is<Applied>(second));
  EXPECT_TRUE(is<Applied>(third));
  EXPECT_TRUE(is<Applied>(fourth));
}

TEST_F(MemoryStoreTest, ACommitUnderWayOutlivesItsStore) {
  fate_.apply_after_ms = 10;
  const auto outcomes = commit({put("k", kAbsent, "one")});
  store_.reset();
  time_.pass(10);
  EXPECT_EQ(stands("k"), "one");
  EXPECT_FALSE(outcomes->has_value()) << "nobody is there to be told";
}

TEST_F(MemoryStoreTest, ItsOwnCallbackMayDestroyTheStore) {
  store_->commit({put("k", kAbsent, "one")}, [this](std::vector<Outcome>) { store_.reset(); });
  const auto second = commit({put("l", kAbsent, "one")});
  time_.run();
  EXPECT_EQ(store_, nullptr);
  EXPECT_FALSE(second->has_value());
}

TEST_F(MemoryStoreTest, LimitsAndSingleWriterCanBeSet) {
  MemoryFaults small;
  small.limits.batch_entries_max = 1;
  small.single_writer = true;
  open(small);
  EXPECT_TRUE(store_->single_writer());
  const auto outcomes = commit({put("a", kAbsent, "x"), put("b", kAbsent, "x")});
  time_.run();
  EXPECT_TRUE(is<Failed>(outcomes, 0));
  EXPECT_TRUE(is<Failed>(outcomes, 1));
}

// --- Away ----------------------------------------------------------------------------------------

TEST_F(MemoryStoreTest, WhileAwayNothingIsAppliedAndNothingIsSeen) {
  MemoryStore elsewhere(world_, time_.scheduler());
  store_->watch(world_->position(), recording_feed());
  time_.run();
  store_->set_away(Away::kFailed);
  const auto failed = commit({put("a", kAbsent, "x")});
  elsewhere.commit({put("other", kAbsent, "x")}, [](std::vector<Outcome>) {});
  std::optional<absl::Status> loaded;
  store_->load({[](std::vector<LoadedRecord>) {}, [&](auto result) { loaded = result.status(); }});
  std::optional<absl::Status> read;
  store_->read({{"k", 0, 1}}, [&](auto result) { read = result.status(); });
  time_.run();
  EXPECT_TRUE(is<Failed>(failed));
  EXPECT_EQ(stands("a"), "nothing");
  ASSERT_TRUE(loaded && read);
  EXPECT_FALSE(loaded->ok());
  EXPECT_FALSE(read->ok());
  EXPECT_THAT(shown_, IsEmpty());

  store_->set_away(Away::kUnknown);
  const auto unknown = commit({put("a", kAbsent, "x")});
  time_.run();
  EXPECT_TRUE(is<Unknown>(unknown));
  EXPECT_EQ(stands("a"), "nothing");

  store_->set_away(Away::kNo);
  time_.run();
  EXPECT_THAT(shown_, ElementsAre("other=x")) << "the feed goes on where it stopped";
}

// --- The feed ------------------------------------------------------------------------------------

TEST_F(MemoryStoreTest, AFeedThatLagsStaysInOrder) {
  store_->watch(world_->position(), recording_feed());
  time_.run();
  feed_lag_ms_ = 20;
  commit({put("a", kAbsent, "1")});
  time_.pass(5);
  feed_lag_ms_ = 1;
  commit({put("b", kAbsent, "1")});
  time_.pass(14);
  EXPECT_THAT(shown_, IsEmpty());
  time_.pass(1);
  EXPECT_THAT(shown_, ElementsAre("a=1")) << "b came after this was sent";
  time_.pass(1);
  EXPECT_THAT(shown_, ElementsAre("a=1", "b=1"));
  EXPECT_EQ(through_, world_->position());
}

TEST_F(MemoryStoreTest, EachStoreLagsByItself) {
  store_->watch(world_->position(), recording_feed());
  MemoryStore other(world_, time_.scheduler());
  std::size_t others = 0;
  other.watch(world_->position(),
              {[&](std::vector<Change> changes, Position) { others += changes.size(); }, {}});
  time_.run();
  feed_lag_ms_ = 100;
  commit({put("a", kAbsent, "1")});
  time_.run();
  EXPECT_EQ(others, 1U);
  EXPECT_THAT(shown_, IsEmpty());
}

TEST_F(MemoryStoreTest, AFeedMayBeLost) {
  store_->watch(world_->position(), recording_feed());
  commit({put("a", kAbsent, "1")});
  time_.run();
  store_->lose_feed("compacted");
  commit({put("b", kAbsent, "1")});
  time_.run();
  EXPECT_EQ(lost_, "compacted");
  EXPECT_THAT(shown_, ElementsAre("a=1")) << "nothing follows a resync";

  store_->watch(world_->position(), recording_feed());
  commit({put("c", kAbsent, "1")});
  time_.run();
  EXPECT_THAT(shown_, ElementsAre("a=1", "c=1"));
}

TEST_F(MemoryStoreTest, TheFeedReachesBackOnlySoFar) {
  const auto world = std::make_shared<MemoryWorld>(3);
  MemoryStore store(world, time_.scheduler());
  Revision revision = kAbsent;
  for (int turn = 0; turn < 4; ++turn) {
    const auto outcomes = world->apply({put("k", revision, std::to_string(turn))});
    revision = std::get<Applied>(outcomes.front()).revision;
  }
  EXPECT_EQ(world->changes({0}, world->position()), std::nullopt);
  EXPECT_TRUE(world->changes({1}, world->position()).has_value());
  store.watch({0}, recording_feed());
  time_.run();
  EXPECT_TRUE(lost_.has_value());
}

TEST_F(MemoryStoreTest, APositionFromAnotherWorldIsLost) {
  store_->watch({4711}, recording_feed());
  time_.run();
  EXPECT_TRUE(lost_.has_value());
}

TEST_F(MemoryStoreTest, StatesInBetweenMayBeSkippedButNeverTheLastNorADeletion) {
  MemoryFaults skipping = faults();
  std::uint64_t turn = 0;
  skipping.random = [&turn] { return turn++; };
  skipping.skip_states = true;
  open(skipping);
  store_->watch(world_->position(), recording_feed());
  time_.run();
  feed_lag_ms_ = 10;
  Revision revision = kAbsent;
  const auto apply = [&](Entry entry) {
    revision = std::get<Applied>(world_->apply({std::move(entry)}).front()).revision;
  };
  for (const char* state : {"1", "2", "3", "4"}) apply(put("k", revision, state));
  apply(erase("k", revision));
  revision = kAbsent;
  for (const char* state : {"5", "6", "7", "8"}) apply(put("k", revision, state));
  time_.pass(10);
  time_.pass(10);
  EXPECT_LT(shown_.size(), 9U) << "nothing was skipped";
  EXPECT_THAT(shown_, testing::Contains("k=deleted"));
  EXPECT_EQ(shown_.back(), "k=8");
}

// --- Loads and reads -----------------------------------------------------------------------------

TEST_F(MemoryStoreTest, ASlowLoadShowsOneMoment) {
  Batch batch;
  for (int i = 0; i < 1500; ++i) batch.push_back(put("k" + std::to_string(i), kAbsent, "before"));
  world_->apply(batch);
  read_lag_ms_ = 10;
  std::vector<LoadedRecord> loaded;
  std::optional<Position> position;
  store_->load({[&](std::vector<LoadedRecord> chunk) {
                  for (LoadedRecord& each : chunk) loaded.push_back(std::move(each));
                },
                [&](absl::StatusOr<Position> done) { position = *done; }});
  time_.pass(10);
  EXPECT_EQ(loaded.size(), kLoadChunkRecords);
  world_->apply({put("k9", 1, "after"), put("new", kAbsent, "after")});
  time_.pass(100);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->value, 1U);
  EXPECT_EQ(loaded.size(), 1500U);
  for (const LoadedRecord& each : loaded) EXPECT_EQ(each.record.bytes, "before");
}

TEST_F(MemoryStoreTest, ReadsMayBeShort) {
  MemoryFaults short_ones;
  std::uint64_t turn = 0;
  short_ones.random = [&turn] { return turn++; };
  short_ones.short_reads = true;
  open(short_ones);
  world_->apply({put("k", kAbsent, "r", {{1, "a"}, {2, "b"}, {3, "c"}})});
  bool whole = false;
  bool cut = false;
  for (int i = 0; i < 20; ++i) {
    store_->read({{"k", 0, 10}}, [&](auto lists) {
      whole = whole || lists->front().size() == 3;
      cut = cut || lists->front().size() < 3;
      for (std::size_t at = 0; at < lists->front().size(); ++at) {
        EXPECT_EQ(lists->front()[at].number, at + 1) << "only the end may be missing";
      }
    });
    time_.run();
  }
  EXPECT_TRUE(whole);
  EXPECT_TRUE(cut);
}

// --- The world -----------------------------------------------------------------------------------

TEST_F(MemoryStoreTest, TheWorldTellsItsObserverWhatWasWritten) {
  std::vector<std::string> seen;
  world_->observe([&](const Entry& entry, Revision revision) {
    seen.push_back(entry.key + "@" + std::to_string(revision));
  });
  commit({put("a", kAbsent, "1"), compare("b", kAbsent), put("c", 7, "1")});
  commit({erase("a", 1)});
  time_.run();
  EXPECT_THAT(seen, ElementsAre("a@1", "a@2"));
}

TEST_F(MemoryStoreTest, TheSameCallsGiveTheSameWorld) {
  const auto run = [] {
    ManualScheduler time;
    const auto world = std::make_shared<MemoryWorld>();
    std::uint64_t turn = 0;
    MemoryFaults faults;
    faults.fate = [&turn](const Entry&) {
      Fate fate;
      fate.ending = turn % 5 == 0 ? Ending::kUnknownLate : Ending::kAnswered;
      fate.apply_after_ms = turn * 7 % 11;
      fate.land_after_ms = turn++ * 5 % 13;
      return fate;
    };
    MemoryStore store(world, time.scheduler(), faults);
    std::string seen;
    store.watch({}, {[&](std::vector<Change> changes, Position) {
                       for (const Change& each : changes) seen += each.key + *each.bytes + " ";
                     },
                     {}});
    for (int i = 0; i < 200; ++i) {
      store.commit({put("k" + std::to_string(i % 17), kAbsent, std::to_string(i))},
                   [](std::vector<Outcome>) {});
      if (i % 3 == 0) time.pass(1);
    }
    time.pass(100);
    return seen;
  };
  const std::string first = run();
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(first, run());
}

}  // namespace
}  // namespace interlock
