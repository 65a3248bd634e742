// The attachment when messages are lost, late or repeated: at every step in turn, and at random.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/gateway/attachment_fault_world.h"

namespace interlock {
namespace {

using testing::SizeIs;

enum class Fault { kRequestLost, kRequestLate, kAnswerLost, kAnswerTwice };

// One exchange; at the `faulty`-th, what is named happens, and the stream breaks.
class Script {
 public:
  Script(Fault fault, int faulty) : fault_(fault), faulty_(faulty) {}

  void exchange() {
    while (true) {
      bool any = world.hear_some();
      if (world.send()) {
        any = true;
        transfer();
      }
      if (!any) return;
    }
  }
  FaultyWorld world;
  int steps = 0;

 private:
  void transfer() {
    if (++steps != faulty_) {
      while (!world.wire.empty()) world.arrive();
      return;
    }
    auto late = std::move(world.wire);
    world.wire.clear();
    if (fault_ == Fault::kAnswerLost || fault_ == Fault::kAnswerTwice) {
      for (const auto& [stream, message] : late) world.coordinator.receive(stream, message);
    }
    if (fault_ == Fault::kAnswerTwice) {
      for (const auto& message : world.coordinator.take(world.stream)) {
        world.hear(message);
        world.hear(message);
      }
      return;
    }
    world.cut();
    world.reopen();
    if (fault_ != Fault::kRequestLate) return;
    world.hear_some();
    if (world.send()) transfer();
    for (const auto& [stream, message] : late) world.coordinator.receive(stream, message);
  }

  Fault fault_;
  int faulty_;
};

int tell_the_story(Fault fault, int faulty) {
  Script script(fault, faulty);
  FaultyWorld& world = script.world;
  world.reopen();
  const std::uint64_t alice = world.claim("alice:1");
  const std::uint64_t given_up = world.claim("bob:1");
  script.exchange();
  world.operate(alice, advance_to(v1::ACCEPTED));
  world.operate(alice, advance_to(v1::AUTHENTICATED));
  world.abandon(given_up);
  script.exchange();
  world.operate(alice, advance_to(v1::PROCESSING_READY));
  script.exchange();
  world.coordinator.publish("alice:1", "token", "1");
  script.exchange();
  world.attachment.events_sent(alice, world.sessions[alice].generation, 1);
  world.attachment.acknowledge(alice, world.sessions[alice].generation, 1);
  world.operate(alice, advance_to(v1::IDLE));
  script.exchange();
  world.forget(given_up);
  world.operate(alice, close_for(v1::CLIENT_DONE));
  script.exchange();
  world.recover();

  EXPECT_EQ(world.coordinator.find("alice:1")->state, v1::CLOSED);
  EXPECT_EQ(world.coordinator.find("alice:1")->acknowledged, 1u);
  EXPECT_THAT(world.coordinator.find("alice:1")->taken, SizeIs(5));
  world.check_answers();
  world.forget(alice);
  world.quiet();
  world.check_ownership();
  EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
  EXPECT_EQ(world.attachment.remembered(), 0u);
  return script.steps;
}

TEST(AttachmentFaults, EveryStepMayFailInEveryWay) {
  for (const Fault fault :
       {Fault::kRequestLost, Fault::kRequestLate, Fault::kAnswerLost, Fault::kAnswerTwice}) {
    int steps = 1;
    for (int faulty = 0; faulty <= steps; ++faulty) {
      SCOPED_TRACE(testing::Message() << "fault " << static_cast<int>(fault) << " at " << faulty);
      steps = std::max(steps, tell_the_story(fault, faulty));
    }
    EXPECT_GE(steps, 6);
  }
}

// One thing that happens, chosen by `die`.
void happen(FaultyWorld& world, std::mt19937_64& random) {
  const auto roll = [&random](std::uint64_t sides) { return random() % sides; };
  const std::string key = "key:" + std::to_string(roll(4));
  const std::uint64_t someone = world.sessions.empty() ? 0 : 1 + roll(world.sessions.size());
  const bool there = someone != 0 && !world.sessions[someone].forgotten;
  switch (roll(16)) {
    case 0:
      world.claim(key);
      break;
    case 1:
      if (there && roll(2) == 0) world.abandon(someone);
      break;
    case 2:
      if (there && roll(2) == 0) world.forget(someone);
      break;
    case 3:
    case 4:
      if (there) world.operate(someone, advance_to(v1::PROCESSING_READY));
      break;
    case 5:
      if (there && roll(3) == 0) world.operate(someone, detach_for(v1::SOCKET_LOST));
      break;
    case 6:
      if (roll(4) == 0) world.coordinator.take_over(key, "another");
      break;
    case 7:
      if (roll(4) == 0) world.coordinator.release(key, v1::KICKED, 4502);
      break;
    case 8:
      world.coordinator.publish(key, "token", std::string(roll(50), 'x'));
      break;
    case 9:
      world.pass(roll(1'000));
      break;
    case 10:
    case 11:
    case 12:
      world.send();
      break;
    case 13:
      if (!world.wire.empty()) world.arrive();
      break;
    case 14:
      world.hear_some();
      break;
    default:
      break;
  }
}

TEST(AttachmentFaults, WhateverHappensEachOperationIsTakenOnceAndNothingIsLeftBehind) {
  std::uint64_t taken = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    FaultyWorld world(AttachmentLimits{.event_credit_bytes = 200,
                                       .message_bytes_max = 100 + random() % 1'000,
                                       .waiting_claims_max = 5});
    for (int i = 0; i < 600; ++i) {
      happen(world, random);
      if (world.attachment.take_cut() || random() % 60 == 0) {
        // Some of what was under way is lost, the rest comes late.
        std::erase_if(world.wire, [&random](const auto&) { return random() % 3 == 0; });
        if (!world.attachment.open_at_ms()) world.cut();
      }
      if (world.attachment.open_at_ms() && random() % 4 == 0) world.reopen();
      // Live sessions, waiting and abandoned claims (5 each), detaches under way, notices.
      EXPECT_LE(world.attachment.remembered(), world.sessions.size() + 40);
    }
    world.recover();
    world.check_answers();
    world.check_ownership();
    EXPECT_EQ(world.attachment.unanswered_operations(), 0u);
    for (auto& [connection, asked] : world.sessions) world.forget(connection);
    world.recover();
    world.check_ownership();
    EXPECT_EQ(world.attachment.remembered(), 0u);
    for (const auto& [id, operations] : world.issued) taken += operations.size();
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_GT(taken, 1'000u);  // the dice did roll
}

}  // namespace
}  // namespace interlock
