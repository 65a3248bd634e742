#include "tests/coordinator/store/conformance.h"

#include <vector>

#include "gmock/gmock.h"
#include "tests/coordinator/store/blocking.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

}  // namespace

std::string store_kind_name(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

// --- What the tests ask ------------------------------------------------------------------------

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

std::vector<Attachment> attachments(Store& store, const std::string& key, std::uint64_t from,
                                    std::uint32_t limit) {
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

}  // namespace interlock
