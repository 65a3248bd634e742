// A claim that carries the steps of its setup with it, because nothing has to be asked in between.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;

using States = std::vector<State>;

// What a claim through this state writes for its new owner.
States steps_through(State through, OneKey key = {}) {
  const Granted granted = answered<Granted>(key.ask(claim_by(kThere, "through", through)));
  EXPECT_EQ(granted.state, granted.steps.back());
  EXPECT_EQ(granted.state, key.now().state);
  return granted.steps;
}

TEST(ClaimThrough, EachStepOfASetupIsInTheHistory) {
  EXPECT_EQ(steps_through(kConnecting), (States{kConnecting}));
  EXPECT_EQ(steps_through(kAccepted), (States{kConnecting, kAccepted}));
  EXPECT_EQ(steps_through(kAuthenticated), (States{kConnecting, kAccepted, kAuthenticated}));
  EXPECT_EQ(steps_through(kServicesReady),
            (States{kConnecting, kAccepted, kAuthenticated, kServicesReady}));
  EXPECT_EQ(steps_through(kProcessingReady),
            (States{kConnecting, kAccepted, kAuthenticated, kServicesReady, kProcessingReady}));
  EXPECT_EQ(steps_through(kDegraded), (States{kConnecting, kAccepted, kAuthenticated, kDegraded}));
}

TEST(ClaimThrough, EveryStepBelongsToTheGrantAndToItsGeneration) {
  OneKey key;
  const Granted granted = answered<Granted>(key.ask(claim_by(kHere, "claim", kProcessingReady)));
  for (const Transition& entry : key.now().transitions) {
    EXPECT_EQ(entry.generation, granted.generation);
    EXPECT_EQ(entry.actor, Actor::kClaimant);
  }
  EXPECT_TRUE(key.now().operational);
}

TEST(ClaimThrough, AResumedMachineGoesOnToProcessingReadyOrDegradedOnly) {
  EXPECT_EQ(steps_through(kProcessingReady, waiting_key()),
            (States{kReconnecting, kProcessingReady}));
  EXPECT_EQ(steps_through(kDegraded, waiting_key()), (States{kReconnecting, kDegraded}));
  for (State setup : {kConnecting, kAccepted, kAuthenticated, kServicesReady}) {
    EXPECT_EQ(steps_through(setup, waiting_key()), States{kReconnecting}) << name_of(setup);
  }
}

TEST(ClaimThrough, ATakeoverWritesTheWaitingInBetween) {
  EXPECT_EQ(steps_through(kProcessingReady, key_in(kIdle)),
            (States{kReconnecting, kProcessingReady}));
  EXPECT_EQ(steps_through(kDegraded, key_in(kProcessingReady)), (States{kReconnecting, kDegraded}));
}

TEST(ClaimThrough, WithAnOpenRunProcessingStandsBehindProcessingReady) {
  EXPECT_EQ(steps_through(kProcessingReady, key_in(kProcessing)),
            (States{kReconnecting, kProcessingReady, kProcessing}));

  OneKey failed = key_in(kFailed);
  failed.ask(opens("run"));
  EXPECT_EQ(steps_through(kServicesReady, failed).back(), kServicesReady);
  EXPECT_EQ(steps_through(kProcessingReady, failed).back(), kProcessing);
  EXPECT_EQ(steps_through(kDegraded, failed).back(), kDegraded) << "DEGRADED says more";
}

TEST(ClaimThrough, BehindADisplacedMachineTheNewOneGoesThrough) {
  OneKey key = key_in(kAuthenticated);
  key.ask(claim_by(kThere, "through", kProcessingReady));
  EXPECT_THAT(key.written(), ElementsAre(kFailed, kConnecting, kAccepted, kAuthenticated,
                                         kServicesReady, kProcessingReady));
}

TEST(ClaimThrough, NoOtherStateMayBeAskedFor) {
  for (State through : {kProcessing, kIdle, kReconnecting, kClosing, kClosed, kFailed}) {
    for (OneKey key : {OneKey(), waiting_key(), key_in(kProcessingReady), key_in(kFailed)}) {
      const std::optional<Record> before = key.record;
      EXPECT_EQ(refused<InvalidArgument>(key.ask(claim_by(kThere, "through", through))).field,
                "through");
      EXPECT_EQ(key.record, before) << name_of(through);
    }
  }
}

}  // namespace
}  // namespace interlock
