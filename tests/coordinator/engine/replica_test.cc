// The memory of a coordinator only ever moves forward.
#include "coordinator/engine/replica.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/engine/record_codec.h"
#include "tests/coordinator/engine/bare_engine.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kDecoded = 1;  // so that all keys fall on one place

class ReplicaTest : public testing::Test {
 protected:
  ReplicaTest() { replica.set_base(1'000); }
  Replica::Taken put(const std::string& key, Revision revision, State state = State::kIdle,
                     const std::string& owner = {}) {
    RecordRef decoded;
    return replica.put(key, revision, bytes_of(state, owner), decoded);
  }
  std::vector<std::string> keys(std::string_view after = {}) const {
    std::vector<std::string> keys;
    replica.scan(after, [&](const Replica::Slot& slot) {
      keys.emplace_back(slot.key());
      return true;
    });
    return keys;
  }
  std::size_t in_state(State state) const {
    return replica.connections_by_state()[static_cast<std::size_t>(state)];
  }

  Replica replica{DeadlineLimits{}, kDecoded};
};

TEST_F(ReplicaTest, WhatIsOlderOrTheSameChangesNothing) {
  EXPECT_EQ(put("c/a", 5, State::kIdle), Replica::Taken::kNewer);
  EXPECT_EQ(put("c/a", 5, State::kClosed), Replica::Taken::kOld);
  EXPECT_EQ(put("c/a", 4, State::kClosed), Replica::Taken::kOld);
  EXPECT_EQ(replica.remove("c/a", 5), Replica::Taken::kOld);
  EXPECT_EQ(replica.record("c/a")->state, State::kIdle);
}

TEST_F(ReplicaTest, WhatIsKeptDecodedIsOfTheRevisionAndTheKeyThatAreAskedFor) {
  put("c/a", 5, State::kIdle);
  put("c/b", 5, State::kClosed);
  EXPECT_EQ(replica.record("c/a")->state, State::kIdle);
  EXPECT_EQ(replica.record("c/b")->state, State::kClosed);
  const RecordRef before = replica.record("c/a");
  put("c/a", 6, State::kDegraded);
  EXPECT_EQ(replica.record("c/a")->state, State::kDegraded);
  EXPECT_EQ(before->state, State::kIdle) << "whoever holds it may go on looking";
}

TEST_F(ReplicaTest, WhatIsKnownDecodedIsNotDecodedAgain) {
  Record record = *decode_record(bytes_of(State::kIdle), 1'005);
  record.subject = "only in the decoded one";
  RecordRef decoded = std::make_shared<const Record>(record);
  replica.put("c/a", 5, bytes_of(State::kIdle), decoded);
  EXPECT_EQ(*replica.record("c/a"), record);
}

TEST_F(ReplicaTest, WhatIsReadIsHandedBack) {
  RecordRef decoded;
  replica.put("c/a", 5, bytes_of(State::kDegraded), decoded);
  ASSERT_NE(decoded, nullptr);
  EXPECT_EQ(decoded->state, State::kDegraded);
}

TEST(RecentRecords, FourKeysOfOnePlaceAreKept) {
  RecentRecords recent(4);
  const auto record = std::make_shared<const Record>();
  for (const char* key : {"a", "b", "c", "d"}) recent.keep(key, 1, record);
  recent.keep("c", 2, record);
  for (const char* key : {"a", "b", "d"}) EXPECT_EQ(recent.find(key, 1), record) << key;
  EXPECT_EQ(recent.find("c", 1), nullptr) << "there is a newer one";
  EXPECT_EQ(recent.find("c", 2), record);
}

TEST(RecentRecords, TheOneThatWasNotUsedForLongestGivesWay) {
  RecentRecords recent(4);
  const auto record = std::make_shared<const Record>();
  for (const char* key : {"a", "b", "c", "d"}) recent.keep(key, 1, record);
  EXPECT_EQ(recent.find("a", 1), record);
  recent.keep("e", 1, record);
  EXPECT_EQ(recent.find("b", 1), nullptr);
  for (const char* key : {"a", "c", "d", "e"}) EXPECT_EQ(recent.find(key, 1), record) << key;
}

TEST(RecentRecords, WithoutAPlaceNothingIsKept) {
  RecentRecords recent(0);
  recent.keep("a", 1, std::make_shared<const Record>());
  EXPECT_EQ(recent.find("a", 1), nullptr);
}

TEST_F(ReplicaTest, ADeletionIsRememberedAgainstWhatIsOlder) {
  put("c/a", 5);
  EXPECT_EQ(replica.remove("c/a", 8), Replica::Taken::kNewer);
  EXPECT_EQ(put("c/a", 7), Replica::Taken::kOld);
  EXPECT_EQ(replica.record("c/a"), nullptr);
  EXPECT_EQ(replica.remove("c/never seen", 8), Replica::Taken::kNewer);
  EXPECT_EQ(put("c/never seen", 3), Replica::Taken::kOld);
  EXPECT_EQ(put("c/a", 9), Replica::Taken::kNewer);
  EXPECT_THAT(keys(), ElementsAre("c/a"));
}

TEST_F(ReplicaTest, ADeletionIsForgottenWhenTheFeedHasPassedItUnlessTheKeyIsBack) {
  put("c/a", 5);
  replica.remove("c/a", 8);
  replica.forget_deletions(Position{7});
  EXPECT_NE(replica.find("c/a"), nullptr);
  replica.forget_deletions(Position{8});
  EXPECT_EQ(replica.find("c/a"), nullptr);

  put("c/b", 9);
  replica.remove("c/b", 10);
  put("c/b", 11);
  replica.forget_deletions(Position{20});
  EXPECT_NE(replica.record("c/b"), nullptr);

  put("c/d", 21);
  replica.remove("c/d", 22);
  replica.remove("c/d", 25);
  replica.forget_deletions(Position{23});
  EXPECT_EQ(put("c/d", 24), Replica::Taken::kOld);
}

TEST_F(ReplicaTest, GenerationsOfTheCommitItselfAreSpelledOut) {
  put("c/a", 7);
  const Record record = *replica.record("c/a");
  EXPECT_EQ(record.generation, 1'007u);
  EXPECT_EQ(record.sequence_since, 1'007u);
}

TEST_F(ReplicaTest, WhatIsNoRecordIsNotTaken) {
  put("c/a", 5);
  RecordRef decoded;
  EXPECT_EQ(replica.put("c/a", 6, "no record", decoded), Replica::Taken::kUnreadable);
  EXPECT_EQ(replica.find("c/a")->revision, 5u);
  EXPECT_EQ(replica.put("t/", 6, "of another kind", decoded), Replica::Taken::kNewer);
  EXPECT_EQ(replica.connections(), 1u);
}

TEST_F(ReplicaTest, ScansGoInTheOrderOfTheKeysFromBehindAPlace) {
  for (const char* key : {"c/d", "c/a", "c/c", "c/b", "g/x"}) put(key, 5);
  replica.remove("c/c", 6);
  EXPECT_THAT(keys(), ElementsAre("c/a", "c/b", "c/d", "g/x"));
  EXPECT_THAT(keys("c/b"), ElementsAre("c/d", "g/x"));
  EXPECT_THAT(keys("c/bb"), ElementsAre("c/d", "g/x"));
  EXPECT_THAT(keys("h"), IsEmpty());
}

TEST_F(ReplicaTest, OwnersAndStatesAreCountedAsTheyChange) {
  put("c/a", 5, State::kIdle, "gateway-a");
  put("c/b", 6, State::kConnecting, "gateway-a");
  put("c/c", 7, State::kIdle, "gateway-b");
  EXPECT_THAT(replica.owned_by("gateway-a"), ElementsAre("c/a", "c/b"));
  EXPECT_EQ(in_state(State::kIdle), 2u);
  put("c/a", 8, State::kReconnecting);
  put("c/b", 9, State::kProcessing, "gateway-b");
  EXPECT_THAT(replica.owned_by("gateway-a"), IsEmpty());
  EXPECT_THAT(replica.owned_by("gateway-b"), ElementsAre("c/b", "c/c"));
  EXPECT_EQ(in_state(State::kIdle), 1u);
  EXPECT_EQ(in_state(State::kConnecting), 0u);
  replica.remove("c/c", 10);
  EXPECT_EQ(in_state(State::kIdle), 0u);
  EXPECT_EQ(replica.connections(), 2u);
  EXPECT_THAT(replica.owned_by("gateway-b"), ElementsAre("c/b"));
  EXPECT_THAT(replica.owned_by("nobody"), IsEmpty());
}

TEST_F(ReplicaTest, WhatALoadDoesNotShowIsMissingUnlessItIsNewer) {
  put("c/a", 5);
  put("c/b", 6);
  put("c/new", 20);
  put("c/gone already", 7);
  replica.remove("c/gone already", 8);
  EXPECT_THAT(replica.missing({"c/a"}, Position{15}), ElementsAre("c/b"));
}

}  // namespace
}  // namespace interlock
