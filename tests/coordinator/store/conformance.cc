#include "tests/coordinator/store/conformance.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/coordinator/store/blocking.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Applied applied(const Outcome& outcome) {
  if (const auto* applied = std::get_if<Applied>(&outcome)) return *applied;
  ADD_FAILURE() << "not applied, but outcome " << outcome.index();
  return {};
}

Refused refused(const Outcome& outcome) {
  if (const auto* refused = std::get_if<Refused>(&outcome)) return *refused;
  ADD_FAILURE() << "not refused, but outcome " << outcome.index();
  return {};
}

std::string failure(const Outcome& outcome) {
  if (const auto* failed = std::get_if<Failed>(&outcome)) {
    return std::string(failed->reason.message());
  }
  ADD_FAILURE() << "not failed, but outcome " << outcome.index();
  return {};
}

std::vector<Attachment> attachments(Store& store, const std::string& key, std::uint64_t from = 0,
                                    std::uint32_t limit = 10'000) {
  auto lists = read(store, {{key, from, limit}});
  if (!lists.ok() || lists->size() != 1) {
    ADD_FAILURE() << "cannot read: " << lists.status();
    return {};
  }
  return lists->front();
}

std::map<std::string, Versioned> records(Store& store) {
  auto loaded = load(store);
  if (loaded.ok()) return loaded->records;
  ADD_FAILURE() << "cannot load: " << loaded.status();
  return {};
}

Position position(Store& store) {
  auto loaded = load(store);
  if (loaded.ok()) return loaded->position;
  ADD_FAILURE() << "cannot load: " << loaded.status();
  return {};
}

}  // namespace

std::string store_kind_name(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

// --- Compare and set -----------------------------------------------------------------------------

TEST_P(StoreConformance, ARecordIsMadeOnlyWhereThereIsNone) {
  const Applied made = applied(commit(*store_, put("k", kAbsent, "one")));
  EXPECT_GT(made.revision, kAbsent);

  const Refused again = refused(commit(*store_, put("k", kAbsent, "two")));

  EXPECT_EQ(again.current, (Versioned{"one", made.revision}));
  EXPECT_EQ(records(*store_)["k"], (Versioned{"one", made.revision}));
}

TEST_P(StoreConformance, ARecordIsReplacedOnlyAtItsRevision) {
  const Revision first = applied(commit(*store_, put("k", kAbsent, "one"))).revision;
  const Revision second = applied(commit(*store_, put("k", first, "two"))).revision;
  EXPECT_GT(second, first);

  const Refused late = refused(commit(*store_, put("k", first, "three")));

  EXPECT_EQ(late.current, (Versioned{"two", second}));
  EXPECT_EQ(records(*store_)["k"], (Versioned{"two", second}));
}

TEST_P(StoreConformance, ARevisionThatNeverWasIsRefused) {
  const Refused nothing_there = refused(commit(*store_, put("k", 4711, "one")));
  EXPECT_EQ(nothing_there.current, std::nullopt);
  EXPECT_THAT(records(*store_), IsEmpty());
}

TEST_P(StoreConformance, ADeletionNeedsTheRevisionToo) {
  const Revision made = applied(commit(*store_, put("k", kAbsent, "one"))).revision;
  EXPECT_EQ(refused(commit(*store_, erase("k", made + 1))).current, (Versioned{"one", made}));

  const Revision gone = applied(commit(*store_, erase("k", made))).revision;

  EXPECT_GT(gone, made) << "the revision of a deletion is that of the change";
  EXPECT_THAT(records(*store_), IsEmpty());
  EXPECT_EQ(refused(commit(*store_, erase("k", made))).current, std::nullopt);
  EXPECT_GT(applied(commit(*store_, put("k", kAbsent, "two"))).revision, gone);
}

TEST_P(StoreConformance, AComparisonWritesNothing) {
  EXPECT_EQ(applied(commit(*store_, compare("k", kAbsent))).revision, kAbsent);
  const Revision made = applied(commit(*store_, put("k", kAbsent, "one", {{1, "a"}}))).revision;

  EXPECT_EQ(applied(commit(*store_, compare("k", made))).revision, made);

  EXPECT_EQ(refused(commit(*store_, compare("k", kAbsent))).current, (Versioned{"one", made}));
  EXPECT_EQ(refused(commit(*store_, compare("k", made + 1))).current, (Versioned{"one", made}));
  EXPECT_EQ(refused(commit(*store_, compare("other", made))).current, std::nullopt);
  EXPECT_EQ(records(*store_)["k"], (Versioned{"one", made}));
  EXPECT_THAT(attachments(*store_, "k"), ElementsAre(Attachment{1, "a"}));
}

TEST_P(StoreConformance, TheEntriesOfABatchDoNotDependOnEachOther) {
  const Revision a = applied(commit(*store_, put("a", kAbsent, "one"))).revision;
  const Revision b = applied(commit(*store_, put("b", kAbsent, "one"))).revision;

  const auto outcomes =
      commit(*store_, Batch{put("a", kAbsent, "two"), put("b", b, "two"), erase("c", 4711),
                            put("d", kAbsent, "one"), compare("e", kAbsent), compare("f", 4711)});

  ASSERT_EQ(outcomes.size(), 6U);
  EXPECT_EQ(refused(outcomes[0]).current, (Versioned{"one", a}));
  EXPECT_GT(applied(outcomes[1]).revision, b);
  EXPECT_EQ(refused(outcomes[2]).current, std::nullopt);
  EXPECT_GT(applied(outcomes[3]).revision, b);
  EXPECT_EQ(applied(outcomes[4]).revision, kAbsent);
  EXPECT_EQ(refused(outcomes[5]).current, std::nullopt);
  auto stands = records(*store_);
  EXPECT_EQ(stands["a"].bytes, "one");
  EXPECT_EQ(stands["b"].bytes, "two");
  EXPECT_EQ(stands["d"].bytes, "one");
  EXPECT_EQ(stands.size(), 3U);
}

TEST_P(StoreConformance, AnEmptyBatchIsAnswered) {
  EXPECT_THAT(commit(*store_, Batch{}), IsEmpty());
}

TEST_P(StoreConformance, RecordsMayBeEmptyOrHoldAnyByte) {
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte.push_back(static_cast<char>(byte));
  applied(commit(*store_, put("empty", kAbsent, "")));
  applied(commit(*store_, put("bytes", kAbsent, every_byte, {{1, ""}, {2, every_byte}})));
  reopen();

  auto stands = records(*store_);

  EXPECT_EQ(stands["empty"].bytes, "");
  EXPECT_NE(stands["empty"].revision, kAbsent);
  EXPECT_EQ(stands["bytes"].bytes, every_byte);
  EXPECT_THAT(attachments(*store_, "bytes"),
              ElementsAre(Attachment{1, ""}, Attachment{2, every_byte}));
}

// --- Limits --------------------------------------------------------------------------------------

TEST_P(StoreConformance, ABatchThatNamesAKeyTwiceFailsWhole) {
  const auto outcomes = commit(
      *store_, Batch{put("a", kAbsent, "one"), put("b", kAbsent, "one"), compare("a", kAbsent)});
  ASSERT_EQ(outcomes.size(), 3U);
  for (const Outcome& outcome : outcomes)
    EXPECT_THAT(failure(outcome), testing::HasSubstr("twice"));
  EXPECT_THAT(records(*store_), IsEmpty());
}

TEST_P(StoreConformance, ABatchThatBreaksALimitFailsWhole) {
  const StoreLimits limits = store_->limits();
  Entry many_puts = put("k", kAbsent, "");
  for (std::uint64_t n = 0; n <= limits.entry_puts_max; ++n) many_puts.put.push_back({n, "x"});
  const Batch bad = {put("k", kAbsent, std::string(limits.entry_bytes_max, 'x')),
                     put(std::string(limits.key_bytes_max + 1, 'k'), kAbsent, "x"), many_puts,
                     put("", kAbsent, "x")};
  for (const Entry& entry : bad) {
    const auto outcomes = commit(*store_, Batch{put("good", kAbsent, "x"), entry});
    ASSERT_EQ(outcomes.size(), 2U);
    failure(outcomes[0]);
    failure(outcomes[1]);
  }
  EXPECT_THAT(records(*store_), IsEmpty());
}

TEST_P(StoreConformance, WhatIsJustWithinTheLimitsIsApplied) {
  const StoreLimits limits = store_->limits();
  const std::string key(limits.key_bytes_max, 'k');
  Entry largest = put(key, kAbsent, "");
  for (std::uint64_t n = 1; n <= limits.entry_puts_max; ++n) largest.put.push_back({n, "x"});
  largest.record.resize(limits.entry_bytes_max - entry_bytes(largest), 'r');
  ASSERT_EQ(entry_bytes(largest), limits.entry_bytes_max);

  applied(commit(*store_, largest));

  EXPECT_EQ(records(*store_)[key].bytes, largest.record);
  EXPECT_EQ(attachments(*store_, key), largest.put);
}

// --- Attachments ---------------------------------------------------------------------------------

TEST_P(StoreConformance, AttachmentsComeInOrder) {
  const Revision made =
      applied(commit(*store_, put("k", kAbsent, "r", {{300, "c"}, {2, "a"}, {10, "b"}}))).revision;
  const Revision more =
      applied(commit(*store_, put("k", made, "r", {{1, "z"}, {10, "B"}}))).revision;
  EXPECT_GT(more, made);

  EXPECT_THAT(attachments(*store_, "k"), ElementsAre(Attachment{1, "z"}, Attachment{2, "a"},
                                                     Attachment{10, "B"}, Attachment{300, "c"}));
}

TEST_P(StoreConformance, AttachmentsOfARefusedEntryAreNotWritten) {
  const Revision made = applied(commit(*store_, put("k", kAbsent, "r", {{1, "a"}}))).revision;
  refused(commit(*store_, put("k", made + 1, "r", {{2, "b"}}, NumberRange{1, 1})));
  EXPECT_THAT(attachments(*store_, "k"), ElementsAre(Attachment{1, "a"}));
}

TEST_P(StoreConformance, ARangeOfAttachmentsIsRemovedWithBothItsEnds) {
  Entry entry = put("k", kAbsent, "r");
  for (std::uint64_t n = 1; n <= 6; ++n) entry.put.push_back({n, std::to_string(n)});
  const Revision made = applied(commit(*store_, entry)).revision;
  applied(commit(*store_, put("other", kAbsent, "r", {{3, "x"}})));

  applied(commit(*store_, put("k", made, "r", {}, NumberRange{2, 4})));

  EXPECT_THAT(attachments(*store_, "k"),
              ElementsAre(Attachment{1, "1"}, Attachment{5, "5"}, Attachment{6, "6"}));
  EXPECT_THAT(attachments(*store_, "other"), ElementsAre(Attachment{3, "x"}));
}

TEST_P(StoreConformance, TheRangeIsRemovedBeforeTheAttachmentsArePut) {
  const Revision made =
      applied(commit(*store_, put("k", kAbsent, "r", {{1, "a"}, {2, "b"}, {3, "c"}}))).revision;

  applied(commit(*store_, put("k", made, "r", {{2, "new"}, {7, "g"}}, NumberRange{0, UINT64_MAX})));

  EXPECT_THAT(attachments(*store_, "k"), ElementsAre(Attachment{2, "new"}, Attachment{7, "g"}));
}

TEST_P(StoreConformance, ADeletedRecordTakesItsAttachmentsAlong) {
  const Revision made =
      applied(commit(*store_, put("k", kAbsent, "r", {{1, "a"}, {UINT64_MAX, "z"}}))).revision;
  applied(commit(*store_, put("k2", kAbsent, "r", {{1, "stays"}})));

  applied(commit(*store_, erase("k", made)));

  EXPECT_THAT(attachments(*store_, "k"), IsEmpty());
  applied(commit(*store_, put("k", kAbsent, "again")));
  EXPECT_THAT(attachments(*store_, "k"), IsEmpty());
  EXPECT_THAT(attachments(*store_, "k2"), ElementsAre(Attachment{1, "stays"}));
}

TEST_P(StoreConformance, AttachmentsAreReadInPagesAndOfManyKeysAtOnce) {
  Revision revision = kAbsent;
  for (std::uint64_t page = 0; page < 4; ++page) {
    Entry entry = put("long", revision, "r");
    for (std::uint64_t n = 1; n <= 10; ++n) entry.put.push_back({page * 10 + n, "x"});
    revision = applied(commit(*store_, entry)).revision;
  }
  applied(commit(*store_, put("lon", kAbsent, "r", {{1, "prefix"}})));
  applied(commit(*store_, put("longer", kAbsent, "r", {{1, "suffix"}})));

  std::uint64_t next = 0;
  std::vector<std::uint64_t> numbers;
  for (auto page = attachments(*store_, "long", next, 7); !page.empty();
       page = attachments(*store_, "long", next, 7)) {
    EXPECT_LE(page.size(), 7U);
    for (const Attachment& each : page) numbers.push_back(each.number);
    next = page.back().number + 1;
  }
  ASSERT_EQ(numbers.size(), 40U);
  for (std::uint64_t n = 1; n <= 40; ++n) EXPECT_EQ(numbers[n - 1], n);

  const auto lists = read(*store_, {{"longer", 0, 5},
                                    {"none", 0, 5},
                                    {"long", 39, 5},
                                    {"lon", 2, 5},
                                    {"long", 1, 0},
                                    {"lon", 0, 5}});
  ASSERT_TRUE(lists.ok()) << lists.status();
  EXPECT_THAT(*lists, ElementsAre(ElementsAre(Attachment{1, "suffix"}), IsEmpty(),
                                  ElementsAre(Attachment{39, "x"}, Attachment{40, "x"}), IsEmpty(),
                                  IsEmpty(), ElementsAre(Attachment{1, "prefix"})));
}

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
  const std::unique_ptr<Store> other = bed_->open();
  FeedLog feed;
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
