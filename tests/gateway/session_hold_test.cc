// While the gateway may not act: data waits, control goes on, and nobody else pays for one client.
#include "tests/gateway/session_script.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string taken(const std::string& id) { return R"({"type":"ack","id":")" + id + R"("})"; }
const std::string overfilled = "close 4006 not_now; Too much waits for the gateway's coordinator.";

TransientReceived transient(std::uint64_t after, const std::string& data) {
  TransientReceived input;
  input.event.set_after(after);
  input.event.set_type("token");
  input.event.set_data(data);
  return input;
}
std::string token(std::uint64_t after, const std::string& data) {
  return R"({"type":"event","after":)" + std::to_string(after) + R"(,"event":"token","data":)" +
         data + "}";
}

StateMoved moved(v1::State state) {
  StateMoved input;
  input.notice.set_generation(kGeneration);
  input.notice.set_state(state);
  return input;
}

// ---- events ----

TEST(SessionHold, EventsWaitWithTheirCreditAndComeInOrderBehindIt) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(HoldBegan{}), IsEmpty());
  EXPECT_THAT(script.feed(delivery({1})), IsEmpty());
  EXPECT_THAT(script.feed(delivery({2, 3})), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre(event(1), "sent 1", "credit 10", event(2),
                                                    event(3), "sent 3", "credit 20"));
  EXPECT_THAT(script.feed(delivery({4})), ElementsAre(event(4), "sent 4", "credit 10"));
}

TEST(SessionHold, WhatWaitsGivesItsCreditBackWhenTheSocketEnds) {
  Script script;
  script.live();
  script.feed(HoldBegan{});
  script.feed(delivery({1}));
  EXPECT_THAT(script.feed(SocketEnded{1006}),
              ElementsAre("detach SOCKET_LOST", "credit 10", "finish"));
}

TEST(SessionHold, AGapBehindItIsStillNeverSent) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(HoldBegan{});
  script.feed(delivery({2}));
  script.feed(delivery({3}));
  script.feed(MessageTaken{"m1"});
  EXPECT_THAT(script.feed(HoldEnded{}),
              ElementsAre(taken("m1"), "credit 10", "detach GATEWAY_LEFT",
                          "close 4000 internal; An event is missing.", "timer close 2000",
                          "credit 10"));
}

TEST(SessionHold, TransientEventsWaitAndTheOldestGoWhenTooManyDo) {
  Script script(request_with_backend(), {.transients_held_max = 2});
  script.live(3);
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(transient(0, "10")), IsEmpty());
  EXPECT_THAT(script.feed(transient(0, "11")), IsEmpty());
  EXPECT_THAT(script.feed(transient(0, "12")), ElementsAre("dropped 1"));
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre(token(3, "11"), token(3, "12")));
}

// ---- messages ----

TEST(SessionHold, MessagesWaitForItsEnd) {
  Script script;
  script.live();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(message("m2")), IsEmpty());
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre("to backend m1 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), ElementsAre(taken("m1"), "to backend m2 1"));
}

TEST(SessionHold, WhatBecameOfTheMessageThatTheBackendHadIsSaidBehindIt) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(message("m2"));
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), IsEmpty());
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre(taken("m1"), "to backend m2 1"));

  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(MessageFailed{"m2", "INVALID_ARGUMENT", "No.", false}), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}),
              ElementsAre(R"({"type":"error","id":"m2","code":"INVALID_ARGUMENT","message":"No.",)"
                          R"("retryable":false})"));
}

TEST(SessionHold, ABackendThatIsLostMeanwhileIsForTheStoreToKnowAndTheClientHearsItBehindIt) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(message("m2"));
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(MessageFailed{"m1", "UNAVAILABLE", "Away.", true}),
              ElementsAre("advance DEGRADED", "timer open_retry 250"));
  EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}),
              ElementsAre(R"({"type":"error","id":"m1","code":"UNAVAILABLE","message":"Away.",)"
                          R"("retryable":true})",
                          "open", backend_away("m2")));
}

TEST(SessionHold, WhoSendsMoreThanWaitsIsClosedAlone) {
  Script script(request_with_backend(), {.waiting_messages_max = 2});
  script.live();
  script.feed(HoldBegan{});
  script.feed(message("m1"));
  script.feed(message("m2"));
  EXPECT_THAT(script.feed(message("m3")),
              ElementsAre("detach SOCKET_LOST", overfilled, "timer close 2000"));
}

TEST(SessionHold, WhoSendsMoreBytesThanWaitIsClosedToo) {
  Script script(request_with_backend(), {.waiting_bytes_max = 10});
  script.live();
  script.feed(HoldBegan{});
  script.feed(message("m1", "12345678"));
  EXPECT_THAT(script.feed(message("m2")),
              ElementsAre("detach SOCKET_LOST", overfilled, "timer close 2000"));
}

TEST(SessionHold, WhoFillsTheRoomForAnswersIsClosedToo) {
  Script script(request_with_backend(), {.kept_frames_max = 2});
  script.live();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(ack(9)), IsEmpty());
  EXPECT_THAT(script.feed(ack(9)), IsEmpty());
  EXPECT_THAT(script.feed(ack(9)),
              ElementsAre("detach SOCKET_LOST", overfilled, "timer close 2000"));

  Script few_bytes(request_with_backend(), {.kept_bytes_max = 100});
  few_bytes.live();
  few_bytes.feed(HoldBegan{});
  EXPECT_THAT(few_bytes.feed(ack(9)), SizeIs(3));
}

TEST(SessionHold, RoomForAnswersIsThereAgainInTheNextHold) {
  Script script(request_with_backend(), {.kept_frames_max = 1, .kept_bytes_max = 200});
  script.live();
  for (int i = 0; i < 5; ++i) {
    script.feed(HoldBegan{});
    EXPECT_THAT(script.feed(ack(9)), IsEmpty());
    EXPECT_THAT(script.feed(HoldEnded{}), SizeIs(1));
  }
}

TEST(SessionHold, WithTheBackendAwayMessagesAreAnsweredBehindIt) {
  Script script;
  script.degraded();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre(backend_away("m1")));
}

// ---- the backend ----

TEST(SessionHold, TheBackendIsNotOpenedBeforeItsEnd) {
  Script script;
  script.claim().feed(HoldBegan{});
  EXPECT_THAT(script.feed(answered(new_grant())), ElementsAre("cancel claim", "accept"));
  EXPECT_THAT(script.feed(Upgraded{}), ElementsAre(hello(), "timer ping 25000"));
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre("timer setup 25000", "open"));
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}), SizeIs(2));
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)),
              ElementsAre("cancel setup", ready(), "to backend m1 1"));
}

TEST(SessionHold, AnOpenUnderWayIsTakenNoteOfAndTheStoreDecidesItsSteps) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(HoldBegan{}), ElementsAre("cancel setup"));
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}),
              ElementsAre("advance SERVICES_READY", "advance PROCESSING_READY"));
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2, 1)), IsEmpty());
  EXPECT_THAT(script.feed(delivery({1})), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}),
              ElementsAre("timer setup 25000", event(1), "cancel setup",
                          ready("PROCESSING_READY", 1), "sent 1", "credit 10"));
}

TEST(SessionHold, ARetryOfTheOpenWaits) {
  Script script;
  script.degraded();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre("open"));
}

TEST(SessionHold, ABackendThatHasSeenANewerGenerationEndsTheSessionAtOnce) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(MessageFailed{"m1", "ABORTED", "", true}),
              ElementsAre("detach GATEWAY_LEFT", "close 4005 gateway_fenced", "timer close 2000"));
}

// ---- control ----

TEST(SessionHold, PingsAreAnswered) {
  Script script;
  script.live();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(client_ping()), ElementsAre(pong));

  Script early;
  early.claim().feed(HoldBegan{});
  early.feed(answered(new_grant()));
  early.feed(client_ping());
  EXPECT_THAT(early.feed(Upgraded{}), ElementsAre(hello(), pong, "timer ping 25000"));
}

TEST(SessionHold, PingsAreSentAndThePongIsNotMissedBeforeItsEnd) {
  Script script;
  script.live();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.fire(SessionTimer::kPing), ElementsAre("ping", "timer ping 25000"));
  EXPECT_THAT(script.fire(SessionTimer::kPong), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre("timer pong 10000"));
  EXPECT_THAT(script.fire(SessionTimer::kPong),
              ElementsAre("detach SOCKET_LOST", "close 4003 heartbeat_missed", "timer close 2000"));
}

TEST(SessionHold, APongThatWasDueWhenItBeganIsDueAnewAtItsEnd) {
  Script script;
  script.live();
  EXPECT_THAT(script.fire(SessionTimer::kPing),
              ElementsAre("ping", "timer ping 25000", "timer pong 10000"));
  EXPECT_THAT(script.feed(HoldBegan{}), ElementsAre("cancel pong"));
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre("timer pong 10000"));
  script.feed(HoldBegan{});
  script.feed(PongReceived{});
  EXPECT_THAT(script.feed(HoldEnded{}), IsEmpty());
}

TEST(SessionHold, NoSetupEndsBecauseOfItAndItBeginsAnewAtItsEnd) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(HoldBegan{}), ElementsAre("cancel setup"));
  EXPECT_THAT(script.fire(SessionTimer::kSetup), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), ElementsAre("timer setup 25000"));
  EXPECT_THAT(script.fire(SessionTimer::kSetup), SizeIs(3));
}

TEST(SessionHold, AClaimIsAskedForAndItsRefusalSaid) {
  Script script;
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(Started{}), SizeIs(2));
  v1::Refusal refusal;
  refusal.mutable_gateway_expired();
  EXPECT_THAT(script.feed(answered(refusal)),
              ElementsAre("cancel claim", "refuse 503 4006 after 1000", "finish"));
}

TEST(SessionHold, StatesWaitInTheirOrder) {
  SessionRequest request = request_with_backend();
  request.show_states = true;
  Script script(request);
  script.live();
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(moved(v1::PROCESSING)), IsEmpty());
  EXPECT_THAT(script.feed(moved(v1::PROCESSING_READY)), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}),
              ElementsAre(R"({"type":"state","state":"PROCESSING"})",
                          R"({"type":"state","state":"PROCESSING_READY"})"));
}

TEST(SessionHold, AClientsAcknowledgementIsForTheStoreToDecide) {
  Script script;
  script.live(3);
  script.feed(HoldBegan{});
  EXPECT_THAT(script.feed(ack(2)), ElementsAre("acknowledge 2"));
}

TEST(SessionHold, EveryWayToEndIsOpen) {
  const auto held = [] {
    Script script;
    script.live();
    script.feed(HoldBegan{});
    return script;
  };
  EXPECT_THAT(held().feed(SocketEnded{1000}), ElementsAre("close CLIENT_DONE", "finish"));
  EXPECT_THAT(held().feed(SocketEnded{1001}), ElementsAre("detach SOCKET_LOST", "finish"));
  EXPECT_THAT(held().feed(SupersededNotice{80}),
              ElementsAre("close 4500 superseded; generation=80", "timer close 2000"));
  EXPECT_THAT(held().feed(ConsumerTooSlow{}), SizeIs(3));
  EXPECT_THAT(
      held().feed(DrainRequested{100}),
      ElementsAre(R"({"type":"reconnect","reason":"draining","after_ms":100})",
                  "detach GATEWAY_LEFT", "close 4001 draining; after_ms=100", "timer close 2000"));
  ReleasedNotice released;
  released.released.set_generation(kGeneration);
  released.released.set_reason(v1::GATEWAY_EXPIRED);
  released.released.set_close_code(4005);
  EXPECT_THAT(held().feed(released), ElementsAre("close 4005 gateway_fenced", "timer close 2000"));
}

TEST(SessionHold, AnOperationRefusedBecauseTheGatewayExpiredEndsTheSession) {
  Script script;
  script.live();
  v1::Refusal refusal;
  refusal.mutable_gateway_expired();
  EXPECT_THAT(script.feed(refused(refusal)),
              ElementsAre("close 4005 gateway_fenced", "timer close 2000"));
}

TEST(SessionHold, WhatIsOverIsNotTroubledByIt) {
  Script script;
  script.live();
  script.feed(SupersededNotice{80});
  EXPECT_THAT(script.feed(HoldBegan{}), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), IsEmpty());
  EXPECT_THAT(script.feed(HoldEnded{}), IsEmpty());
}

}  // namespace
}  // namespace interlock
