// Revisions, positions, the feed, and several at a time.
#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/coordinator/store/blocking.h"
#include "tests/coordinator/store/conformance.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

// --- Revisions and positions ---------------------------------------------------------------------

TEST_P(StoreConformance, RevisionsRiseForEver) {
  Revision last = kAbsent;
  for (int life = 0; life < 3; ++life) {
    for (int turn = 0; turn < 5; ++turn) {
      const Revision made = applied(commit(*store_, put("k", kAbsent, "r"))).revision;
      EXPECT_GT(made, last);
      const Revision gone = applied(commit(*store_, erase("k", made))).revision;
      EXPECT_GT(gone, made);
      last = gone;
    }
    ASSERT_THAT(records(*store_), IsEmpty());
    reopen();
  }
}

TEST_P(StoreConformance, WhatWasAppliedIsThereAfterReopening) {
  const Revision kept = applied(commit(*store_, put("kept", kAbsent, "r", {{1, "a"}}))).revision;
  const Revision made = applied(commit(*store_, put("gone", kAbsent, "r", {{1, "a"}}))).revision;
  applied(commit(*store_, erase("gone", made)));

  reopen();

  EXPECT_THAT(records(*store_), ElementsAre(testing::Pair("kept", Versioned{"r", kept})));
  EXPECT_THAT(attachments(*store_, "kept"), ElementsAre(Attachment{1, "a"}));
  EXPECT_THAT(attachments(*store_, "gone"), IsEmpty());
  EXPECT_GT(applied(commit(*store_, put("kept", kept, "r2"))).revision, kept);
}

TEST_P(StoreConformance, OutcomesNameThePlaceInTheFeed) {
  FeedLog feed;
  store_->watch(position(*store_), feed.sink());
  const Applied made = applied(commit(*store_, put("k", kAbsent, "one")));
  ASSERT_TRUE(feed.reach(made.at));
  ASSERT_EQ(feed.changes_of("k").size(), 1U);
  EXPECT_EQ(feed.changes_of("k").front().revision, made.revision);

  const Refused late = refused(commit(*store_, put("k", kAbsent, "two")));
  EXPECT_GE(late.at, made.at);
  ASSERT_TRUE(feed.reach(late.at));
  EXPECT_GE(applied(commit(*store_, compare("k", made.revision))).at, made.at);
  store_.reset();
}

// --- The feed ------------------------------------------------------------------------------------

TEST_P(StoreConformance, TheFeedShowsEachKeyInOrderAndEndsWithWhatStands) {
  FeedLog feed;
  store_->watch(position(*store_), feed.sink());
  Revision revision[3] = {};
  Applied last;
  for (int turn = 0; turn < 20; ++turn) {
    for (int key = 0; key < 3; ++key) {
      last = applied(
          commit(*store_, put("k" + std::to_string(key), revision[key], std::to_string(turn))));
      revision[key] = last.revision;
    }
  }
  ASSERT_TRUE(feed.reach(last.at));
  for (int key = 0; key < 3; ++key) {
    const auto changes = feed.changes_of("k" + std::to_string(key));
    ASSERT_FALSE(changes.empty());
    for (std::size_t i = 1; i < changes.size(); ++i) {
      EXPECT_LT(changes[i - 1].revision, changes[i].revision);
      EXPECT_LT(std::stoi(*changes[i - 1].bytes), std::stoi(*changes[i].bytes));
    }
    EXPECT_EQ(changes.back().revision, revision[key]);
    EXPECT_EQ(changes.back().bytes, "19");
  }
  store_.reset();
}

TEST_P(StoreConformance, TheFeedNeverSkipsADeletion) {
  FeedLog feed;
  store_->watch(position(*store_), feed.sink());
  Applied last;
  std::vector<Revision> deletions;
  for (int turn = 0; turn < 10; ++turn) {
    last = applied(commit(*store_, put("k", kAbsent, "r")));
    deletions.push_back(applied(commit(*store_, erase("k", last.revision))).revision);
  }
  last = applied(commit(*store_, put("k", kAbsent, "last")));
  ASSERT_TRUE(feed.reach(last.at));
  std::vector<Revision> shown;
  for (const Change& change : feed.changes_of("k")) {
    if (!change.bytes) shown.push_back(change.revision);
  }
  EXPECT_EQ(shown, deletions);
  EXPECT_EQ(feed.changes().back().bytes, "last");
  store_.reset();
}

TEST_P(StoreConformance, AWatchBeginsBehindItsPosition) {
  const Applied first = applied(commit(*store_, put("a", kAbsent, "one")));
  const Applied second = applied(commit(*store_, put("b", kAbsent, "one")));
  const Applied third = applied(commit(*store_, erase("a", first.revision)));
  const Applied fourth = applied(commit(*store_, put("c", kAbsent, "one")));
  FeedLog feed;
  store_->watch(first.at, feed.sink());
  ASSERT_TRUE(feed.reach(fourth.at));
  const auto changes = feed.changes();
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].key, "b");
  EXPECT_EQ(changes[0].revision, second.revision);
  EXPECT_EQ(changes[1].key, "a");
  EXPECT_EQ(changes[1].revision, third.revision);
  EXPECT_EQ(changes[1].bytes, std::nullopt);
  EXPECT_EQ(changes[2].key, "c");
  store_.reset();
}

TEST_P(StoreConformance, ASecondWatchReplacesTheFirst) {
  FeedLog first;
  FeedLog second;
  const Position begin = position(*store_);
  store_->watch(begin, first.sink());
  const Applied one = applied(commit(*store_, put("k", kAbsent, "one")));
  ASSERT_TRUE(first.reach(one.at));
  store_->watch(begin, second.sink());
  ASSERT_TRUE(second.reach(one.at));

  const Applied two = applied(commit(*store_, put("k", one.revision, "two")));

  ASSERT_TRUE(second.reach(two.at));
  EXPECT_EQ(first.changes().back().bytes, "one");
  EXPECT_EQ(second.changes().back().bytes, "two");
  store_.reset();
}

TEST_P(StoreConformance, ALostPositionIsAResync) {
  const Applied before = applied(commit(*store_, put("a", kAbsent, "one")));
  applied(commit(*store_, put("b", kAbsent, "one")));
  store_.reset();
  bed_->lose_positions();
  store_ = bed_->open();
  applied(commit(*store_, put("c", kAbsent, "one")));

  FeedLog feed;
  store_->watch(before.at, feed.sink());
  EXPECT_FALSE(feed.wait_for_resync().ok());
  EXPECT_THAT(feed.changes(), IsEmpty());

  FeedLog fresh;
  store_->watch(position(*store_), fresh.sink());
  ASSERT_TRUE(fresh.reach(applied(commit(*store_, put("d", kAbsent, "one"))).at));
  ASSERT_EQ(fresh.changes().size(), 1U);
  EXPECT_EQ(fresh.changes().front().key, "d");
  store_.reset();
}

TEST_P(StoreConformance, ALoadAndTheWatchBehindItMissNothing) {
  constexpr int kRecords = 2 * kLoadChunkRecords + 100;
  Batch batch;
  for (int i = 0; i < kRecords; ++i) batch.push_back(put("k" + std::to_string(i), kAbsent, "0"));
  for (const Outcome& outcome : commit(*store_, batch)) applied(outcome);
  std::atomic<bool> loaded_once = false;
  Applied last;
  std::thread writer([&] {
    std::map<std::string, Revision> revisions;
    for (int turn = 1; turn < 300 || !loaded_once; ++turn) {
      const std::string key = "k" + std::to_string(turn * 37 % kRecords);
      Outcome outcome = commit(*store_, put(key, revisions[key], std::to_string(turn)));
      if (const auto* wrong = std::get_if<Refused>(&outcome)) {
        outcome = commit(*store_, put(key, wrong->current->revision, std::to_string(turn)));
      }
      last = applied(outcome);
      revisions[key] = last.revision;
    }
  });

  const auto loaded = load(*store_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  loaded_once = true;
  writer.join();
  EXPECT_LE(loaded->largest_chunk, kLoadChunkRecords);
  FeedLog feed;
  store_->watch(loaded->position, feed.sink());
  ASSERT_TRUE(feed.reach(last.at));

  auto view = loaded->records;
  for (const Change& change : feed.changes()) {
    Versioned& known = view[change.key];
    if (change.revision > known.revision) known = {*change.bytes, change.revision};
  }
  EXPECT_EQ(view, records(*store_));
  store_.reset();
}

// --- Several at a time ---------------------------------------------------------------------------

TEST_P(StoreConformance, OfSeveralCommitsForOneRevisionOneWins) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 25;
  Revision revision = kAbsent;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Outcome> outcomes(kThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back(
          [&, i] { outcomes[i] = commit(*store_, put("k", revision, std::to_string(i))); });
    }
    for (std::thread& thread : threads) thread.join();
    int winner = -1;
    for (int i = 0; i < kThreads; ++i) {
      if (!std::holds_alternative<Applied>(outcomes[i])) continue;
      EXPECT_EQ(winner, -1) << "two have won";
      winner = i;
    }
    ASSERT_NE(winner, -1);
    revision = applied(outcomes[winner]).revision;
    for (int i = 0; i < kThreads; ++i) {
      if (i == winner) continue;
      EXPECT_EQ(refused(outcomes[i]).current, (Versioned{std::to_string(winner), revision}));
    }
  }
}

TEST_P(StoreConformance, ADeletionAndWhatFollowsItMayBeUnderWayTogether) {
  const Revision made = applied(commit(*store_, put("k", kAbsent, "one", {{1, "old"}}))).revision;
  std::thread other([&] { commit(*store_, put("k", kAbsent, "two", {{2, "new"}})); });
  applied(commit(*store_, erase("k", made)));
  other.join();
  const auto stands = records(*store_);
  if (stands.empty()) {
    EXPECT_THAT(attachments(*store_, "k"), IsEmpty());
  } else {
    EXPECT_EQ(stands.at("k").bytes, "two");
    EXPECT_THAT(attachments(*store_, "k"), ElementsAre(Attachment{2, "new"}));
  }
}

TEST_P(StoreConformance, AfterTheDestructorNoCallbackRuns) {
  std::atomic<int> answered = 0;
  for (int i = 0; i < 50; ++i) {
    store_->commit({put("k" + std::to_string(i), kAbsent, "r")},
                   [&answered](std::vector<Outcome>) { ++answered; });
    store_->read({{"k", 0, 1}}, [&answered](auto) { ++answered; });
  }
  store_.reset();
  const int by_then = answered;
  store_ = bed_->open();
  records(*store_);
  EXPECT_EQ(answered, by_then);
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SharedStoreConformance);

TEST_P(SharedStoreConformance, SeveralStoresOnTheSameDataSeeEachOther) {
  FeedLog feed;  // outlives the store
  const std::unique_ptr<Store> other = bed_->open();
  other->watch(position(*other), feed.sink());

  const Applied made = applied(commit(*store_, put("k", kAbsent, "one", {{1, "a"}})));

  ASSERT_TRUE(feed.reach(made.at));
  EXPECT_EQ(feed.changes().back().bytes, "one");
  EXPECT_EQ(refused(commit(*other, put("k", kAbsent, "two"))).current,
            (Versioned{"one", made.revision}));
  EXPECT_THAT(attachments(*other, "k"), ElementsAre(Attachment{1, "a"}));
  EXPECT_GT(applied(commit(*other, erase("k", made.revision))).revision, made.revision);
  EXPECT_EQ(refused(commit(*store_, put("k", made.revision, "two"))).current, std::nullopt);
}

TEST_P(SharedStoreConformance, OfSeveralStoresThatCommitForOneRevisionOneWins) {
  constexpr int kStores = 3;
  std::vector<std::unique_ptr<Store>> stores;
  for (int i = 0; i < kStores; ++i) stores.push_back(bed_->open());
  Revision revision = kAbsent;
  for (int round = 0; round < 25; ++round) {
    std::vector<Outcome> outcomes(kStores);
    std::vector<std::thread> threads;
    for (int i = 0; i < kStores; ++i) {
      threads.emplace_back(
          [&, i] { outcomes[i] = commit(*stores[i], put("k", revision, std::to_string(i))); });
    }
    for (std::thread& thread : threads) thread.join();
    const auto won = [](const Outcome& each) { return std::holds_alternative<Applied>(each); };
    ASSERT_EQ(std::count_if(outcomes.begin(), outcomes.end(), won), 1);
    revision = applied(*std::find_if(outcomes.begin(), outcomes.end(), won)).revision;
  }
}

}  // namespace interlock
