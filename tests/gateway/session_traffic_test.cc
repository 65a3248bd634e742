// Events down, messages up.
#include "tests/gateway/session_script.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::string taken(const std::string& id) { return R"({"type":"ack","id":")" + id + R"("})"; }

// ---- what comes too early ----

TEST(SessionEarly, AMessageInThePacketOfTheHandshakeIsProcessedOnceAfterReady) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}),
              ElementsAre("advance SERVICES_READY", "advance PROCESSING_READY"));
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)),
              ElementsAre("cancel setup", ready(), "to backend m1 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), ElementsAre(taken("m1")));
}

TEST(SessionEarly, MessagesAreProcessedInTheOrderInWhichTheyCame) {
  Script script;
  script.upgrade();
  script.feed(message("m1"));
  script.feed(message("m2"));
  script.feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(message("m3")), IsEmpty());
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)),
              ElementsAre("cancel setup", ready(), "to backend m1 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), ElementsAre(taken("m1"), "to backend m2 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m2"}), ElementsAre(taken("m2"), "to backend m3 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m3"}), ElementsAre(taken("m3")));
}

TEST(SessionEarly, MessagesWaitForTheReplayToo) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  script.feed(done(v1::PROCESSING_READY, 2, 1));
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(delivery({1})),
              ElementsAre(event(1), "cancel setup", ready("PROCESSING_READY", 1), "to backend m1 1",
                          "sent 1", "credit 10"));
}

TEST(SessionEarly, TooManyMessagesCloseTheSocket) {
  Script script;
  script.upgrade();
  for (int i = 0; i < 16; ++i)
    EXPECT_THAT(script.feed(message("m" + std::to_string(i))), IsEmpty());
  EXPECT_THAT(
      script.feed(message("m16")),
      ElementsAre("detach SOCKET_LOST", "close 4006 not_now; Too much was sent before ready.",
                  "timer close 2000"));
}

TEST(SessionEarly, TooManyBytesCloseTheSocket) {
  Script script(request_with_backend(), {.early_bytes_max = 100});
  script.upgrade();
  EXPECT_THAT(script.feed(message("m1", '"' + std::string(96, 'x') + '"')), IsEmpty());
  EXPECT_THAT(script.feed(message("2")), SizeIs(3));
}

TEST(SessionEarly, APingIsAnsweredAtOnceBehindHello) {
  Script script;
  script.grant();
  EXPECT_THAT(script.feed(client_ping()), IsEmpty());
  EXPECT_THAT(script.feed(Upgraded{}), ElementsAre(hello(), pong, "timer ping 25000"));
  EXPECT_THAT(script.feed(client_ping()), ElementsAre(pong));
}

TEST(SessionEarly, AFloodBeforeHelloIsBounded) {
  Script script;
  script.grant();
  for (int i = 0; i < 1000; ++i) script.feed(client_ping());
  EXPECT_THAT(script.feed(Upgraded{}), SizeIs(34));
}

// ---- events ----

TEST(SessionEvents, AnEventOfTheSetupIsSentAsPartOfTheReplay) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(delivery({1})), IsEmpty());
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}), SizeIs(2));
  EXPECT_THAT(
      script.feed(done(v1::PROCESSING_READY, 2, 1)),
      ElementsAre(event(1), "cancel setup", ready("PROCESSING_READY", 1), "sent 1", "credit 10"));
}

TEST(SessionEvents, ReadyWaitsForTheLastEventBeforeTheBarrier) {
  Script script;
  script.upgrade(grant({v1::RECONNECTING}, 5, 7)).feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 1, 7)), IsEmpty());
  EXPECT_THAT(script.feed(delivery({5})), ElementsAre(event(5), "sent 5", "credit 10"));
  EXPECT_THAT(script.feed(delivery({6, 7, 8})),
              ElementsAre(event(6), event(7), "cancel setup", ready("PROCESSING_READY", 3),
                          event(8), "sent 8", "credit 30"));
}

TEST(SessionEvents, LiveEventsGoOutAsTheyCome) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(delivery({1, 2})),
              ElementsAre(event(1), event(2), "sent 2", "credit 20"));
}

TEST(SessionEvents, FlowWhileTheBackendIsAway) {
  Script script;
  script.degraded();
  EXPECT_THAT(script.feed(delivery({1})), ElementsAre(event(1), "sent 1", "credit 10"));
}

TEST(SessionEvents, ARepetitionIsNotSentAgain) {
  Script script;
  script.live(2);
  EXPECT_THAT(script.feed(delivery({1, 2})), ElementsAre("credit 20"));
  EXPECT_THAT(script.feed(delivery({2, 3})), ElementsAre(event(3), "sent 3", "credit 20"));
}

TEST(SessionEvents, AnExpiredOneKeepsItsPlace) {
  Script script;
  script.live();
  Delivered expired = delivery({1});
  expired.delivery.mutable_events(0)->set_expired(true);
  EXPECT_THAT(script.feed(expired),
              ElementsAre(R"({"type":"expired","seq":1})", "sent 1", "credit 10"));
}

TEST(SessionEvents, AGapIsNeverSent) {
  Script script;
  script.live(2);
  EXPECT_THAT(script.feed(delivery({3, 5, 6})),
              ElementsAre(event(3), "sent 3", "credit 30", "detach GATEWAY_LEFT",
                          "close 4000 internal; An event is missing.", "timer close 2000"));
}

TEST(SessionEvents, AnotherGenerationsEventsOnlyGiveTheirCreditBack) {
  Script script;
  script.live();
  Delivered other = delivery({1});
  other.delivery.set_generation(kGeneration - 1);
  EXPECT_THAT(script.feed(other), ElementsAre("credit 10"));
}

TEST(SessionEvents, WhatWasHeldGivesItsCreditBackWhenTheSocketEnds) {
  Script script;
  script.upgrade();
  script.feed(delivery({1}));
  script.feed(delivery({2, 3}));
  EXPECT_THAT(script.feed(SocketEnded{1006}),
              ElementsAre("detach SOCKET_LOST", "credit 10", "credit 20", "finish"));
  EXPECT_THAT(script.feed(delivery({4})), ElementsAre("credit 10"));
}

TEST(SessionEvents, AGapInWhatWasHeldGivesTheRestBackToo) {
  Script script;
  script.upgrade().feed(BackendOpened{OpenResult::kOk});
  script.feed(delivery({2}));
  script.feed(delivery({3}));
  EXPECT_THAT(
      script.feed(done(v1::PROCESSING_READY, 2, 3)),
      ElementsAre("credit 10", "detach GATEWAY_LEFT", "close 4000 internal; An event is missing.",
                  "timer close 2000", "credit 10"));
}

// ---- acknowledgements ----

TEST(SessionAcks, AreCumulativeAndForwardedOnce) {
  Script script;
  script.live(5);
  EXPECT_THAT(script.feed(ack(3)), ElementsAre("acknowledge 3"));
  EXPECT_THAT(script.feed(ack(3)), IsEmpty());
  EXPECT_THAT(script.feed(ack(2)), IsEmpty());
  EXPECT_THAT(script.feed(ack(5)), ElementsAre("acknowledge 5"));
}

TEST(SessionAcks, OneAheadOfWhatWasSentIsAnErrorAndNotForwarded) {
  Script script;
  script.live(5);
  EXPECT_THAT(script.feed(ack(6)),
              ElementsAre(R"({"type":"error","code":"INVALID_ARGUMENT",)"
                          R"("message":"The ack is ahead of what was sent.","retryable":false})"));
  EXPECT_THAT(script.feed(ack(5)), ElementsAre("acknowledge 5"));
}

TEST(SessionAcks, AnEarlyOneRepeatsAtMostWhatTheClaimSaid) {
  Script script;
  script.upgrade(grant({v1::RECONNECTING}, 4, 9));
  EXPECT_THAT(script.feed(ack(3)), IsEmpty());
  EXPECT_THAT(script.feed(ack(4)), SizeIs(1));
}

// ---- messages ----

TEST(SessionMessages, GoToTheBackendOneAtATime) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(message("m1", R"({"a":1.10})")),
              ElementsAre(R"(to backend m1 {"a":1.10})"));
  EXPECT_THAT(script.feed(message("m2")), IsEmpty());
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), ElementsAre(taken("m1"), "to backend m2 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m2"}), ElementsAre(taken("m2")));
}

TEST(SessionMessages, OneThatStillWaitsIsNotSentTwice) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(message("m2"));
  EXPECT_THAT(script.feed(message("m1")), IsEmpty());
  EXPECT_THAT(script.feed(message("m2")), IsEmpty());
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), ElementsAre(taken("m1"), "to backend m2 1"));
  EXPECT_THAT(script.feed(MessageTaken{"m2"}), ElementsAre(taken("m2")));
}

TEST(SessionMessages, AnAcceptanceOfSomethingElseMeansNothing) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(MessageTaken{"m1"}), IsEmpty());
  script.feed(message("m1"));
  EXPECT_THAT(script.feed(MessageTaken{"m2"}), IsEmpty());
  EXPECT_THAT(script.feed(MessageFailed{"m2", "INTERNAL", "", false}), IsEmpty());
}

TEST(SessionMessages, TooManyAreRefusedOneByOne) {
  Script script(request_with_backend(), {.waiting_messages_max = 2});
  script.live();
  script.feed(message("m1"));
  script.feed(message("m2"));
  EXPECT_THAT(script.feed(message("m3")),
              ElementsAre(R"({"type":"error","id":"m3","code":"RESOURCE_EXHAUSTED",)"
                          R"("message":"Too many messages wait already.","retryable":true})"));
  script.feed(MessageTaken{"m1"});
  EXPECT_THAT(script.feed(message("m3")), IsEmpty());
}

TEST(SessionMessages, TooManyBytesAreRefusedToo) {
  Script script(request_with_backend(), {.waiting_bytes_max = 10});
  script.live();
  EXPECT_THAT(script.feed(message("m1", "12345678")), SizeIs(1));
  EXPECT_THAT(script.feed(message("m2")), SizeIs(1));
  script.feed(MessageTaken{"m1"});
  EXPECT_THAT(script.feed(message("m2", "12345678")), ElementsAre("to backend m2 12345678"));
}

TEST(SessionMessages, OneThatTheBackendDoesNotWantIsSaidToBeSo) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(message("m2"));
  EXPECT_THAT(script.feed(MessageFailed{"m1", "INVALID_ARGUMENT", "No such room.", false}),
              ElementsAre(R"({"type":"error","id":"m1","code":"INVALID_ARGUMENT",)"
                          R"("message":"No such room.","retryable":false})",
                          "to backend m2 1"));
}

TEST(SessionMessages, ABackendThatCannotBeReachedMakesALiveConnectionDegraded) {
  Script script;
  script.live();
  script.feed(message("m1"));
  script.feed(message("m2"));
  EXPECT_THAT(script.feed(MessageFailed{"m1", "UNAVAILABLE", "Away.", true}, 0.5),
              ElementsAre(R"({"type":"error","id":"m1","code":"UNAVAILABLE","message":"Away.",)"
                          R"("retryable":true})",
                          "advance DEGRADED", "timer open_retry 250", backend_away("m2")));
  EXPECT_THAT(script.feed(message("m3")), ElementsAre(backend_away("m3")));
  script.feed(done(v1::DEGRADED, 3));
  EXPECT_THAT(script.fire(SessionTimer::kOpenRetry), ElementsAre("open"));
  EXPECT_THAT(script.feed(message("m3")), ElementsAre(backend_away("m3")));
  EXPECT_THAT(script.feed(BackendOpened{OpenResult::kOk}), ElementsAre("advance PROCESSING_READY"));
  EXPECT_THAT(script.feed(message("m3")), ElementsAre("to backend m3 1"));
}

TEST(SessionMessages, OnlyAnAcceptedOneMakesTheNextRetryEarlyAgain) {
  Script script;
  script.live();
  const MessageFailed away{"m1", "UNAVAILABLE", "", true};
  for (const char* wait : {"timer open_retry 250", "timer open_retry 500"}) {
    script.feed(message("m1"));
    EXPECT_EQ(script.feed(away, 0.5).at(2), wait);
    script.fire(SessionTimer::kOpenRetry);
    script.feed(BackendOpened{OpenResult::kOk});
  }
  script.feed(message("m1"));
  script.feed(MessageTaken{"m1"});
  script.feed(message("m1"));
  EXPECT_EQ(script.feed(away, 0.5).at(2), "timer open_retry 250");
}

TEST(SessionMessages, EarlyOnesAreRefusedWhenTheSetupEndsDegraded) {
  Script script;
  script.upgrade();
  script.feed(message("m1"));
  script.feed(message("m2"));
  script.feed(BackendOpened{OpenResult::kUnavailable});
  EXPECT_THAT(
      script.feed(done(v1::DEGRADED, 1)),
      ElementsAre("cancel setup", ready("DEGRADED"), backend_away("m1"), backend_away("m2")));
}

TEST(SessionMessages, WithoutABackendNobodyTakesThem) {
  Script script(request_without_backend());
  script.upgrade(grant({v1::CONNECTING, v1::PROCESSING_READY}));
  EXPECT_THAT(script.feed(message("m1")),
              ElementsAre(R"({"type":"error","id":"m1","code":"UNAVAILABLE",)"
                          R"("message":"There is no backend.","retryable":false})"));
}

TEST(SessionMessages, ABackendThatHasSeenANewerGenerationEndsThisOne) {
  Script script;
  script.live();
  script.feed(message("m1"));
  EXPECT_THAT(script.feed(MessageFailed{"m1", "ABORTED", "", true}),
              ElementsAre("detach GATEWAY_LEFT", "close 4005 gateway_fenced", "timer close 2000"));
}

// ---- transient events ----

TransientReceived transient(std::uint64_t after, const std::string& data = "1") {
  TransientReceived input;
  input.event.set_after(after);
  input.event.set_type("token");
  input.event.set_data(data);
  return input;
}
std::string token(std::uint64_t after, const std::string& data = "1") {
  return R"({"type":"event","after":)" + std::to_string(after) + R"(,"event":"token","data":)" +
         data + "}";
}

TEST(SessionTransients, FollowWhatWasSentLast) {
  Script script;
  script.live(3);
  EXPECT_THAT(script.feed(transient(0)), ElementsAre(token(3)));
  EXPECT_THAT(script.feed(transient(2)), ElementsAre(token(2)));
}

TEST(SessionTransients, WaitForTheEventThatTheyFollow) {
  Script script;
  script.live();
  EXPECT_THAT(script.feed(transient(2, "10")), ElementsAre("timer transient 1000"));
  EXPECT_THAT(script.feed(transient(0, "11")), IsEmpty());
  EXPECT_THAT(script.feed(delivery({1, 2, 3})),
              ElementsAre(event(1), event(2), token(2, "10"), token(2, "11"), "cancel transient",
                          event(3), "sent 3", "credit 30"));
}

TEST(SessionTransients, AreDroppedWhenTheirEventDoesNotComeInTime) {
  Script script;
  script.live();
  script.feed(transient(1, "10"));
  script.feed(transient(1, "11"));
  script.feed(transient(2, "12"));
  EXPECT_THAT(script.fire(SessionTimer::kTransient),
              ElementsAre("dropped 2", "timer transient 1000"));
  EXPECT_THAT(script.feed(delivery({1, 2})),
              ElementsAre(event(1), event(2), token(2, "12"), "cancel transient", "sent 2",
                          "credit 20"));
  EXPECT_THAT(script.fire(SessionTimer::kTransient), IsEmpty());
}

TEST(SessionTransients, TheOldestGoWhenTooManyWait) {
  Script script(request_with_backend(), {.transients_held_max = 2});
  script.live();
  script.feed(transient(1, "10"));
  script.feed(transient(1, "11"));
  EXPECT_THAT(script.feed(transient(1, "12")), ElementsAre("dropped 1"));
  EXPECT_THAT(script.feed(delivery({1})),
              ElementsAre(event(1), token(1, "11"), token(1, "12"), "cancel transient", "sent 1",
                          "credit 10"));
}

TEST(SessionTransients, TheOldestGoWhenTooManyBytesWait) {
  Script script(request_with_backend(), {.transient_bytes_max = 5});
  script.live();
  script.feed(transient(1, "10"));
  script.feed(transient(1, "11"));
  EXPECT_THAT(script.feed(transient(1, "12")), ElementsAre("dropped 1"));
  EXPECT_THAT(script.feed(delivery({1})),
              ElementsAre(event(1), token(1, "11"), token(1, "12"), "cancel transient", "sent 1",
                          "credit 10"));
}

TEST(SessionTransients, AreDroppedBeforeReadyAndWhenTheyAreNotJson) {
  Script script;
  script.upgrade();
  EXPECT_THAT(script.feed(transient(0)), ElementsAre("dropped 1"));
  script.feed(BackendOpened{OpenResult::kOk});
  EXPECT_THAT(script.feed(done(v1::PROCESSING_READY, 2)), SizeIs(2));
  EXPECT_THAT(script.feed(transient(0, "{")), ElementsAre("dropped 1"));
  EXPECT_THAT(script.feed(transient(0, "1,2")), ElementsAre("dropped 1"));
  EXPECT_THAT(script.feed(transient(0, "")), ElementsAre(token(0, "null")));
}

// ---- frames that no client may send ----

TEST(SessionFrames, OnesThatBreakTheProtocolCloseTheSocketAndSayWhy) {
  const auto close_line = [](FrameReceived frame) {
    Script script;
    script.live();
    const Transcript lines = script.feed(std::move(frame));
    EXPECT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines.front(), "detach SOCKET_LOST");
    return lines.at(1);
  };
  EXPECT_EQ(close_line({.binary = true, .payload = "{}"}),
            "close 4504 protocol_error; A frame must be text.");
  EXPECT_EQ(close_line({.payload = "hi"}), "close 4504 protocol_error; The frame is not JSON.");
  EXPECT_EQ(close_line({.payload = R"({"type":"x"})"}),
            "close 4504 protocol_error; The frame's type is not message, ack or ping.");
}

}  // namespace
}  // namespace interlock
