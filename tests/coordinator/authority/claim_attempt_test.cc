// Claims of the same client against each other: which is the newer one, and who is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;

// Operational, made by the claim with this attempt; before it there was one generation, `hello`.
struct Attempted {
  explicit Attempted(std::optional<Attempt> attempt) {
    hello = answered<Granted>(key.ask(claim_by(kHere, "first", kProcessingReady))).generation;
    if (attempt && attempt->generation == kHello) attempt->generation = hello;
    Claim claim = claim_by(kHere, "second", kProcessingReady);
    claim.attempt = attempt;
    current = answered<Granted>(key.ask(claim)).generation;
  }
  // A claim that has not been seen, with this attempt.
  Claim next(std::optional<Attempt> attempt, Policy policy = Policy::kTakeOver) {
    Claim claim = claim_by(kThere, "next " + std::to_string(++claims), kProcessingReady);
    claim.attempt = attempt;
    claim.policy = policy;
    return claim;
  }

  static constexpr Generation kHello = 1;  // stands for `hello` in the constructor
  OneKey key;
  Generation hello = 0;
  Generation current = 0;
  int claims = 0;
};

TEST(ClaimAttempt, OneThatNamesTheCurrentGenerationIsNewer) {
  Attempted story(Attempt{Attempted::kHello, 7});
  answered<Granted>(story.key.ask(story.next(Attempt{story.current, 1})));
}

TEST(ClaimAttempt, OnesOfAnOlderGenerationAreComparedPairByPair) {
  const auto outcome = [](auto attempt_of) {
    Attempted story(Attempt{Attempted::kHello, 3});
    const Answer answer = story.key.ask(story.next(attempt_of(story.hello)));
    return std::holds_alternative<Granted>(answer);
  };
  using G = Generation;
  EXPECT_TRUE(outcome([](G hello) { return Attempt{hello, 4}; })) << "one more try";
  EXPECT_FALSE(outcome([](G hello) { return Attempt{hello, 3}; })) << "the same again";
  EXPECT_FALSE(outcome([](G hello) { return Attempt{hello, 2}; })) << "a delayed one";
  EXPECT_FALSE(outcome([](G hello) { return Attempt{hello - 1, 99}; })) << "an older hello";
  EXPECT_FALSE(outcome([](G) { return Attempt{0, 99}; })) << "from before any hello";
}

TEST(ClaimAttempt, OneThatIsNotNewerIsStaleAndLearnsTheCurrentGeneration) {
  Attempted story(Attempt{Attempted::kHello, 3});
  const Record before = story.key.now();
  EXPECT_EQ(refused<Stale>(story.key.ask(story.next(Attempt{story.hello, 2}))).current,
            story.current);
  EXPECT_EQ(story.key.now(), before);
  // With which the client's newest socket goes on.
  answered<Granted>(story.key.ask(story.next(Attempt{story.current, 1})));
}

TEST(ClaimAttempt, OneThatIsNotNewerIsStaleEvenWhenTheOwnersGatewayIsDead) {
  Attempted story(Attempt{Attempted::kHello, 3});
  story.key.context.owner_lives = false;
  refused<Stale>(story.key.ask(story.next(Attempt{story.hello, 2})));
}

TEST(ClaimAttempt, WithoutAnOwnerAnOlderOneIsBetterThanNobody) {
  Attempted story(Attempt{Attempted::kHello, 3});
  story.key.ask(by_owner(story.key, {detach()}));
  answered<Granted>(story.key.ask(story.next(Attempt{story.hello, 2})));
  // And the client's next one beats it.
  answered<Granted>(story.key.ask(story.next(Attempt{story.hello, 4})));
}

TEST(ClaimAttempt, OneFromTheFutureCountsAsNone) {
  Attempted story(Attempt{Attempted::kHello, 3});
  const Attempt future{story.current + 1, 1};
  EXPECT_EQ(refused<AlreadyOwned>(story.key.ask(story.next(future, Policy::kReject))).current,
            story.current)
      << "it is not above the holder's";
  answered<Granted>(story.key.ask(story.next(future)));
  EXPECT_FALSE(story.key.now().attempt.has_value());
  // Nobody is compared with a number that was made up.
  answered<Granted>(story.key.ask(story.next(Attempt{story.hello, 1})));
}

TEST(ClaimAttempt, OneFromTheFutureOfAnUnknownKeyKeepsNobodyOut) {
  OneKey key;
  Claim first = claim_by(kHere, "first", kProcessingReady);
  first.attempt = Attempt{1'000'000'000, 1};  // there was no generation to compare it with
  key.ask(first);
  Claim second = claim_by(kThere, "second", kProcessingReady);
  second.attempt = Attempt{0, 1};
  answered<Granted>(key.ask(second));
}

TEST(ClaimAttempt, OneOfAForgottenRecordOrdersTheClaimsOfTheNewOne) {
  OneKey key;
  Claim first = claim_by(kHere, "first", kProcessingReady);
  first.attempt = Attempt{key.revision - 100, 2};  // a hello from before it was forgotten
  key.ask(first);
  Claim delayed = claim_by(kThere, "delayed", kProcessingReady);
  delayed.attempt = Attempt{key.revision - 101, 1};
  refused<Stale>(key.ask(delayed));
}

TEST(ClaimAttempt, NoneAtAllIsNotOrdered) {
  Attempted story(Attempt{Attempted::kHello, 3});
  answered<Granted>(story.key.ask(story.next(std::nullopt)));

  Attempted unordered(std::nullopt);
  answered<Granted>(unordered.key.ask(unordered.next(Attempt{0, 1})));
}

TEST(ClaimAttempt, TheGrantsOwnAttemptIsTheOneToCompareWith) {
  Attempted story(Attempt{Attempted::kHello, 3});
  EXPECT_EQ(story.key.now().attempt, (Attempt{story.hello, 3}));
  story.key.ask(story.next(Attempt{story.current, 1}));
  EXPECT_EQ(story.key.now().attempt, (Attempt{story.current, 1}));
  refused<Stale>(story.key.ask(story.next(Attempt{story.current, 1})));
}

// ---- REJECT, and too many takeovers ----

TEST(ClaimPolicy, RejectLeavesALiveOwnerAlone) {
  for (State state : {kConnecting, kAccepted, kServicesReady, kProcessingReady, kProcessing, kIdle,
                      kDegraded, kReconnecting, kClosing}) {
    SCOPED_TRACE(name_of(state));
    OneKey key = key_in(state);
    const Record before = key.now();
    Claim claim = claim_by(kThere, "newer");
    claim.policy = Policy::kReject;
    const AlreadyOwned owned = refused<AlreadyOwned>(key.ask(claim));
    EXPECT_EQ(owned.current, before.generation);
    EXPECT_EQ(owned.after_ms, key.context.limits.duplicate_after_ms);
    EXPECT_EQ(key.now(), before);
  }
}

TEST(ClaimPolicy, RejectLetsTheSameClientComeBack) {
  Attempted story(Attempt{Attempted::kHello, 3});
  answered<Granted>(story.key.ask(story.next(Attempt{story.hello, 4}, Policy::kReject)));

  Attempted named(std::nullopt);
  answered<Granted>(named.key.ask(named.next(Attempt{named.current, 1}, Policy::kReject)));
}

TEST(ClaimPolicy, RejectRefusesAnAttemptThatIsNotAboveTheHolders) {
  Attempted story(Attempt{Attempted::kHello, 3});
  refused<Stale>(story.key.ask(story.next(Attempt{story.hello, 3}, Policy::kReject)));

  Attempted unordered(std::nullopt);
  refused<AlreadyOwned>(unordered.key.ask(unordered.next(Attempt{0, 9}, Policy::kReject)));
}

TEST(ClaimPolicy, RejectDoesNotProtectADeadGatewayOrNobody) {
  OneKey dead = key_in(kProcessingReady);
  dead.context.owner_lives = false;
  Claim claim = claim_by(kThere, "newer");
  claim.policy = Policy::kReject;
  answered<Granted>(dead.ask(claim));
  for (OneKey key : {waiting_key(), key_in(kClosed), key_in(kFailed)}) {
    answered<Granted>(key.ask(claim));
  }
}

TEST(ClaimPolicy, TooManyTakeoversOfALiveOwnerAreToldWhenToComeBack) {
  OneKey key = key_in(kProcessingReady);
  key.context.takeover_after_ms = 6'000;
  const Record before = key.now();
  EXPECT_EQ(refused<NotNow>(key.ask(claim_by(kThere, "newer"))).after_ms, 6'000u);
  EXPECT_EQ(key.now(), before);
  answered<Granted>(key.ask(claim_by(kHere, "claim")));  // the owner's own repeated claim is none
  key.context.owner_lives = false;
  answered<Granted>(key.ask(claim_by(kThere, "newer")));
}

TEST(ClaimPolicy, AMachineThatWaitsIsNeverTooOftenTakenOver) {
  for (OneKey key : {waiting_key(), key_in(kClosed), key_in(kFailed)}) {
    key.context.takeover_after_ms = 6'000;
    answered<Granted>(key.ask(claim_by(kThere, "newer")));
  }
}

}  // namespace
}  // namespace interlock
