// What a backend is owed when a machine ends, and until when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;

OneKey with_backend() {
  OneKey key;
  Claim claim = claim_by(kHere, "claim", kProcessingReady);
  claim.has_backend = true;
  key.ask(claim);
  return key;
}

TEST(ClosedIsOwed, FromTheEndUntilABackendWasTold) {
  OneKey key = with_backend();
  EXPECT_EQ(key.now().closed_pending, 0u);
  const Generation generation = key.now().generation;
  key.ask(by_owner(key, {close()}));
  EXPECT_EQ(key.now().closed_pending, generation);
  EXPECT_EQ(key.now().closed_pending_reason, Reason::kClientDone);
  key.ask(ClosedTold{generation - 1});
  EXPECT_FALSE(key.wrote()) << "of an earlier end";
  key.ask(ClosedTold{generation});
  EXPECT_EQ(key.now().closed_pending, 0u);
  key.ask(ClosedTold{generation});
  EXPECT_FALSE(key.wrote());
}

TEST(ClosedIsOwed, OfAMachineThatFailedToo) {
  OneKey key = with_backend();
  key.ask(by_owner(key, {fail()}));
  EXPECT_EQ(key.now().closed_pending, key.now().generation);
}

TEST(ClosedIsOwed, NeverForALostSocketOrATakeover) {
  OneKey key = with_backend();
  key.ask(by_owner(key, {detach()}));
  EXPECT_EQ(key.now().closed_pending, 0u);
  Claim claim = claim_by(kThere, "next", kProcessingReady);
  claim.has_backend = true;
  key.ask(claim);
  EXPECT_EQ(key.now().closed_pending, 0u);
}

TEST(ClosedIsOwed, NotWithoutABackend) {
  OneKey key = key_in(kProcessingReady);
  key.ask(by_owner(key, {close()}));
  EXPECT_EQ(key.now().closed_pending, 0u);
  key.ask(claim_by(kHere, "next", kProcessingReady));
  key.ask(by_owner(key, {close()}));
  EXPECT_EQ(key.now().closed_pending, 0u);
}

// One value speaks for all lower generations.
TEST(ClosedIsOwed, TheNextMachineLeavesItPendingAndItsOwnEndReplacesIt) {
  OneKey key = with_backend();
  const Generation first = key.now().generation;
  key.ask(by_owner(key, {close()}));
  Claim claim = claim_by(kThere, "next", kProcessingReady);
  claim.has_backend = true;
  key.ask(claim);
  EXPECT_EQ(key.now().closed_pending, first);
  key.ask(by_owner(key, {close()}));
  EXPECT_EQ(key.now().closed_pending, key.now().generation);
  EXPECT_GT(key.now().closed_pending, first);
}

TEST(ClosedIsOwed, ForADayWhateverTheRecordIsDoing) {
  OneKey key = with_backend();
  key.ask(by_owner(key, {close()}));
  const Tick due = key.context.tick + 1 + DeadlineLimits{}.closed_pending_ticks;
  EXPECT_EQ(due_tick(key.now(), {}), due) << "longer than other final records are kept";
  OneKey again = key;
  Claim claim = claim_by(kThere, "next", kProcessingReady);
  again.ask(claim);
  EXPECT_EQ(due_tick(again.now(), {}), due);
  again.context.tick = due;
  again.context.revision = 5;
  again.ask(Sweep{.seen = 5});
  EXPECT_EQ(again.now().closed_pending, 0u);
  EXPECT_EQ(again.now().state, kProcessingReady) << "nothing else happened to it";
}

}  // namespace
}  // namespace interlock
