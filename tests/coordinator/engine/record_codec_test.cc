#include "coordinator/engine/record_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <string>

#include "interlock/v1/connection.pb.h"
#include "tests/coordinator/authority/one_key.h"
#include "tests/coordinator/engine/golden.h"

namespace interlock {
namespace {

using enum State;
using testing::IsEmpty;
using testing::Not;

// ---- what a newer build has written ----

template <class Message>
std::string unknown_bytes(const Message& message) {
  std::string bytes;
  message.GetReflection()->GetUnknownFields(message).SerializeToString(&bytes);
  return bytes;
}

// Fields of each kind that this build does not know.
template <class Message>
void write_unknown(Message* message, const std::string& where) {
  google::protobuf::UnknownFieldSet* fields =
      message->GetReflection()->MutableUnknownFields(message);
  fields->AddVarint(900, ~std::uint64_t{0});
  fields->AddFixed32(901, 7);
  fields->AddFixed64(902, 9);
  fields->AddLengthDelimited(903, where + std::string("\x00\xff", 2));
  fields->AddGroup(904)->AddVarint(1, 2);
}

// A record in the middle of a run, which a newer build has written on every level.
v1::Record newer_record() {
  OneKey key = key_in(kProcessing);
  key.ask(event_outside("key"));
  key.record->kick = Kick{.code = 4502, .may_return = true, .generation = 3};
  key.record->attempt = Attempt{7, 2};
  v1::Record record;
  EXPECT_TRUE(record.ParseFromString(encode(key.now())));
  write_unknown(&record, "record");
  for (v1::Transition& entry : *record.mutable_transitions()) write_unknown(&entry, "transition");
  for (v1::Run& run : *record.mutable_runs()) write_unknown(&run, "run");
  for (v1::PublishKey& known : *record.mutable_publish_keys()) write_unknown(&known, "key");
  write_unknown(record.mutable_kick(), "kick");
  return record;
}

TEST(RecordCodec, WhatANewerBuildWroteIsKeptByteForByteOnEveryLevel) {
  const std::string bytes = newer_record().SerializeAsString();
  const absl::StatusOr<Record> record = decode_record(bytes, 1);
  ASSERT_TRUE(record.ok());
  EXPECT_THAT(record->unknown, Not(IsEmpty()));
  EXPECT_EQ(hexadecimal(encode(*record)), hexadecimal(bytes));
}

TEST(RecordCodec, WhatANewerBuildWroteOutlivesADecision) {
  const v1::Record newer = newer_record();
  OneKey key;
  key.record = decode_record(newer.SerializeAsString(), 1).value();
  key.ask(ends("run", 2));
  key.ask(event_outside("another key"));
  key.ask(by_owner(key, {advance(kIdle)}));
  v1::Record written;
  ASSERT_TRUE(written.ParseFromString(encode(key.now())));

  EXPECT_EQ(written.state(), v1::IDLE);
  EXPECT_EQ(unknown_bytes(written), unknown_bytes(newer));
  EXPECT_EQ(unknown_bytes(written.kick()), unknown_bytes(newer.kick()));
  EXPECT_EQ(unknown_bytes(written.runs(0)), unknown_bytes(newer.runs(0)));
  EXPECT_EQ(unknown_bytes(written.publish_keys(0)), unknown_bytes(newer.publish_keys(0)));
  EXPECT_THAT(unknown_bytes(written.publish_keys(1)), IsEmpty());
  ASSERT_EQ(written.transitions_size(), newer.transitions_size() + 2);
  for (int i = 0; i < newer.transitions_size(); ++i) {
    EXPECT_EQ(unknown_bytes(written.transitions(i)), unknown_bytes(newer.transitions(i)));
  }
  EXPECT_THAT(unknown_bytes(written.transitions(newer.transitions_size())), IsEmpty());
}

// ---- what is no record ----

TEST(RecordCodec, WhatIsNoRecordIsRefusedWithAReason) {
  const std::string good = encode(key_in(kProcessing).now());
  ASSERT_TRUE(decode_record(good, 1).ok());
  v1::Record no_state;
  no_state.set_owner("somebody");
  v1::Record unknown_state;
  unknown_state.set_state(static_cast<v1::State>(13));
  v1::Record below_nothing;
  below_nothing.set_state(v1::CONNECTING);
  below_nothing.set_acknowledged(1);
  for (const std::string& bytes :
       {std::string(), std::string("\xff\xff\xff"), std::string("a record"),
        std::string(1'000, '\0'), good.substr(0, good.size() - 1), good + "\x0a",
        std::string("\x08\x01\x1a\x02\xc3\x28"), no_state.SerializeAsString(),
        unknown_state.SerializeAsString(), below_nothing.SerializeAsString()}) {
    EXPECT_EQ(decode_record(bytes, 1).status().code(), absl::StatusCode::kDataLoss)
        << hexadecimal(bytes);
  }
}

TEST(RecordCodec, WhatIsNoEventOrBaseIsRefusedWithAReason) {
  const std::string event = encode(OutboxEvent{.sequence = 1, .type = "notice", .payload = "{}"});
  EXPECT_EQ(decode_event(1, event.substr(0, event.size() - 1)).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(decode_base("").status().code(), absl::StatusCode::kDataLoss) << "a base is never 0";
  EXPECT_EQ(decode_base("\x08").status().code(), absl::StatusCode::kDataLoss);
}

// ---- any record at all ----

class RandomRecords {
 public:
  explicit RandomRecords(std::uint64_t seed) : random_(seed) {}

  Record next() {
    Record record{.state = static_cast<State>(1 + below(12)),
                  .generation = generation(),
                  .subject = text(),
                  .owner = text(),
                  .last_op = number(),
                  .claim_id = bytes(),
                  .sequence_since = generation(),
                  .last_sequence = number()};
    if (below(2) == 0) record.attempt = Attempt{number(), number()};
    record.acknowledged = record.last_sequence - below(record.last_sequence | 1);
    for (auto i = below(9); i > 0; --i) record.spent_claim_ids.push_back(bytes());
    for (auto i = below(9); i > 0; --i) {
      record.outbox_sizes.push_back(static_cast<std::uint32_t>(number()));
    }
    for (auto i = below(17); i > 0; --i) {
      record.runs.push_back({text(), number(), number(), number(), below(2) == 0, number(),
                             static_cast<std::uint32_t>(below(32)), below(2) == 0, {}});
      record.timed.push_back({number(), number(), {}});
      record.expired.push_back(number());
    }
    for (auto i = below(17); i > 0; --i) record.publish_keys.push_back({text(), number(), {}});
    for (auto i = below(17); i > 0; --i) record.transitions.push_back(transition());
    record.transitions_total = number();
    record.changed_tick = number();
    record.closed_pending = number();
    record.closed_pending_tick = number();
    record.closed_pending_reason = static_cast<Reason>(1 + below(21));
    record.expired_forgotten = number();
    record.outbox_since_tick = number();
    record.has_backend = below(2) == 0;
    if (below(2) == 0) {
      record.kick = Kick{static_cast<std::uint32_t>(number()), below(2) == 0, generation(), {}};
    }
    record.operational = below(2) == 0;
    return record;
  }

 private:
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  // Of every length, so that small ones and the largest ones come too.
  std::uint64_t number() { return random_() >> below(64); }
  Generation generation() { return below(4) == 0 ? kThisCommit : number() | 1; }
  std::string bytes() {
    std::string bytes(below(20), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    return bytes;
  }
  std::string text() {
    std::string text(below(20), ' ');
    for (char& character : text) character = static_cast<char>(' ' + below(95));
    return text;
  }
  Transition transition() {
    return {.from = static_cast<State>(1 + below(12)),
            .to = static_cast<State>(1 + below(12)),
            .actor = static_cast<Actor>(1 + below(6)),
            .reason = static_cast<Reason>(1 + below(20)),
            .count = 1 + static_cast<std::uint32_t>(below(1'000)),
            .generation = generation(),
            .tick = number(),
            .time_unix_ms = static_cast<std::int64_t>(number())};
  }

  std::mt19937_64 random_;
};

TEST(RecordCodec, AnyRecordComesBackAsItWasWithItsCommitSpelledOut) {
  RandomRecords records(20'260'101);
  for (int i = 0; i < 5'000; ++i) {
    Record record = records.next();
    const std::string bytes = encode(record);
    spell_out(record, 4'711);
    const absl::StatusOr<Record> decoded = decode_record(bytes, 4'711);
    ASSERT_TRUE(decoded.ok());
    ASSERT_EQ(*decoded, record) << "record " << i;
    ASSERT_EQ(decode_record(encode(record), 9'999).value(), record);
  }
}

TEST(RecordCodec, CutOffAnywhereARecordIsReadOrRefused) {
  RandomRecords records(7);
  for (int i = 0; i < 20; ++i) {
    const std::string bytes = encode(records.next());
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      const absl::StatusOr<Record> decoded = decode_record(bytes.substr(0, length), 1);
      if (!decoded.ok()) EXPECT_EQ(decoded.status().code(), absl::StatusCode::kDataLoss);
    }
  }
}

// ---- how much it takes ----

// A history of sixteen entries over four claims of one client, with gateways, subject and numbers
// of the usual length.
TEST(RecordCodec, ATypicalRecordTakesAtMostFourHundredBytes) {
  OneKey key;
  key.revision = 1'760'000'000'000'000;
  key.context = {.tick = 2'000'000, .time_unix_ms = 1'760'000'400'123};
  const auto minutes_later = [&key](Generation commits) {
    key.revision += commits;
    key.context.tick += 137;
    key.context.time_unix_ms += 137'456;
  };
  for (char gateway : {'a', 'b', 'c', 'd'}) {
    Claim claim = claim_by(std::string(32, gateway), std::string(16, gateway), kProcessingReady);
    claim.subject = "auth0|5f7c8ec7c33c6c004bbafe82";
    if (key.record) claim.attempt = Attempt{key.now().generation, 1};
    key.ask(claim);
    minutes_later(100'000);
    key.ask(opens(std::string("run-") + gateway));
    key.ask(Acknowledge{key.now().owner, key.now().generation, key.now().last_sequence});
    key.ask(ends(std::string("run-") + gateway));
    key.ask(Acknowledge{key.now().owner, key.now().generation, key.now().last_sequence});
    minutes_later(100'000);
    if (gateway != 'd') key.ask(by_owner(key, {detach()}));
  }
  key.record->runs.clear();  // as after a CLOSED, or without any
  ASSERT_EQ(key.now().transitions.size(), 16u);
  ASSERT_EQ(key.now().spent_claim_ids.size(), 3u);
  const std::size_t bytes = encode(key.now()).size();
  RecordProperty("bytes", static_cast<int>(bytes));
  std::printf("a typical record: %zu bytes\n", bytes);
  EXPECT_LE(bytes, 400u);
}

// ---- keys ----

TEST(RecordCodec, ConnectionsHaveKeysOfTheirOwnKind) {
  EXPECT_EQ(store_key("alice:s1"), "c/alice:s1");
  EXPECT_EQ(connection_key_of("c/alice:s1"), "alice:s1");
  for (std::string_view other : {kBaseKey, kTickKey, kGatewayPrefix, std::string_view("")}) {
    EXPECT_EQ(connection_key_of(other), std::nullopt);
  }
}

}  // namespace
}  // namespace interlock
