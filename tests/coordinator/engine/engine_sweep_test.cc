// Deadlines, orphans and caps, as the engine carries them out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/engine/record_codec.h"
#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/engine_world.h"

namespace interlock {
namespace {

using testing::SizeIs;

constexpr const char* kKey = "alice:1";

std::string key_number(int number) { return "alice:" + std::to_string(number); }

TEST(EngineSweep, EveryDeadlineComesInItsTurnDownToTheEndOfTheRecord) {
  EngineWorld world({.coordinators = 2});
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  world.expect<Done>(world.ask(0, kKey, detach("gateway-a", generation, 1)));
  world.run(115'000);
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting);
  world.run(10'000);
  EXPECT_EQ(world.record(kKey)->state, State::kClosed);
  EXPECT_EQ(world.record(kKey)->transitions.back().reason, Reason::kResumeExpired);
  world.run(580'000);
  EXPECT_TRUE(world.record(kKey));
  world.run(50'000);
  EXPECT_FALSE(world.record(kKey));
  world.expect_refusal<NotFound>(world.ask(1, kKey, Lookup{}));
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(world.engine(i).keys_at_work(), 0u);
}

TEST(EngineSweep, ASetupThatStandsStillHasFailed) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-a", State::kServicesReady);
  const StreamId stream = world.attach(0, "gateway-b");
  world.grant(0, "alice:2", "gateway-b", State::kServicesReady);
  world.run(29'000);
  EXPECT_EQ(world.record(kKey)->state, State::kServicesReady);
  world.run(5'000);
  EXPECT_EQ(world.record(kKey)->state, State::kFailed);
  const auto released = world.heard<Released>(stream);
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_EQ(released[0].why.reason, Reason::kSetupExpired);
}

TEST(EngineSweep, AClaimDuringASweepIsNotUndoneByIt) {
  EngineWorld world({.coordinators = 2, .gateways = {"gateway-a"}});
  const Generation old = world.grant(0, kKey, "gateway-dead", State::kProcessingReady);
  // The client comes back while one coordinator is about to sweep what it owned.
  world.run(16'500);
  world.store(1).hold();
  world.run(400);
  const Generation now = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  EXPECT_GT(now, old);
  world.store(1).release();
  world.run(5'000);
  EXPECT_EQ(world.record(kKey)->owner, "gateway-a");
  EXPECT_EQ(world.record(kKey)->generation, now);
}

TEST(EngineSweep, AReconnectingClientNeverWaitsForALease) {
  EngineWorld world;
  world.grant(0, kKey, "gateway-dead", State::kProcessingReady);
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  EXPECT_EQ(world.record(kKey)->owner, "gateway-a");
}

TEST(EngineSweep, AThousandOrphansAreSweptInSlicesThatLetOthersThrough) {
  constexpr int kCount = 1'000;
  EngineWorld world({.coordinators = 2});
  for (int i = 0; i < kCount; ++i) {
    world.ask(0, key_number(i), claim_by("gateway-dead", "c" + std::to_string(i),
                                         State::kProcessingReady));
  }
  world.run(1'000);
  world.run(20'000);
  std::size_t waiting = 0;
  for (int i = 0; i < kCount; ++i) waiting += world.record(key_number(i))->owner.empty() ? 1 : 0;
  EXPECT_EQ(waiting, static_cast<std::size_t>(kCount));
  for (const EngineWorld::Sent& sent : world.commits) {
    if (sent.at_ms > 10'000) EXPECT_LE(sent.batch.size(), 64u);
  }
}

TEST(EngineSweep, SweepsKeepThePaceThatWasSet) {
  constexpr int kCount = 500;
  EngineWorld::Setup setup;
  setup.limits.sweeps_per_s_max = 100;
  EngineWorld world(setup);
  for (int i = 0; i < kCount; ++i) {
    world.ask(0, key_number(i), claim_by("gateway-dead", "c" + std::to_string(i),
                                         State::kProcessingReady));
  }
  const auto swept = [&world] {
    int count = 0;
    for (int i = 0; i < kCount; ++i) count += world.record(key_number(i))->owner.empty() ? 1 : 0;
    return count;
  };
  while (swept() == 0) world.run(10);
  const int before = swept();
  world.run(2'000);
  EXPECT_GE(swept() - before, 190);
  EXPECT_LE(swept() - before, 200 + 16);
  world.run(5'000);
  EXPECT_EQ(swept(), kCount);
}

TEST(SweepPace, ABurstAndThenTheRate) {
  SweepPace pace(250, 3);
  int taken = 0;
  while (pace.take(1'000)) ++taken;
  EXPECT_EQ(taken, 3);
  EXPECT_EQ(pace.next_ms(), 1'004u);
  EXPECT_FALSE(pace.take(1'003));
  EXPECT_TRUE(pace.take(1'004));
  EXPECT_FALSE(pace.take(1'007));
  for (taken = 0; pace.take(3'600'000);) ++taken;
  EXPECT_EQ(taken, 3);
  for (taken = 0; SweepPace(0, 3).take(0) && taken < 100;) ++taken;
  EXPECT_EQ(taken, 100);
}

TEST(EngineSweep, OneCoordinatorRemainsAndDoesItAll) {
  EngineWorld world({.coordinators = 2});
  world.grant(0, kKey, "gateway-dead", State::kProcessingReady);
  world.crash(0);
  world.run(20'000);
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting);
}

// ---- caps ----

TEST(EngineCaps, TheOldestThatWaitsMakesRoomForANewSession) {
  EngineWorld::Setup setup{.limits_on = true};
  setup.limits.authority.sessions_per_subject_max = 3;
  EngineWorld world(setup);
  for (int i = 0; i < 3; ++i) {
    const Generation generation =
        world.grant(0, key_number(i), "gateway-a", State::kProcessingReady);
    if (i < 2) world.expect<Done>(world.ask(0, key_number(i), detach("gateway-a", generation, 1)));
    world.run(2'000);
  }
  world.grant(0, "alice:new", "gateway-a");
  world.run(1'000);
  EXPECT_EQ(world.record(key_number(0))->state, State::kClosed);
  EXPECT_EQ(world.record(key_number(0))->transitions.back().reason, Reason::kSessionsCapped);
  EXPECT_EQ(world.record(key_number(1))->state, State::kReconnecting);
}

TEST(EngineCaps, WhenAllHaveOwnersTheNewSessionIsRefusedAndOtherSubjectsAreNot) {
  EngineWorld::Setup setup{.limits_on = true};
  setup.limits.authority.sessions_per_subject_max = 3;
  EngineWorld world(setup);
  for (int i = 0; i < 3; ++i) world.grant(0, key_number(i), "gateway-a");
  world.expect_refusal<ResourceExhausted>(world.ask(0, "alice:new", claim_by("gateway-a", "c")));
  world.grant(0, key_number(1), "gateway-b");  // it is there already
  Claim bob = claim_by("gateway-a", "bob");
  bob.subject = "bob";
  world.expect<Granted>(world.ask(0, "bob:1", bob));
  for (int i = 0; i < 30; ++i) {
    Claim anybody = claim_by("gateway-a", "anybody " + std::to_string(i));
    anybody.subject = "anonymous";
    world.expect<Granted>(world.ask(0, "anonymous:" + std::to_string(i), anybody));
  }
}

TEST(EngineCaps, OfAnyMoreFinalRecordsOfASubjectTheOldestGoes) {
  EngineWorld::Setup setup{.limits_on = true};
  setup.limits.final_records_per_subject_max = 2;
  EngineWorld world(setup);
  for (int i = 0; i < 5; ++i) {
    const Generation generation =
        world.grant(0, key_number(i), "gateway-a", State::kProcessingReady);
    world.expect<Done>(world.ask(0, key_number(i), close("gateway-a", generation, 1)));
    world.run(2'000);
  }
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world.record(key_number(i)).has_value(), i >= 3) << i;
}

TEST(EngineCaps, TwoThatFightOverAKeyAreDamped) {
  EngineWorld world({.limits_on = true});
  world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  for (int i = 0; i < 10; ++i) {
    world.grant(0, kKey, i % 2 == 0 ? "gateway-b" : "gateway-a", State::kProcessingReady);
  }
  const auto not_now =
      world.expect_refusal<NotNow>(world.ask(0, kKey, claim_by("gateway-b", "late")));
  EXPECT_GT(not_now.after_ms, 0u);
  EXPECT_LE(not_now.after_ms, 6'000u);
  world.run(not_now.after_ms + 100);
  world.grant(0, kKey, "gateway-b");
}

}  // namespace
}  // namespace interlock
