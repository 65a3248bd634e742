// What time alone does to a connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Tick kSetup = 30;
constexpr Tick kWindow = 120;
constexpr Tick kRetention = 600;

// So many ticks after its last change, with its owner alive or dead.
std::vector<State> swept(OneKey& key, Tick after, bool owner_lives = true) {
  key.context.tick = key.now().changed_tick + after;
  key.context.owner_lives = owner_lives;
  key.context.revision = 5;
  answered<Settled>(key.ask(Sweep{.seen = 5}));
  return key.written();
}

TEST(Sweep, ADeadOwnersConnectionWaitsForItsClientOrHasFailed) {
  for (State operational : {kProcessingReady, kProcessing, kIdle, kDegraded}) {
    OneKey key = key_in(operational);
    EXPECT_THAT(swept(key, 1, false), ElementsAre(kReconnecting));
    EXPECT_EQ(key.now().owner, "");
    EXPECT_EQ(key.decision.steps.at(0).reason, Reason::kGatewayExpired);
    EXPECT_EQ(key.decision.steps.at(0).actor, Actor::kAuthority);
  }
  for (State setup : {kConnecting, kAccepted, kAuthenticated, kServicesReady}) {
    OneKey key = key_in(setup);
    EXPECT_THAT(swept(key, 1, false), ElementsAre(kFailed));
  }
  OneKey closing = key_in(kClosing);
  EXPECT_THAT(swept(closing, 1, false), ElementsAre(kClosed));
  OneKey resuming = key_in(kReconnecting);
  EXPECT_THAT(swept(resuming, 1, false), IsEmpty()) << "it waits already";
  EXPECT_EQ(resuming.now().owner, "");
}

TEST(Sweep, ALiveOwnersConnectionIsLeftAlone) {
  for (State operational : {kProcessingReady, kProcessing, kIdle, kDegraded}) {
    OneKey key = key_in(operational);
    const Record before = key.now();
    // An open run may fall silent long before that.
    const Tick later = operational == kProcessing ? 600 : 1'000'000;
    EXPECT_THAT(swept(key, later), IsEmpty());
    EXPECT_EQ(key.now(), before);
  }
}

TEST(Sweep, SetupResumeAndClosingEndByThemselves) {
  for (State setup : {kConnecting, kAccepted, kAuthenticated, kServicesReady}) {
    OneKey key = key_in(setup);
    EXPECT_THAT(swept(key, kSetup), IsEmpty());
    EXPECT_THAT(swept(key, kSetup + 1), ElementsAre(kFailed));
    EXPECT_EQ(key.decision.steps.at(0).reason, Reason::kSetupExpired);
  }
  OneKey closing = key_in(kClosing);
  EXPECT_THAT(swept(closing, kSetup), IsEmpty());
  EXPECT_THAT(swept(closing, kSetup + 1), ElementsAre(kClosed));
  OneKey resuming = key_in(kReconnecting);
  EXPECT_THAT(swept(resuming, kSetup + 1), IsEmpty());
  EXPECT_EQ(resuming.now().owner, "");
  EXPECT_EQ(resuming.now().state, kReconnecting) << "its client has the whole window again";
  EXPECT_THAT(swept(resuming, kWindow), IsEmpty());
  EXPECT_THAT(swept(resuming, kWindow + 1), ElementsAre(kClosed));
}

TEST(Sweep, AClientThatDoesNotComeBackWithinTheWindowHasItsSequenceEnded) {
  OneKey key = key_in(kProcessingReady);
  key.ask(event_outside("a"));
  key.ask(by_owner(key, {detach()}));
  EXPECT_THAT(swept(key, kWindow), IsEmpty());
  EXPECT_THAT(swept(key, kWindow + 1), ElementsAre(kClosed));
  EXPECT_EQ(key.decision.steps.at(0).reason, Reason::kResumeExpired);
  EXPECT_EQ(trimmed(key), Range({1, 1}));
}

TEST(Sweep, AFinalRecordIsForgottenAfterItsRetention) {
  for (State final : {kClosed, kFailed}) {
    OneKey key = key_in(final);
    swept(key, kRetention);
    EXPECT_TRUE(key.record);
    swept(key, kRetention + 1);
    EXPECT_FALSE(key.record);
  }
}

TEST(Sweep, ARecordThatOwesABackendTheNewsIsKeptForADayAtMost) {
  OneKey key = key_in(kClosed);
  key.record->closed_pending = 3;
  key.record->closed_pending_tick = key.now().changed_tick;
  swept(key, 86'400);
  EXPECT_TRUE(key.record);
  swept(key, 86'401);
  EXPECT_FALSE(key.record);
}

TEST(Sweep, WhatHasChangedSinceItWasSeenIsNotTouched) {
  OneKey key = key_in(kProcessingReady);
  key.context.owner_lives = false;
  key.context.revision = 6;
  const Record before = key.now();
  answered<Settled>(key.ask(Sweep{.seen = 5}));
  EXPECT_EQ(key.now(), before);
}

TEST(Sweep, WhoMakesRoomIsWhoWaitsWithoutAnOwner) {
  OneKey waiting = waiting_key();
  waiting.context.revision = 5;
  waiting.ask(Sweep{.seen = 5, .capped = true});
  EXPECT_THAT(waiting.written(), ElementsAre(kClosed));
  EXPECT_EQ(waiting.decision.steps.at(0).reason, Reason::kSessionsCapped);
  OneKey owned = key_in(kProcessingReady);
  owned.context.revision = 5;
  owned.ask(Sweep{.seen = 5, .capped = true});
  EXPECT_THAT(owned.written(), IsEmpty());
}

// ---- claims ----

TEST(ClaimLimits, AnExpiredGatewayIsGrantedNothing) {
  OneKey key = key_in(kProcessingReady);
  key.context.claimant_expired = true;
  const Record before = key.now();
  refused<GatewayExpired>(key.ask(claim_by(kThere, "new")));
  refused<GatewayExpired>(key.ask(claim_by(kHere, "claim")));
  EXPECT_EQ(key.now(), before);
  OneKey absent;
  absent.context.claimant_expired = true;
  refused<GatewayExpired>(absent.ask(claim_by(kThere, "new")));
  EXPECT_FALSE(absent.record);
}

TEST(ClaimLimits, ASubjectAtItsCapClosesOneThatWaitsOrIsRefused) {
  OneKey key;
  key.context.limits.sessions_per_subject_max = 3;
  key.context.admission = Admission{.subject_records = 3, .subject_live = 3};
  EXPECT_EQ(refused<ResourceExhausted>(key.ask(claim_by(kHere, "a"))).limit,
            "sessions_per_subject_max");
  key.context.admission->subject_waiting = 1;
  EXPECT_TRUE(answered<Granted>(key.ask(claim_by(kHere, "a"))).capped);
  // Who is there already adds nothing.
  key.context.admission->subject_waiting = 0;
  EXPECT_FALSE(answered<Granted>(key.ask(claim_by(kThere, "b"))).capped);
}

TEST(ClaimLimits, BelowTheCapNobodyMakesRoom) {
  OneKey key;
  key.context.limits.sessions_per_subject_max = 3;
  key.context.admission = Admission{.subject_records = 90, .subject_live = 2};
  EXPECT_FALSE(answered<Granted>(key.ask(claim_by(kHere, "a"))).capped);
}

TEST(ClaimLimits, RecordsInAllAreBoundedAndWhoHoldsMostIsRefusedFirst) {
  const auto ask = [](std::uint64_t records, std::uint64_t of_subject) {
    OneKey key;
    key.context.limits.records_max = 100;
    key.context.admission = Admission{.records = records, .subject_records = of_subject};
    return std::holds_alternative<Granted>(key.ask(claim_by(kHere, "a")));
  };
  EXPECT_TRUE(ask(89, 50));
  EXPECT_FALSE(ask(90, 11)) << "more than half of what a subject may have";
  EXPECT_TRUE(ask(90, 10));
  EXPECT_TRUE(ask(99, 0));
  EXPECT_FALSE(ask(100, 0));
}

}  // namespace
}  // namespace interlock
