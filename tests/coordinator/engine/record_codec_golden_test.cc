// What version 1 wrote is read, field by field, and written again byte by byte.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "coordinator/engine/record_codec.h"
#include "interlock/v1/connection.pb.h"
#include "tests/coordinator/authority/one_key.h"
#include "tests/coordinator/engine/golden.h"

namespace interlock {
namespace {

using enum State;

constexpr Generation kBase = 1'760'000'000'000'000;
constexpr std::int64_t kTime = 1'760'000'400'000;

Transition entry(State from, State to, Actor actor, Reason reason, Generation generation, Tick tick,
                 std::int64_t time_unix_ms, std::uint32_t count = 1) {
  return {from, to, actor, reason, count, generation, tick, time_unix_ms, {}, {}};
}

// A key that was claimed in the commit that is about to be written.
Record granted_record() {
  Record record{.state = kAccepted,
                .generation = kThisCommit,
                .subject = "auth0|5f7c8ec7c33c6c004bbafe82",
                .owner = "0123456789abcdef0123456789abcdef",
                .claim_id = std::string("\x00\x01\xfe\xff claim", 10),
                .attempt = Attempt{0, 1},
                .sequence_since = kThisCommit};
  record.transitions = {
      entry(kConnecting, kConnecting, Actor::kClaimant, Reason::kClaimed, kThisCommit, 7, kTime),
      entry(kConnecting, kAccepted, Actor::kClaimant, Reason::kStep, kThisCommit, 7, kTime)};
  record.transitions_total = 2;
  record.changed_tick = 7;
  return record;
}

// The same key, some time later: in the middle of a run, with events that wait.
Record processing_record() {
  Record record = granted_record();
  record.state = kProcessing;
  record.generation = kBase + 5'000'001;
  record.last_op = 3;
  record.attempt = Attempt{kBase + 17, 2};
  record.spent_claim_ids = {"claim 1", "claim 2"};
  record.sequence_since = kBase + 17;
  record.last_sequence = 300;
  record.acknowledged = 297;
  record.outbox_sizes = {12, 0, 65'536};
  record.runs = {
      {.name = "ended", .last_number = 2, .last_sequence = 5, .tick = 9, .ended_order = 1},
      {.name = "open", .last_number = 140, .last_sequence = 300, .tick = 88, .open = true}};
  record.publish_keys = {{.key = "key", .sequence = 298}, {.key = "k\xc3\xa9y", .sequence = 299}};
  record.transitions = {entry(kProcessingReady, kReconnecting, Actor::kClient, Reason::kSocketLost,
                              kBase + 17, 80, kTime),
                        entry(kReconnecting, kProcessingReady, Actor::kOwner, Reason::kStep,
                              kBase + 5'000'001, 80, kTime + 900),
      // The wall clock was set back meanwhile.
                        entry(kProcessingReady, kProcessing, Actor::kBackend, Reason::kRunOpened,
                              kBase + 5'000'001, 88, kTime - 60'000, 41)};
  record.transitions_total = 95;
  record.changed_tick = 88;
  record.operational = true;
  return record;
}

Record waiting_record() {
  Record record = processing_record();
  record.state = kReconnecting;
  record.owner = "";
  record.attempt.reset();
  record.transitions.push_back(entry(kProcessing, kReconnecting, Actor::kOwner,
                                     Reason::kGatewayLeft, kBase + 5'000'001, 90, kTime + 2'000));
  return record;
}

Record kicked_record() {
  Record record = granted_record();
  record.state = kClosed;
  record.generation = kBase + 9;
  record.owner = "";
  record.sequence_since = kBase + 9;
  record.last_sequence = 8;
  record.acknowledged = 6;
  record.transitions = {
      entry(kIdle, kClosing, Actor::kAdmin, Reason::kKicked, kBase + 9, 12, kTime),
      entry(kClosing, kClosed, Actor::kAuthority, Reason::kSetupExpired, kBase + 9, 42,
            kTime + 30'000)};
  record.closed_pending = kBase + 9;
  record.closed_pending_tick = 42;
  record.kick = Kick{.code = 4502, .may_return = true, .generation = kBase + 9};
  record.operational = true;
  return record;
}

// By a build that says who did it, and why.
Record steered_record() {
  Record record = kicked_record();
  record.transitions[0].note = "olga: spam, ticket 123";
  return record;
}

// Read, and written again.
void expect_golden(std::string_view name, const Record& expected) {
  SCOPED_TRACE(name);
  const std::string bytes = golden(name);
  const absl::StatusOr<Record> record = decode_record(bytes, kBase + 1);
  ASSERT_TRUE(record.ok()) << "written today it would be\n" << hexadecimal(encode(expected));
  EXPECT_EQ(*record, expected);
  EXPECT_EQ(hexadecimal(encode(*record)), hexadecimal(bytes));
}

TEST(RecordCodecGolden, RecordsOfVersion1) {
  expect_golden("v1_processing", processing_record());
  expect_golden("v1_waiting", waiting_record());
  expect_golden("v1_kicked", kicked_record());
}

TEST(RecordCodecGolden, RecordsOfVersion2) { expect_golden("v2_steered", steered_record()); }

TEST(RecordCodecGolden, TheGatewayOfVersion2) {
  const std::string bytes = golden("v2_gateway_draining");
  const absl::StatusOr<Lease> lease = decode_lease(bytes);
  ASSERT_TRUE(lease.ok());
  const Lease expected{.renewed_tick = 1'999'998,
                       .address = "10.0.0.7:8080",
                       .first_seen_unix_ms = kTime,
                       .draining_per_s = 250,
                       .unknown = {}};
  EXPECT_EQ(*lease, expected) << "written today it would be\n" << hexadecimal(encode(expected));
  EXPECT_EQ(hexadecimal(encode(*lease)), hexadecimal(bytes));
}

TEST(RecordCodecGolden, ARecordThatNamesItsOwnCommitIsSpelledOutByItsReader) {
  const std::string bytes = golden("v1_granted");
  EXPECT_EQ(hexadecimal(encode(granted_record())), hexadecimal(bytes));
  Record expected = granted_record();
  spell_out(expected, kBase + 123);
  EXPECT_EQ(expected.transitions[1].generation, kBase + 123);
  const absl::StatusOr<Record> record = decode_record(bytes, kBase + 123);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(*record, expected);
  // The next write says the number.
  EXPECT_EQ(decode_record(encode(*record), kBase + 999).value(), expected);
}

TEST(RecordCodecGolden, EventsOfVersion1) {
  const std::string bytes = golden("v1_event");
  const OutboxEvent expected{.sequence = 300,
                             .type = "agent_thinking",
                             .run = "open",
                             .number = 140,
                             .id = "open/140",
                             .payload = "{\"text\":\"\xc3\xa9\"}",
                             .tick = 88,
                             .ttl_ms = 60'000,
                             .time_unix_ms = kTime};
  const absl::StatusOr<OutboxEvent> event = decode_event(300, bytes);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(event->sequence, expected.sequence);
  EXPECT_EQ(event->type, expected.type);
  EXPECT_EQ(event->run, expected.run);
  EXPECT_EQ(event->number, expected.number);
  EXPECT_EQ(event->id, expected.id);
  EXPECT_EQ(event->payload, expected.payload);
  EXPECT_EQ(event->tick, expected.tick);
  EXPECT_EQ(event->ttl_ms, expected.ttl_ms);
  EXPECT_EQ(event->time_unix_ms, expected.time_unix_ms);
  EXPECT_EQ(hexadecimal(encode(*event)), hexadecimal(bytes));
  EXPECT_EQ(hexadecimal(encode(expected)), hexadecimal(bytes));
}

TEST(RecordCodecGolden, TheBaseOfVersion1) {
  const std::string bytes = golden("v1_base");
  EXPECT_EQ(decode_base(bytes).value_or(0), kBase);
  EXPECT_EQ(hexadecimal(encode_base(kBase)), hexadecimal(bytes));
}

TEST(RecordCodecGolden, TheTickOfVersion1) {
  const std::string bytes = golden("v1_tick");
  v1::TickRecord tick;
  ASSERT_TRUE(tick.ParseFromString(bytes));
  EXPECT_EQ(tick.tick(), 2'000'000u);
  v1::TickRecord again;
  again.set_tick(2'000'000);
  EXPECT_EQ(hexadecimal(again.SerializeAsString()), hexadecimal(bytes));
}

TEST(RecordCodecGolden, TheGatewayOfVersion1) {
  const std::string bytes = golden("v1_gateway");
  v1::GatewayRecord gateway;
  ASSERT_TRUE(gateway.ParseFromString(bytes));
  EXPECT_EQ(gateway.renewed_tick(), 1'999'998u);
  EXPECT_TRUE(gateway.expired());
  EXPECT_EQ(gateway.address(), "10.1.2.3:8080");
  EXPECT_EQ(gateway.first_seen_unix_ms(), kTime);
  v1::GatewayRecord again;
  again.set_renewed_tick(1'999'998);
  again.set_expired(true);
  again.set_address("10.1.2.3:8080");
  again.set_first_seen_unix_ms(kTime);
  EXPECT_EQ(hexadecimal(again.SerializeAsString()), hexadecimal(bytes));
}

// Since version 3 a lease keeps what its gateway says of itself.
TEST(RecordCodecGolden, AGatewayWithItsLoadOfVersion3) {
  const std::string bytes = golden("v3_gateway_load");
  const Lease expected{.renewed_tick = 1'999'998,
                       .address = "10.1.2.3:8080",
                       .first_seen_unix_ms = kTime,
                       .draining_per_s = 25,
                       .load = std::string("\x18\x11", 2),
                       .unknown = {}};
  const absl::StatusOr<Lease> lease = decode_lease(bytes);
  ASSERT_TRUE(lease.ok());
  EXPECT_EQ(*lease, expected);
  EXPECT_EQ(hexadecimal(encode(expected)), hexadecimal(bytes));
  v1::GatewayLoad load;
  ASSERT_TRUE(load.ParseFromString(lease->load));
  EXPECT_EQ(load.sockets(), 17u);
}

}  // namespace
}  // namespace interlock
