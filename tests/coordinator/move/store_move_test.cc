// Everything from one store into another.
#include "coordinator/move/store_move.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_split.h"
#include "coordinator/engine/record_codec.h"
#include "coordinator/move/store_calls.h"
#include "coordinator/store/open_store.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::uint64_t kBase = 1'700'000'000'000'000;
const std::string kKey = store_key("alice:1");

class StoreMove : public testing::Test {
 protected:
  StoreMove() { commit({{.key = std::string(kBaseKey), .record = encode_base(kBase)}}); }

  static std::unique_ptr<Store> open(const ScratchDirectory& directory) {
    return *open_store("rocksdb:" + directory.path());
  }
  Revision commit(Batch batch) {
    const auto outcomes = commit_all(*from, std::move(batch));
    return std::get<Applied>(outcomes->back()).revision;
  }
  // Granted by the very commit that writes it, with events 1 to `events`.
  Revision add(const std::string& key, Sequence events, std::size_t bytes = 10) {
    Record record{.state = State::kIdle, .generation = kThisCommit, .sequence_since = kThisCommit};
    record.last_op = 9;
    record.last_sequence = events;
    record.outbox_sizes.assign(events, static_cast<std::uint32_t>(bytes));
    Revision revision = kAbsent;
    const Sequence at_once = bytes > 10'000 ? 4 : 16;
    for (Sequence first = 1; first == 1 || first <= events; first += at_once) {
      // Rewritten as an owner's, so that the generation stands in it.
      if (revision != kAbsent && record.generation == kThisCommit) {
        record.generation = record.sequence_since = kBase + revision;
      }
      Entry entry{.key = key, .expected = revision, .record = encode(record)};
      for (Sequence i = first; i < first + at_once && i <= events; ++i) {
        OutboxEvent event{.sequence = i, .type = "note", .id = "e" + std::to_string(i)};
        event.payload = std::string(bytes, 'x');
        entry.put.push_back({i, encode(event)});
      }
      revision = commit({std::move(entry)});
    }
    return revision;
  }
  std::string exported() {
    std::ostringstream to;
    const auto moved = export_store(*from, to, [](const Moved&) {});
    EXPECT_TRUE(moved.ok()) << moved.status();
    return to.str();
  }
  absl::Status import(const std::string& text) {
    std::istringstream file(text);
    return import_store(*into, file, [](const Moved&) {}).status();
  }
  static Record record_in(Store& store, const std::string& key) {
    const auto records = load_all(store);
    const auto base = decode_base(records->at(std::string(kBaseKey)).bytes);
    const Versioned& versioned = records->at(key);
    return *decode_record(versioned.bytes, *base + versioned.revision);
  }

  ScratchDirectory from_directory, into_directory;
  std::unique_ptr<Store> from = open(from_directory);
  std::unique_ptr<Store> into = open(into_directory);
};

TEST_F(StoreMove, EverythingArrivesAndNoGenerationIsGivenTwice) {
  Revision highest = 0;
  for (int i = 0; i < 200; ++i) highest = add(store_key("bob:" + std::to_string(i)), 0);
  highest = add(kKey, 100);
  commit({{.key = std::string(kTickKey), .record = encode(TickRecord{.tick = 77, .unknown = {}})}});
  const Record before = record_in(*from, kKey);

  ASSERT_TRUE(import(exported()).ok());
  EXPECT_EQ(record_in(*into, kKey).generation, before.generation);
  EXPECT_EQ(encode(record_in(*into, kKey)), encode(before));
  EXPECT_EQ(record_in(*into, store_key("bob:7")).generation,
            record_in(*from, store_key("bob:7")).generation);
  EXPECT_EQ(*read_all(*into, kKey), *read_all(*from, kKey));
  const auto records = load_all(*into);
  EXPECT_THAT(*records, SizeIs(203));
  EXPECT_EQ(decode_tick(records->at(std::string(kTickKey)).bytes)->tick, 77u);
  // Whatever is granted next is above all that the old store could have given.
  EXPECT_GE(*decode_base(records->at(std::string(kBaseKey)).bytes), kBase + highest);
}

TEST_F(StoreMove, EventsThatFillAnEntryAreCutIntoSeveral) {
  add(kKey, 16, 60'000);
  ASSERT_TRUE(import(exported()).ok());
  EXPECT_EQ(*read_all(*into, kKey), *read_all(*from, kKey));
  EXPECT_THAT(*read_all(*into, kKey), SizeIs(16));
}

TEST_F(StoreMove, WhatIsCutOffIsRefusedAndLeavesAStoreOverWhichNobodyStarts) {
  for (int i = 0; i < 3; ++i) add(store_key("bob:" + std::to_string(i)), 2);
  std::vector<std::string> lines = absl::StrSplit(exported(), '\n');
  ASSERT_THAT(lines, SizeIs(6));  // with what stands behind the last newline
  const auto without = [&lines](std::size_t line) {
    std::string text;
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
      if (i != line) text += lines[i] + "\n";
    }
    return text;
  };
  EXPECT_THAT(import(without(0)).message(), HasSubstr("does not begin"));
  EXPECT_THAT(*load_all(*into), SizeIs(0));
  EXPECT_THAT(import(without(4)).message(), HasSubstr("was cut off"));
  EXPECT_THAT(import(without(2)).message(), HasSubstr("2 records and 4 events, but says"));
  EXPECT_FALSE(load_all(*into)->contains(std::string(kBaseKey)));
}

TEST_F(StoreMove, OnlyAnEmptyStoreIsFilled) {
  const std::string file = exported();
  ASSERT_TRUE(import(file).ok());
  EXPECT_THAT(import(file).message(), HasSubstr("already holds 1 records"));
}

TEST_F(StoreMove, AnEmptyOrHalfFilledStoreIsNotExported) {
  std::ostringstream to;
  EXPECT_THAT(export_store(*into, to, [](const Moved&) {}).status().message(),
              HasSubstr("nothing to export"));
  ASSERT_TRUE(commit_all(*into, {{.key = kKey, .record = "x"}}).ok());
  EXPECT_THAT(export_store(*into, to, [](const Moved&) {}).status().message(),
              HasSubstr("no base"));
}

TEST_F(StoreMove, AStoreThatIsWrittenMeanwhileIsNotExported) {
  const Revision revision = add(kKey, 0);
  add(store_key("bob:1"), 0);
  class Meddler : public std::stringbuf {
   public:
    explicit Meddler(std::function<void()> meddle) : meddle_(std::move(meddle)) {}
    std::streamsize xsputn(const char* text, std::streamsize count) override {
      if (meddle_) std::exchange(meddle_, nullptr)();
      return std::stringbuf::xsputn(text, count);
    }
    std::function<void()> meddle_;
  };
  Meddler buffer([&] {
    const Record record{.state = State::kIdle, .generation = kBase + 1};
    commit({{.key = kKey, .expected = revision, .record = encode(record)}});
  });
  std::ostream to(&buffer);
  EXPECT_THAT(export_store(*from, to, [](const Moved&) {}).status().message(),
              HasSubstr("End every coordinator first"));
}

}  // namespace
}  // namespace interlock
