// Many claims of one key at once: one owner, and every answer is true.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/coordinator/engine/asking.h"
#include "tests/coordinator/engine/engine_world.h"
#include "tests/coordinator/engine/ledger.h"

namespace interlock {
namespace {

using testing::IsEmpty;

const std::string kKey = "alice:1";

// Two gateways, each on a coordinator of its own; stores that take their time.
class Race : public testing::TestWithParam<std::size_t> {
 protected:
  static EngineWorld::Setup setup() {
    MemoryFaults faults;
    faults.fate = [n = std::uint64_t{0}](const Entry&) mutable {
      return Fate{.apply_after_ms = ++n % 3, .answer_after_ms = n % 5};
    };
    faults.feed_lag_ms = [n = std::uint64_t{0}]() mutable { return ++n % 7; };
    return {.coordinators = 2, .limits = {}, .faults = faults};
  }

  // What every answer must be, against what has become durable.
  void check_answers() {
    Generation last = 0;
    std::map<Generation, int> grants;
    std::size_t refused = 0;
    for (const auto& [ticket, claim_id] : claim_ids) {
      ASSERT_EQ(world.answers[ticket].size(), 1u);
      const EngineWorld::Given& given = world.answers[ticket].front();
      if (const auto* granted = std::get_if<Granted>(&given.answer)) {
        ++grants[granted->generation];
        last = std::max(last, granted->generation);
        EXPECT_NE(ledger.find(kKey, granted->generation,
                              [&](const Record& record) { return record.claim_id == claim_id; }),
                  nullptr);
        continue;
      }
      ++refused;
      const Refusal& refusal = std::get<Refusal>(given.answer);
      const auto* stale = std::get_if<Stale>(&refusal);
      const auto* owned = std::get_if<AlreadyOwned>(&refusal);
      ASSERT_TRUE(stale != nullptr || owned != nullptr) << describe(given.answer);
      const Generation named = stale != nullptr ? stale->current : owned->current;
      EXPECT_NE(ledger.find(kKey, named, [](const Record&) { return true; }), nullptr)
          << "names a generation that never was: " << describe(given.answer);
    }
    for (const auto& [generation, count] : grants) EXPECT_EQ(count, 1) << generation;
    EXPECT_EQ(grants.size() + refused, claim_ids.size());
    EXPECT_GT(grants.size(), 0u);
    EXPECT_EQ(world.record(kKey)->generation, last);
    EXPECT_THAT(ledger.wrong, IsEmpty());
    check_commits(grants.size());
  }

  // Each commit that writes the record grants exactly once, and generations rise strictly.
  void check_commits(std::size_t grants) {
    Generation before = 0;
    for (const Ledger::Written& written : ledger.of(kKey)) {
      EXPECT_GT(written.record->generation, before);
      before = written.record->generation;
    }
    EXPECT_EQ(ledger.of(kKey).size(), grants);
  }

  std::string gateway(std::uint64_t i) const { return i % 2 == 0 ? "gateway-a" : "gateway-b"; }
  void claim(std::uint64_t i, Claim what) {
    claim_ids[world.ask(i % 2, kKey, what)] = what.claim_id;
    if (i % GetParam() == GetParam() - 1) world.run(1);
  }

  EngineWorld world{setup()};
  Ledger ledger{world.truth(), [this] { return world.now_ms(); }};
  std::map<Ticket, std::string> claim_ids;
};

TEST_P(Race, AThousandClaimsThroughTwoGatewaysLeaveOneOwner) {
  world.run(100);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    claim(i, claim_by(gateway(i), "claim " + std::to_string(i)));
  }
  world.run(10'000);
  check_answers();
  const Record record = *world.record(kKey);
  const std::size_t last = std::stoul(record.claim_id.substr(6));
  EXPECT_EQ(record.owner, gateway(last));
  EXPECT_EQ(world.engine(0).keys_at_work() + world.engine(1).keys_at_work(), 0u);
}

TEST_P(Race, AThousandClaimsWithAttemptsAndPoliciesLeaveOneOwner) {
  world.run(100);
  claim(0, claim_by("gateway-a", "the first"));
  world.run(100);
  const Generation first = world.record(kKey)->generation;
  for (std::uint64_t i = 1; i < 1'000; ++i) {
    Claim what = claim_by(gateway(i), "claim " + std::to_string(i), State::kProcessingReady);
    if (i % 3 == 0) what.policy = Policy::kReject;
    if (i % 4 == 0) what.attempt = Attempt{first, world.below(50)};
    if (i % 16 == 0) what.attempt = Attempt{0, world.below(50)};
    if (i % 5 == 0) what.position = ClientPosition{0, first};
    claim(i, what);
  }
  world.run(10'000);
  check_answers();
}

TEST_P(Race, OrderedAttemptsLeaveTheNewestOneWhateverTheirOrder) {
  world.run(100);
  const Generation first = world.grant(0, kKey, "gateway-a");
  world.run(100);
  std::vector<std::uint64_t> tries;
  for (std::uint64_t i = 1; i <= 1'000; ++i) tries.push_back(i);
  for (std::size_t i = tries.size(); i > 1; --i) std::swap(tries[i - 1], tries[world.below(i)]);
  for (std::uint64_t i = 0; i < tries.size(); ++i) {
    Claim what = claim_by(gateway(i), "try " + std::to_string(tries[i]));
    what.attempt = Attempt{first, tries[i]};
    claim(i, what);
  }
  world.run(10'000);
  EXPECT_EQ(world.record(kKey)->attempt, (Attempt{first, 1'000}));
  EXPECT_EQ(world.record(kKey)->claim_id, "try 1000");
}

// All at once, in bursts, and one by one.
INSTANTIATE_TEST_SUITE_P(Engine, Race, testing::Values(10'000, 50, 1), [](const auto& one) {
  return one.param == 1 ? "OneByOne" : one.param == 50 ? "InBursts" : "AllAtOnce";
});

TEST(EngineClaims, OfClaimsThatWaitTogetherTheLastIsGrantedAndTheOthersAreStale) {
  EngineWorld world;
  world.run();
  const Ticket first = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  const Ticket second = world.ask(0, kKey, claim_by("gateway-b", "c2"));
  const Ticket third = world.ask(0, kKey, claim_by("gateway-a", "c3"));
  const Generation generation = world.expect<Granted>(third).generation;
  EXPECT_EQ(world.expect_refusal<Stale>(first).current, generation);
  EXPECT_EQ(world.expect_refusal<Stale>(second).current, generation);
  // The machine was started once, and late copies of the others stay stale.
  EXPECT_EQ(world.record(kKey)->transitions_total, 1u);
  world.expect_refusal<Stale>(world.ask(0, kKey, claim_by("gateway-a", "c1")));
  world.expect_refusal<Stale>(world.ask(0, kKey, claim_by("gateway-b", "c2")));
  EXPECT_EQ(world.record(kKey)->generation, generation);
}

TEST(EngineClaims, ARepeatedClaimIsTheSameGrantAlsoWithinOneWrite) {
  EngineWorld world;
  world.run();
  const Ticket once = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  const Ticket twice = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  const Generation generation = world.expect<Granted>(once).generation;
  EXPECT_EQ(world.expect<Granted>(twice).generation, generation);
  const Ticket later = world.ask(0, kKey, claim_by("gateway-a", "c1"));
  EXPECT_EQ(world.expect<Granted>(later).generation, generation);
}

TEST(EngineClaims, AClaimThatGivesWayTakesNothingWithIt) {
  EngineWorld world;
  Ledger ledger(world.truth(), [&] { return world.now_ms(); });
  const Generation generation = world.grant(0, kKey, "gateway-a", State::kProcessingReady);
  for (int i = 1; i <= 3; ++i) {
    world.expect<Receipt>(world.ask(0, kKey, publish("e" + std::to_string(i))));
  }
  // The first of the two claims has seen everything, even what this same write brings.
  const Ticket event = world.ask(0, kKey, publish("e4"));
  Claim knows_all = claim_by("gateway-a", "c1");
  knows_all.position = ClientPosition{4, generation};
  Claim knows_one = claim_by("gateway-b", "c2");
  knows_one.position = ClientPosition{1, generation};
  const Ticket first = world.ask(0, kKey, knows_all);
  const Ticket second = world.ask(0, kKey, knows_one);
  EXPECT_EQ(world.expect<Granted>(second).next_sequence, 2u);
  world.expect_refusal<Stale>(first);
  EXPECT_EQ(world.expect<Receipt>(event).sequence, 4u);
  EXPECT_THAT(world.attachments(kKey), testing::ElementsAre(2, 3, 4));
  EXPECT_THAT(ledger.wrong, IsEmpty());
}

TEST(EngineClaims, AKeyThatIsForgottenAndClaimedInOneWriteBeginsWithNothing) {
  EngineWorld world;
  Ledger ledger(world.truth(), [&] { return world.now_ms(); });
  const Generation old = world.grant(0, kKey, "gateway-a");
  world.expect<Receipt>(world.ask(0, kKey, publish("e1")));
  world.expect<Done>(world.ask(0, kKey, fail("gateway-a", old, 1)));
  world.expect<Receipt>(world.ask(0, kKey, publish("e2")));
  ASSERT_THAT(world.attachments(kKey), testing::SizeIs(2));

  const Ticket late = world.ask(0, kKey, publish("e3"));
  const Ticket forget = world.ask(0, kKey, Forget{old});
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-b", "c2"));
  world.expect<Receipt>(late);
  world.expect<Settled>(forget);
  EXPECT_EQ(world.expect<Granted>(claim).last_sequence, 0u);
  EXPECT_GT(world.record(kKey)->generation, old);
  EXPECT_THAT(world.attachments(kKey), IsEmpty());
  EXPECT_THAT(ledger.wrong, IsEmpty());
}

TEST(EngineClaims, AnAbandonedClaimLeavesNobodyBehindWhereverItStands) {
  EngineWorld world;
  world.run();
  const Ticket claim = world.ask(0, kKey, claim_by("gateway-a", "c1", State::kProcessingReady));
  const Ticket abandon = world.ask(0, kKey, Abandon{"gateway-a", "c1"});
  world.expect<Granted>(claim);
  world.expect<Settled>(abandon);
  EXPECT_EQ(world.record(kKey)->owner, "");
  EXPECT_EQ(world.record(kKey)->state, State::kReconnecting);
}

}  // namespace
}  // namespace interlock
