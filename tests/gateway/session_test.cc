// Timers, and every way to end.
#include "tests/gateway/session_script.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- heartbeat ----

TEST(SessionHeartbeat, PingsGoOutAtTheirInterval) {
  Script script;
  script.live();
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(script.fire(SessionTimer::kPing),
                ElementsAre("ping", "timer ping 25000", "timer pong 10000"));
    EXPECT_THAT(script.feed(PongReceived{}), ElementsAre("cancel pong"));
  }
}

TEST(SessionHeartbeat, AnyFrameShowsThatTheClientIsThere) {
  Script script;
  script.live(1);
  script.fire(SessionTimer::kPing);
  EXPECT_THAT(script.feed(ack(1)), ElementsAre("cancel pong", "acknowledge 1"));
  EXPECT_THAT(script.fire(SessionTimer::kPong), IsEmpty());
}

TEST(SessionHeartbeat, AClientThatDoesNotAnswerIsClosed) {
  Script script;
  script.live();
  script.fire(SessionTimer::kPing);
  EXPECT_THAT(script.fire(SessionTimer::kPong),
              ElementsAre("detach SOCKET_LOST", "close 4003 heartbeat_missed", "timer close 2000"));
}

TEST(SessionHeartbeat, ASecondPingDoesNotPutOffTheEndOfTheFirst) {
  Script script;
  script.live();
  script.fire(SessionTimer::kPing);
  EXPECT_THAT(script.fire(SessionTimer::kPing), ElementsAre("ping", "timer ping 25000"));
}

TEST(SessionHeartbeat, AnUnaskedPongMeansNothing) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(PongReceived{}), IsEmpty());
  EXPECT_THAT(script.fire(SessionTimer::kPong), IsEmpty());
}

TEST(SessionHeartbeat, BeginsDuringSetup) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.fire(SessionTimer::kPing),
              ElementsAre("ping", "timer ping 25000", "timer pong 10000"));
}

// ---- the client's end ----

TEST(SessionEnd, Only1000SaysThatTheClientIsDone) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(SocketEnded{1000}), ElementsAre("close CLIENT_DONE", "finish"));
  for (const std::uint16_t code : {1001, 1005, 1006, 1012, 3000, 4000, 4999}) {
    Script lost;
    lost.live();
    EXPECT_THAT(lost.feed(SocketEnded{code}), ElementsAre("detach SOCKET_LOST", "finish"));
  }
}

TEST(SessionEnd, ASocketLostDuringSetupIsDetachedToo) {
  Script upgrading;
  upgrading.grant();
  EXPECT_THAT(upgrading.feed(SocketEnded{1006}), ElementsAre("detach SOCKET_LOST", "finish"));
  Script setup;
  setup.upgrade();
  EXPECT_THAT(setup.feed(SocketEnded{1006}), ElementsAre("detach SOCKET_LOST", "finish"));
}

TEST(SessionEnd, ASocketThatEndsBeforeAnythingWasAskedLeavesNothingBehind) {
  EXPECT_THAT(Script().feed(SocketEnded{1006}), ElementsAre("finish"));
}

TEST(SessionEnd, AfterwardsNothingMeansAnything) {
  Script script;
  script.live();
  script.feed(SocketEnded{1006});
  EXPECT_TRUE(script.session().finished());
  EXPECT_THAT(script.feed(SocketEnded{1006}), IsEmpty());
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(DrainRequested{1}), IsEmpty());
  EXPECT_THAT(script.feed(SupersededNotice{99}), IsEmpty());
  EXPECT_THAT(script.fire(SessionTimer::kClose), IsEmpty());
}

// ---- our end ----

TEST(SessionEnd, ClosingWaitsForThePeersHalf) {
  Script script;
  script.live();
  script.feed(SupersededNotice{99});
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(PongReceived{}), IsEmpty());
  EXPECT_THAT(script.feed(SocketEnded{4500}), ElementsAre("finish"));
}

TEST(SessionEnd, ClosingEndsByItselfWhenThePeerSaysNothing) {
  Script script;
  script.live();
  script.feed(SupersededNotice{99});
  EXPECT_THAT(script.fire(SessionTimer::kClose), ElementsAre("finish"));
  EXPECT_THAT(script.feed(SocketEnded{1006}), IsEmpty());
}

TEST(SessionEnd, TheLastOperationIsSentOnce) {
  Script script;
  script.live();
  script.fire(SessionTimer::kPing);
  script.fire(SessionTimer::kPong);
  EXPECT_THAT(script.feed(SocketEnded{1000}), ElementsAre("finish"));
}

TEST(SessionEnd, ASlowConsumerIsClosed) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(ConsumerTooSlow{}),
              ElementsAre("detach SOCKET_LOST", "close 4004 slow_consumer", "timer close 2000"));
}

TEST(SessionEnd, ATooBigFrameWasClosedByTheSocketAlready) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(FrameTooBig{}), ElementsAre("detach SOCKET_LOST", "timer close 2000"));
  EXPECT_THAT(script.feed(SocketEnded{1009}), ElementsAre("finish"));
}

TEST(SessionEnd, ADrainingGatewaySaysWhenToComeBack) {
  Script script;
  script.live();
  EXPECT_THAT(
      script.feed(DrainRequested{750}),
      ElementsAre(R"({"type":"reconnect","reason":"draining","after_ms":750})",
                  "detach GATEWAY_LEFT", "close 4001 draining; after_ms=750", "timer close 2000"));
}

TEST(SessionEnd, ADrainDuringTheUpgradeSendsNoFrameBeforeHello) {
  Script script;
  script.grant();
  EXPECT_THAT(
      script.feed(DrainRequested{750}),
      ElementsAre("detach GATEWAY_LEFT", "close 4001 draining; after_ms=750", "timer close 2000"));
  EXPECT_THAT(script.feed(Upgraded{}), IsEmpty());
}

// ---- the connection is no longer ours ----

TEST(SessionLoss, ASupersededSessionSaysNothingToTheCoordinatorAnyMore) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(SupersededNotice{78}),
              ElementsAre("close 4500 superseded; generation=78", "timer close 2000"));
  EXPECT_THAT(script.feed(SocketEnded{1000}), ElementsAre("finish"));
}

TEST(SessionLoss, NobodyIsToldToStopWithoutANewerGeneration) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(SupersededNotice{kGeneration}),
              ElementsAre("close 4005 gateway_fenced", "timer close 2000"));
}

ReleasedNotice released(std::uint32_t close_code, std::uint64_t generation = kGeneration) {
  ReleasedNotice notice;
  notice.released.set_generation(generation);
  notice.released.set_close_code(close_code);
  return notice;
}

TEST(SessionLoss, AReleasedSessionIsClosedWithTheCodeItWasGiven) {
  for (const auto& [code, line] :
       std::vector<std::pair<std::uint32_t, std::string>>{{0, "close 4005 gateway_fenced"},
                                                          {4502, "close 4502 kicked"},
                                                          {4005, "close 4005 gateway_fenced"},
                                                          {4777, "close 4777 other"},
                                                          {1000, "close 1000 done"},
                                                          {1006, "close 4005 gateway_fenced"},
                                                          {70'000, "close 4005 gateway_fenced"}}) {
    Script script;
    script.live();
    EXPECT_THAT(script.feed(released(code)), ElementsAre(line, "timer close 2000"));
  }
}

TEST(SessionLoss, AnotherGenerationsReleaseIsNotOurs) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(released(4502, kGeneration - 1)), IsEmpty());
}

TEST(SessionLoss, DuringTheUpgradeTheSocketIsClosedAsWell) {
  Script script;
  script.grant();
  EXPECT_THAT(script.feed(SupersededNotice{78}),
              ElementsAre("close 4500 superseded; generation=78", "timer close 2000"));
}

TEST(SessionLoss, AFencedOperationSaysWhoWon) {
  v1::Refusal refusal;
  refusal.mutable_stale_generation()->set_current_generation(80);
  Script superseded;
  superseded.live();
  EXPECT_THAT(superseded.feed(refused(refusal)),
              ElementsAre("close 4500 superseded; generation=80", "timer close 2000"));
  refusal.mutable_stale_generation()->set_current_generation(kGeneration);
  Script released;
  released.live();
  EXPECT_THAT(released.feed(refused(refusal)),
              ElementsAre("close 4005 gateway_fenced", "timer close 2000"));
}

TEST(SessionLoss, AnUnknownKeyIsNeverTreatedAsReady) {
  v1::Refusal refusal;
  refusal.mutable_not_found();
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(refused(refusal)),
              ElementsAre("close 4005 gateway_fenced", "timer close 2000"));
}

TEST(SessionLoss, AStoreThatIsAwayDecidesNothing) {
  v1::Refusal refusal;
  refusal.mutable_store_away();
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(refused(refusal)), IsEmpty());
}

TEST(SessionLoss, ARefusalThatMakesNoSenseIsADefect) {
  v1::Refusal refusal;
  refusal.mutable_invalid_argument();
  Script script;
  script.live();
  EXPECT_THAT(script.feed(refused(refusal)),
              ElementsAre("detach GATEWAY_LEFT", "close 4000 internal; An operation was refused.",
                          "timer close 2000"));
}

}  // namespace
}  // namespace interlock
