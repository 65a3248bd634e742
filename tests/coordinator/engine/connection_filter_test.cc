#include "coordinator/engine/connection_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace interlock {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kNow = 1'000'000;

SeenConnection alice() {
  SeenConnection seen;
  seen.key = "alice:tab1";
  seen.record.subject = "alice";
  seen.record.state = State::kIdle;
  seen.record.owner = "gateway-1";
  seen.record.generation = 77;
  seen.record.last_sequence = 9;
  seen.record.acknowledged = 4;
  seen.record.outbox_sizes = {10, 10, 10, 10, 10};
  seen.record.runs.push_back({.name = "r", .open = true, .unknown = {}});
  seen.record.transitions_total = 12;
  seen.record.transitions.push_back({.from = State::kProcessing,
                                     .to = State::kIdle,
                                     .actor = Actor::kOwner,
                                     .reason = Reason::kRunsEnded,
                                     .time_unix_ms = kNow - 90'000,
                                     .unknown = {}});
  seen.owner_attached = true;
  return seen;
}

SeenConnection bob() {
  SeenConnection seen;
  seen.key = "bob:tab1";
  seen.record.subject = "bob";
  seen.record.state = State::kReconnecting;
  seen.record.generation = 78;
  seen.record.transitions.push_back({.to = State::kReconnecting,
                                     .reason = Reason::kSocketLost,
                                     .time_unix_ms = kNow - 5'000,
                                     .unknown = {}});
  return seen;
}

// Of alice's and bob's connections, whose match: "a", "b", "ab" or "".
std::string matching(const std::string& text) {
  const auto filter = ConnectionFilter::parse(text);
  if (!filter.ok()) return std::string(filter.status().message());
  std::string who;
  if (filter->matches(alice(), kNow)) who += "a";
  if (filter->matches(bob(), kNow)) who += "b";
  return who;
}

TEST(ConnectionFilter, EveryFieldIsCompared) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "ab"},
      {"key = \"alice:tab1\"", "a"},
      {"key = alice:tab1", "a"},
      {"key = alice:*", "a"},
      {"key != alice:*", "b"},
      {"key = alice", ""},
      {"key = *", "ab"},
      {"subject = bob", "b"},
      {"subject != bob", "a"},
      {"gateway = gateway-1", "a"},
      {"gateway = \"\"", "b"},
      {"gateway != \"\"", "a"},
      {"state = IDLE", "a"},
      {"state != IDLE", "b"},
      {"reason = SOCKET_LOST", "b"},
      {"reason != SOCKET_LOST", "a"},
      {"age > 60s", "a"},
      {"age >= 1m30s", "a"},
      {"age < 1m", "b"},
      {"age <= 5s", "b"},
      {"outbox_events > 0", "a"},
      {"outbox_events = 5", "a"},
      {"outbox_bytes >= 50", "a"},
      {"outbox_bytes < 50", "b"},
      {"open_runs > 0", "a"},
      {"generation <= 77", "a"},
      {"transitions = 12", "a"},
      {"live", "ab"},
      {"setup", ""},
      {"operational", "a"},
      {"waiting", "b"},
      {"final", ""},
      {"orphaned", ""},
      {"attached", "a"},
  };
  for (const auto& [text, who] : table) EXPECT_EQ(matching(text), who) << text;
}

TEST(ConnectionFilter, RestrictionsAreJoinedAsInAip160) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"live AND state = IDLE", "a"},
      {"live state = IDLE", "a"},
      {"state = IDLE OR state = RECONNECTING", "ab"},
      {"NOT state = IDLE", "b"},
      {"-state = IDLE", "b"},
      {"NOT (state = IDLE OR waiting)", ""},
      {"(((live)))", "ab"},
      // OR binds closer: live AND (waiting OR final), not (live AND waiting) OR final.
      {"state = IDLE AND waiting OR attached", "a"},
      {"attached OR waiting AND state = RECONNECTING", "b"},
      {"(state = IDLE AND waiting) OR attached", "a"},
      {"live\n\tAND   waiting", "b"},
  };
  for (const auto& [text, who] : table) EXPECT_EQ(matching(text), who) << text;
}

TEST(ConnectionFilter, WhatIsWrongIsSaidWithItsPlaceAndWhatCouldStandThere) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"stat = IDLE", "at 1 ('stat'): there is no such field; fields: key, subject"},
      {"state = SLEEPING", "at 9 ('SLEEPING'): there is no such state"},
      {"reason = socket_lost", "written like SOCKET_LOST"},
      {"state < IDLE", "state is compared with = or != only"},
      {"age > soon", "such as 90s or 1h30m"},
      {"age", "at 4 (the end): one of = !="},
      {"age >", "at 6 (the end): a value was expected"},
      {"outbox_events = -1", "at 17 ('-'): a value was expected"},
      {"outbox_events = many", "a whole number"},
      {"(live", "')' was expected"},
      {"live)", "at 5 (')'): nothing more was expected"},
      {"AND live", "a field, a flag, NOT or '(' was expected"},
      {"live AND", "at 9 (the end): a field"},
      {"NOT NOT live", "a field, a flag"},
      {"subject = \"alice", "a value was expected"},
      {"subject == alice", "a value was expected"},
      {"live & final", "nothing more was expected"},
      {std::string(40, '(') + "live", "too deeply"},
      {std::string(2000, ' '), "at most 1024 bytes"},
  };
  for (const auto& [text, message] : table) {
    const auto filter = ConnectionFilter::parse(text);
    ASSERT_FALSE(filter.ok()) << text;
    EXPECT_EQ(filter.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(filter.status().message()), HasSubstr(message)) << text;
  }
  std::string many = "live";
  for (int i = 0; i < 70; ++i) many += " live";
  EXPECT_THAT(matching(many), HasSubstr("more than 64 terms"));
}

TEST(ConnectionFilter, SaysWhereToLookWhenThatIsCertain) {
  const auto prefix = [](const std::string& text) {
    return ConnectionFilter::parse(text)->key_prefix();
  };
  EXPECT_EQ(prefix("live AND key = alice:*"), "alice:");
  EXPECT_EQ(prefix("key = alice:tab1"), "alice:tab1");
  EXPECT_EQ(prefix("key = a* OR live"), "");
  EXPECT_EQ(prefix("NOT key = a*"), "");
  EXPECT_EQ(prefix("key != a*"), "");
  const auto gateway = [](const std::string& text) {
    return ConnectionFilter::parse(text)->gateway().value_or("-");
  };
  EXPECT_EQ(gateway("gateway = g1 AND live"), "g1");
  EXPECT_EQ(gateway("gateway = g*"), "-");
  EXPECT_EQ(gateway("gateway = \"\""), "-");
  EXPECT_EQ(gateway("gateway = g1 OR live"), "-");
}

TEST(ConnectionFilter, AnyTextIsAnsweredOneWayOrTheOther) {
  const std::vector<std::string> pieces = {"live", "AND", "OR",   "NOT", "(",    ")",  "state",
                                           "=",    "!=",  "IDLE", "age", "60s",  "\"", "-",
                                           "*",    "key", "a:*",  " ",   "\xff", "<=", "\\"};
  std::mt19937_64 random(20261127);
  std::size_t good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random() % 12; n > 0; --n) {
      text += pieces[random() % pieces.size()];
      if (random() % 3 != 0) text += ' ';
    }
    const auto filter = ConnectionFilter::parse(text);
    if (!filter.ok()) continue;
    ++good;
    (void)filter->matches(alice(), kNow);
  }
  EXPECT_GT(good, 100u);
}

}  // namespace
}  // namespace interlock
