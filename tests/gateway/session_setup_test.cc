// From the claim to ready.
#include "tests/gateway/session_script.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- the claim ----

TEST(SessionClaim, AsksForTheStepsUpToTheBackendInOneCommit) {
  Script script;
  EXPECT_THAT(script.feed(Started{}),
              ElementsAre("claim through AUTHENTICATED", "timer claim 1500"));
  EXPECT_THAT(script.feed(Started{}), IsEmpty());
}

TEST(SessionClaim, CarriesWhatTheClientSaid) {
  SessionRequest request = request_with_backend();
  request.policy = v1::REJECT;
  request.attempt.emplace().set_tries(3);
  request.position.emplace().set_last_seq(9);
  const SessionLimits limits;
  Session session(request, limits);
  const SessionActions actions = session.step(Started{}, 0);
  const v1::ClaimRequest& claim = std::get<SendClaim>(actions.front()).request;
  EXPECT_EQ(claim.key(), "anna:s1");
  EXPECT_EQ(claim.subject(), "anna");
  EXPECT_EQ(claim.claim_id(), "claim-1");
  EXPECT_EQ(claim.policy(), v1::REJECT);
  EXPECT_EQ(claim.attempt().tries(), 3U);
  EXPECT_EQ(claim.position().last_seq(), 9U);
}

TEST(SessionClaim, WithoutAttemptAndPositionTheClaimHasNone) {
  const SessionLimits limits;
  Session session(request_with_backend(), limits);
  const SessionActions actions = session.step(Started{}, 0);
  const v1::ClaimRequest& claim = std::get<SendClaim>(actions.front()).request;
  EXPECT_FALSE(claim.has_attempt());
  EXPECT_FALSE(claim.has_position());
}

TEST(SessionClaim, TheUpgradeIsAcceptedOnlyBehindTheGrantAndOpenIsAskedAtOnce) {
  Script script;
  script.feed(Started{});
  EXPECT_THAT(script.feed(answered(new_grant())),
              ElementsAre("cancel claim", "timer setup 25000", "accept", "open"));
  EXPECT_EQ(script.session().generation(), kGeneration);
}

TEST(SessionClaim, AnAnswerToAnotherClaimIsNotOurs) {
  Script script;
  script.feed(Started{});
  ClaimAnswered other = answered(new_grant());
  other.answer.set_claim_id("claim-0");
  EXPECT_THAT(script.feed(other), IsEmpty());
}

TEST(SessionClaim, IsGivenUpAfterItsTime) {
  Script script;
  script.feed(Started{});
  EXPECT_THAT(script.fire(SessionTimer::kClaim),
              ElementsAre("abandon", "refuse 503 4006 after 1000", "finish"));
  EXPECT_TRUE(script.session().finished());
  EXPECT_THAT(script.feed(answered(new_grant())), IsEmpty());
}

TEST(SessionClaim, IsAbandonedWhenTheClientHasGone) {
  Script script;
  script.feed(Started{});
  EXPECT_THAT(script.feed(SocketEnded{1006}), ElementsAre("abandon", "finish"));
}

TEST(SessionClaim, IsNotAskedWhileTheCoordinatorIsAway) {
  EXPECT_THAT(Script().feed(CoordinatorAway{700}),
              ElementsAre("refuse 503 4006 after 700", "finish"));
  Script waiting;
  waiting.feed(Started{});
  EXPECT_THAT(waiting.feed(CoordinatorAway{}),
              ElementsAre("abandon", "refuse 503 4006 after 1000", "finish"));
}

TEST(SessionClaim, IsRefusedWhileTheGatewayDrains) {
  EXPECT_THAT(Script().feed(DrainRequested{400}),
              ElementsAre("refuse 503 4001 after 400", "finish"));
  Script waiting;
  waiting.feed(Started{});
  EXPECT_THAT(waiting.feed(DrainRequested{400}),
              ElementsAre("abandon", "refuse 503 4001 after 400", "finish"));
}

TEST(SessionClaim, EachRefusalIsSaidInItsOwnWay) {
  const auto refusal_line = [](const v1::Refusal& refusal) {
    Script script;
    script.feed(Started{});
    const Transcript lines = script.feed(answered(refusal));
    EXPECT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines.front(), "cancel claim");
    EXPECT_EQ(lines.back(), "finish");
    return lines.at(1);
  };
  v1::Refusal refusal;
  refusal.mutable_stale()->set_current_generation(90);
  EXPECT_EQ(refusal_line(refusal), "refuse 409 4007 current 90");
  refusal.mutable_already_owned()->set_after_ms(15'000);
  EXPECT_EQ(refusal_line(refusal), "refuse 409 4008 after 15000");
  refusal.mutable_not_now()->set_after_ms(6'000);
  EXPECT_EQ(refusal_line(refusal), "refuse 429 4006 after 6000");
  refusal.mutable_not_now()->clear_after_ms();
  EXPECT_EQ(refusal_line(refusal), "refuse 429 4006 after 1000");
  refusal.mutable_resource_exhausted();
  EXPECT_EQ(refusal_line(refusal), "refuse 429 4006 after 1000");
  refusal.mutable_permission_denied();
  EXPECT_EQ(refusal_line(refusal), "refuse 403 4501");
  refusal.mutable_invalid_argument();
  EXPECT_EQ(refusal_line(refusal), "refuse 400 4504");
  refusal.mutable_store_away();
  EXPECT_EQ(refusal_line(refusal), "refuse 503 4006 after 1000");
  refusal.mutable_store_away()->set_after_ms(250);
  EXPECT_EQ(refusal_line(refusal), "refuse 503 4006 after 250");
  refusal.mutable_illegal_transition();
  EXPECT_EQ(refusal_line(refusal), "refuse 500 4000 after 1000");
}

// ---- the way up ----

TEST(SessionSetup, HelloIsTheFirstFrame) {
  Script script;
  script.grant();
  EXPECT_THAT(script.feed(Upgraded{}), ElementsAre(hello(), "timer ping 25000"));
}

TEST(SessionSetup, ANewMachineTakesItsLastTwoStepsInOneBatch) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}),
              ElementsAre("advance SERVICES_READY", "advance PROCESSING_READY"));
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)), ElementsAre("cancel setup", ready()));
}

TEST(SessionSetup, AResumedMachineGoesToProcessingReadyOnly) {
  Script script;
  script.feed(Started{});
  EXPECT_THAT(script.feed(answered(resumed_grant())),
              ElementsAre("cancel claim", "timer setup 25000", "accept", "open resumed"));
  script.feed(Upgraded{});
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}), ElementsAre("advance PROCESSING_READY"));
}

TEST(SessionSetup, AnAnswerToTheFirstStepAloneIsNotReady) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::SERVICES_READY, 1)), IsEmpty());
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)), ElementsAre("cancel setup", ready()));
}

TEST(SessionSetup, TheStateOfReadyMayBeProcessing) {
  Script script;
  script.upgrade(resumed_grant()).feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::PROCESSING, 1)),
              ElementsAre("cancel setup", ready("PROCESSING")));
}

TEST(SessionSetup, TheBackendMayAnswerBeforeTheUpgradeIsWritten) {
  Script script;
  script.grant();
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}),
              ElementsAre("advance SERVICES_READY", "advance PROCESSING_READY"));
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)), IsEmpty());
  EXPECT_THAT(script.feed(Upgraded{}),
              ElementsAre(hello(), "timer ping 25000", "cancel setup", ready()));
}

TEST(SessionSetup, WithoutABackendTheGrantItselfIsOperational) {
  Script script(request_without_backend());
  EXPECT_THAT(script.feed(Started{}),
              ElementsAre("claim through PROCESSING_READY", "timer claim 1500"));
  EXPECT_THAT(script.feed(answered(grant({v1::CONNECTING, v1::ACCEPTED, v1::AUTHENTICATED,
                                          v1::SERVICES_READY, v1::PROCESSING_READY}))),
              ElementsAre("cancel claim", "timer setup 25000", "accept"));
  EXPECT_THAT(script.feed(Upgraded{}),
              ElementsAre(hello(), "timer ping 25000", "cancel setup", ready()));
}

TEST(SessionSetup, StepsThatTheGrantLeftOutAreAskedFor) {
  Script script(request_without_backend());
  script.claim();
  EXPECT_THAT(
      script.feed(answered(grant({v1::CONNECTING}))),
      ElementsAre("cancel claim", "timer setup 25000", "accept", "advance ACCEPTED",
                  "advance AUTHENTICATED", "advance SERVICES_READY", "advance PROCESSING_READY"));
}

TEST(SessionSetup, TheClientHearsThatItsSequenceGoesOn) {
  Script script;
  v1::Granted granted = grant({v1::RECONNECTING}, 6, 5);
  granted.set_resumed(true);
  script.grant(granted);
  EXPECT_THAT(script.feed(Upgraded{}), ElementsAre(hello(true, 6), "timer ping 25000"));
}

TEST(SessionSetup, LostContinuityIsSaidOpenly) {
  Script script;
  v1::Granted granted = grant({v1::RECONNECTING}, 3, 5);
  granted.set_position_lost(true);
  script.grant(granted);
  EXPECT_THAT(
      script.feed(Upgraded{}),
      ElementsAre(hello(false, 3), R"({"type":"lost","reason":"position_not_held","next_seq":3})",
                  "timer ping 25000"));
}

// ---- every state as it is committed, for whoever wants to see it ----

std::string state(const std::string& name) {
  return R"({"type":"state","state":")" + name + R"("})";
}

TEST(SessionStates, AreShownBehindHelloInTheOrderOfTheirCommits) {
  SessionRequest request = request_with_backend();
  request.show_states = true;
  Script script(request);
  script.grant();
  script.feed(BackendOpened{OpenResult::kOk});
  script.feed(done(v1::PROCESSING_READY, 2, 0, {v1::SERVICES_READY, v1::PROCESSING_READY}));
  EXPECT_THAT(script.feed(Upgraded{}),
              ElementsAre(hello(), state("CONNECTING"), state("ACCEPTED"), state("AUTHENTICATED"),
                          state("SERVICES_READY"), state("PROCESSING_READY"), "timer ping 25000",
                          "cancel setup", ready()));
  StateMoved moved;
  moved.notice.set_generation(kGeneration);
  moved.notice.set_state(v1::PROCESSING);
  EXPECT_THAT(script.feed(moved), ElementsAre(state("PROCESSING")));
  moved.notice.set_generation(kGeneration - 1);
  EXPECT_THAT(script.feed(moved), IsEmpty());
}

TEST(SessionStates, AnAnswerWithoutStepsShowsWhereTheMachineStands) {
  SessionRequest request = request_with_backend();
  request.show_states = true;
  Script script(request);
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)),
              ElementsAre(state("PROCESSING_READY"), "cancel setup", ready()));
}

// ---- the backend is away ----

TEST(SessionDegraded, ABackendThatCannotBeReachedMakesTheConnectionDegraded) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kUnavailable}, 0.5),
              ElementsAre("advance DEGRADED", "timer open_retry 250"));
  EXPECT_THAT(script.feed(done(v1::DEGRADED, 1)), ElementsAre("cancel setup", ready("DEGRADED")));
}

TEST(SessionDegraded, AResumedMachineMayGoThereToo) {
  Script script;
  script.upgrade(resumed_grant());
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kUnavailable}, 0),
              ElementsAre("advance DEGRADED", "timer open_retry 0"));
}

TEST(SessionDegraded, OpenIsTriedAgainAtGrowingIntervalsUntilItIsAnswered) {
  Script script;
  script.degraded();
  for (const char* wait :
       {"timer open_retry 500", "timer open_retry 1000", "timer open_retry 2000"}) {
    EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), ElementsAre("open"));
    EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), IsEmpty());
    EXPECT_THAT(script.feed(BackendOpened{OpenResult::kUnavailable}, 0.5), ElementsAre(wait));
  }
  EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), ElementsAre("open"));
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}), ElementsAre("advance PROCESSING_READY"));
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)), IsEmpty());
  EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), IsEmpty());
}

TEST(SessionDegraded, ABackendThatHasSeenANewerGenerationEndsThisOne) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kRefused}),
              ElementsAre("detach GATEWAY_LEFT", "close 4005 gateway_fenced", "timer close 2000"));
}

TEST(SessionDegraded, AnAnswerToAnOpenThatWasNotAskedMeansNothing) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kUnavailable}), IsEmpty());
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kRefused}), IsEmpty());
}

// ---- what can go wrong on the way ----

TEST(SessionSetup, OfANewMachineFailsAfterItsTime) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.fire(SessionTimer::kSetup),
              ElementsAre("fail SETUP_FAILED", "close 4006 not_now; The setup took too long.",
                          "timer close 2000"));
}

TEST(SessionSetup, OfAResumedMachineLeavesItWaitingForItsClient) {
  Script script;
  script.upgrade(resumed_grant());
  EXPECT_THAT(script.fire(SessionTimer::kSetup),
              ElementsAre("detach SETUP_FAILED", "close 4006 not_now; The setup took too long.",
                          "timer close 2000"));
}

TEST(SessionSetup, ItsTimeIsOverWithReadyOnly) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2, 3)), IsEmpty());
  EXPECT_THAT(script.fire(SessionTimer::kSetup),
              ElementsAre("detach SETUP_FAILED", "close 4006 not_now; The setup took too long.",
                          "timer close 2000"));
  Script live;
  live.live();
  EXPECT_THAT(live.fire(SessionTimer::kSetup), IsEmpty());
}

TEST(SessionSetup, ARefusedStepIsADefectAndFailsTheMachine) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  Operated answer = done(v1::AUTHENTICATED, 2);
  answer.answer.mutable_done()->add_refused()->mutable_refusal()->mutable_illegal_transition();
  EXPECT_THAT(script.feed(answer),
              ElementsAre("fail SETUP_FAILED", "close 4000 internal; A step was refused.",
                          "timer close 2000"));
}

TEST(SessionSetup, ARefusedStepOfALiveConnectionOnlyDetachesIt) {
  Script script;
  script.live();
  Operated answer = done(v1::PROCESSING_READY, 2);
  answer.answer.mutable_done()->add_refused()->mutable_refusal()->mutable_illegal_transition();
  EXPECT_THAT(script.feed(answer),
              ElementsAre("detach GATEWAY_LEFT", "close 4000 internal; A step was refused.",
                          "timer close 2000"));
}

TEST(SessionSetup, StepsThatWereAnsweredAndCameToNothingAreADefect) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::SERVICES_READY, 2)),
              ElementsAre("fail SETUP_FAILED", "close 4000 internal; The setup came to nothing.",
                          "timer close 2000"));
}

TEST(SessionSetup, AnAnswerThatNamesNoOwnerShowsThatTheConnectionIsGone) {
  Script script;
  script.upgrade(resumed_grant()).feed(BackendOpened{OpenResult::kOk});
  Operated answer = done(v1::RECONNECTING, 1);
  answer.answer.mutable_done()->clear_owner();
  EXPECT_THAT(script.feed(answer), ElementsAre("close 4005 gateway_fenced", "timer close 2000"));
}

TEST(SessionSetup, AnotherGenerationsAnswerMeansNothing) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  Operated answer = done(v1::PROCESSING_READY, 2);
  answer.answer.set_generation(kGeneration - 1);
  EXPECT_THAT(script.feed(answer), IsEmpty());
}

}  // namespace
}  // namespace interlock
