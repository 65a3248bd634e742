// A claim whose client has gone before it was answered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Abandon, OfTheCurrentGrantDetachesIt) {
  const auto written = [](State state) {
    OneKey key = key_in(state);
    answered<Settled>(key.ask(Abandon{kHere, "claim"}));
    EXPECT_EQ(key.now().owner, "");
    return key.written();
  };
  for (State setup : {kConnecting, kAccepted, kAuthenticated, kServicesReady}) {
    EXPECT_THAT(written(setup), ElementsAre(kFailed));
  }
  for (State operational : {kProcessingReady, kProcessing, kIdle, kDegraded}) {
    EXPECT_THAT(written(operational), ElementsAre(kReconnecting));
  }
  EXPECT_THAT(written(kReconnecting), IsEmpty()) << "it waits for its client again";
  EXPECT_THAT(written(kClosing), ElementsAre(kClosed));
}

TEST(Abandon, SaysThatTheClientHadGone) {
  OneKey key = key_in(kProcessingReady);
  key.context.tick += 5;
  key.ask(Abandon{kHere, "claim"});
  EXPECT_EQ(key.decision.steps.at(0).actor, Actor::kClient);
  EXPECT_EQ(key.decision.steps.at(0).reason, Reason::kAbandoned);
  EXPECT_EQ(key.now().changed_tick, key.context.tick);
}

TEST(Abandon, OfAClosingMachinesGrantEndsItsOutbox) {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_outside("a"));
  key.ask(by_owner(key, {advance(kClosing)}));
  key.ask(Abandon{kHere, "claim"});
  EXPECT_EQ(trimmed(key), Range({1, 1}));
  EXPECT_THAT(key.now().outbox_sizes, IsEmpty());
}

TEST(Abandon, MakesEveryLaterCopyOfTheClaimStale) {
  OneKey key = key_in(kProcessingReady);
  key.ask(Abandon{kHere, "claim"});
  const Record before = key.now();
  refused<Stale>(key.ask(claim_by(kHere, "claim")));
  EXPECT_EQ(key.now(), before);
}

TEST(Abandon, ThatOvertakesItsClaimMakesItStale) {
  OneKey key = waiting_key();
  const Record before = key.now();
  answered<Settled>(key.ask(Abandon{kThere, "on its way"}));
  EXPECT_THAT(key.written(), IsEmpty());
  EXPECT_EQ(key.now().changed_tick, before.changed_tick);
  EXPECT_EQ(refused<Stale>(key.ask(claim_by(kThere, "on its way"))).current, before.generation);
}

TEST(Abandon, OfAnotherClaimLeavesTheOwnerAlone) {
  OneKey key = key_in(kProcessingReady);
  answered<Settled>(key.ask(Abandon{kHere, "another"}));
  EXPECT_EQ(key.now().owner, kHere);
  EXPECT_EQ(key.now().state, kProcessingReady);
  EXPECT_THAT(key.now().spent_claim_ids, ElementsAre("another"));
}

TEST(Abandon, ThatComesAgainWritesNothing) {
  OneKey key = key_in(kProcessingReady);
  for (const char* id : {"claim", "another"}) {
    key.ask(Abandon{kHere, id});
    answered<Settled>(key.ask(Abandon{kHere, id}));
    EXPECT_FALSE(key.wrote()) << id;
  }
}

TEST(Abandon, OfASupersededClaimDoesNotTouchTheNewOwner) {
  OneKey key = key_in(kProcessingReady);
  key.ask(claim_by(kHere, "newer", kProcessingReady));
  const Record before = key.now();
  answered<Settled>(key.ask(Abandon{kHere, "claim"}));
  EXPECT_FALSE(key.wrote());
  EXPECT_EQ(key.now(), before);
}

TEST(Abandon, ByAnotherGatewayDetachesNothingAndDoesNotStopTheOwnersOwn) {
  OneKey key = key_in(kProcessingReady);
  answered<Settled>(key.ask(Abandon{kThere, "claim"}));
  EXPECT_EQ(key.now().owner, kHere);
  EXPECT_EQ(key.now().state, kProcessingReady);
  answered<Settled>(key.ask(Abandon{kHere, "claim"}));
  EXPECT_EQ(key.now().owner, "");
  EXPECT_EQ(key.now().state, kReconnecting);
}

TEST(Abandon, AfterTheOwnerLetGoSpendsTheIdAndNothingElse) {
  OneKey key = key_in(kProcessingReady);
  key.ask(by_owner(key, {detach()}));
  Record expected = key.now();
  expected.spent_claim_ids.push_back("claim");
  answered<Settled>(key.ask(Abandon{kHere, "claim"}));
  EXPECT_EQ(key.now(), expected);
}

}  // namespace
}  // namespace interlock
