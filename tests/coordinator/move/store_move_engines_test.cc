// Everything from one kind of store into each other kind.
#include <gtest/gtest.h>

#include <sstream>

#include "coordinator/engine/record_codec.h"
#include "coordinator/move/store_calls.h"
#include "coordinator/move/store_move.h"
#include "coordinator/store/open_store.h"
#include "tests/coordinator/store/etcd_server.h"
#include "tests/coordinator/store/postgres_server.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

constexpr std::uint64_t kBase = 1'700'000'000'000'000;
constexpr int kKeys = 300;
constexpr Sequence kEvents = 16;

std::string key_of(int number) { return store_key("alice:" + std::to_string(number)); }

std::unique_ptr<Store> open(const std::string& url) {
  auto store = open_store(url);
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

void fill(Store& store) {
  Batch batch{{.key = std::string(kBaseKey), .record = encode_base(kBase)}};
  for (int i = 0; i < kKeys; ++i) {
    Record record{.state = State::kIdle, .generation = kThisCommit, .sequence_since = kThisCommit};
    record.last_sequence = kEvents;
    record.outbox_sizes.assign(kEvents, 10);
    Entry entry{.key = key_of(i), .record = encode(record)};
    for (Sequence sequence = 1; sequence <= kEvents; ++sequence) {
      OutboxEvent event{.sequence = sequence, .type = "note", .id = "e", .payload = "\"12345678\""};
      entry.put.push_back({sequence, encode(event)});
    }
    batch.push_back(std::move(entry));
  }
  const auto outcomes = commit_all(store, std::move(batch));
  ASSERT_TRUE(outcomes.ok());
  for (const Outcome& outcome : *outcomes) ASSERT_TRUE(std::holds_alternative<Applied>(outcome));
}

struct Held {
  std::string record;  // with its generations spelled out
  std::vector<Attachment> events;
  friend bool operator==(const Held&, const Held&) = default;
};

std::vector<Held> held_by(Store& store) {
  std::vector<Held> all;
  const auto records = load_all(store);
  EXPECT_EQ(records->size(), std::size_t{kKeys} + 1);
  const std::uint64_t base = *decode_base(records->at(std::string(kBaseKey)).bytes);
  for (int i = 0; i < kKeys; ++i) {
    const Versioned& versioned = records->at(key_of(i));
    all.push_back({encode(*decode_record(versioned.bytes, base + versioned.revision)),
                   *read_all(store, key_of(i))});
  }
  return all;
}

void move(Store& from, Store& into) {
  std::stringstream file;
  const auto moved = export_store(from, file, [](const Moved&) {});
  ASSERT_TRUE(moved.ok()) << moved.status();
  const auto arrived = import_store(into, file, [](const Moved&) {});
  ASSERT_TRUE(arrived.ok()) << arrived.status();
}

TEST(StoreMoveEngines, EverythingGoesAroundUnchanged) {
  const ScratchDirectory first, last;
  PostgresServer postgres;
  EtcdServer etcd;
  const auto begin = open("rocksdb:" + first.path());
  ASSERT_NO_FATAL_FAILURE(fill(*begin));
  const std::vector<Held> expected = held_by(*begin);

  const auto in_postgres = open(postgres.url(postgres.make_database()));
  ASSERT_NO_FATAL_FAILURE(move(*begin, *in_postgres));
  EXPECT_EQ(held_by(*in_postgres), expected);
  const auto in_etcd = open(etcd.url());
  ASSERT_NO_FATAL_FAILURE(move(*in_postgres, *in_etcd));
  EXPECT_EQ(held_by(*in_etcd), expected);
  const auto end = open("rocksdb:" + last.path());
  ASSERT_NO_FATAL_FAILURE(move(*in_etcd, *end));
  EXPECT_EQ(held_by(*end), expected);
}

}  // namespace
}  // namespace interlock
