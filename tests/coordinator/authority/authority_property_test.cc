// What holds in every history of a key, whatever is asked of it, how often and in which order.
//
// INTERLOCK_SEED=n runs that one history again, INTERLOCK_SEEDS=n runs so many of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>

#include "tests/coordinator/authority/one_key.h"
#include "tests/coordinator/authority/random_asker.h"
#include "tests/coordinator/authority/witness.h"

namespace interlock {
namespace {

constexpr int kSteps = 300;
constexpr std::uint64_t kHistories = 2'500;

// Asking the same again at once, before the commit or behind it, changes nothing more.
void expect_idempotent(const Step& step, const Decision& raw, const Context& context) {
  if (raw.record) {
    const Decision within = decide(raw.record, step.command, context);
    EXPECT_FALSE(within.record || within.remove || within.put || within.trim);
  }
  const Decision again = decide(step.after, step.command, context);
  EXPECT_FALSE(again.record || again.remove || again.put || again.trim);
  if (const Granted* granted = step.granted()) {
    EXPECT_EQ(answered<Granted>(again.answer).generation, granted->generation);
    EXPECT_EQ(answered<Granted>(again.answer).steps, granted->steps);
    EXPECT_EQ(answered<Granted>(again.answer).next_sequence, granted->next_sequence);
  } else if (const auto* receipt = std::get_if<Receipt>(&step.decision.answer)) {
    EXPECT_EQ(answered<Receipt>(again.answer).sequence, receipt->sequence);
    EXPECT_TRUE(answered<Receipt>(again.answer).repeated);
  } else if (const auto* done = std::get_if<Done>(&step.decision.answer)) {
    EXPECT_EQ(answered<Done>(again.answer).last_op, done->last_op);
  }
}

// What all histories together came across: a check that never meets anything checks nothing.
struct Coverage {
  std::set<State> states;
  std::set<std::size_t> answers;
  std::set<std::size_t> refusals;

  void saw(const Step& step) {
    if (step.after) states.insert(step.after->state);
    answers.insert(step.decision.answer.index());
    if (const auto* refusal = std::get_if<Refusal>(&step.decision.answer)) {
      refusals.insert(refusal->index());
    }
  }
};

// Answers how many steps went well.
int one_history(std::uint64_t seed, Coverage& coverage) {
  OneKey key;
  key.context.limits.outbox_events_max = kEventsMax;
  RandomAsker asker(seed);
  Witness witness;
  for (int i = 0; i < kSteps; ++i) {
    asker.move_on(key.context);
    Step step{.before = key.record, .command = asker.next(key.record), .decision = {}, .after = {}};
    const Decision raw = decide(key.record, step.command, key.context);
    key.ask(step.command);
    step.decision = key.decision;
    step.after = key.record;
    witness.saw(step, key.context);
    expect_idempotent(step, raw, key.context);
    coverage.saw(step);
    if (testing::Test::HasFailure()) {
      ADD_FAILURE() << "step " << i << " asked for command " << step.command.index() << ", answer "
                    << describe(step.decision.answer) << "\nbefore "
                    << testing::PrintToString(step.before) << "\nafter "
                    << testing::PrintToString(step.after);
      return i;
    }
  }
  return kSteps;
}

std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(AuthorityProperty, NothingThatIsAskedInAnyOrderBreaksAPromise) {
  const std::uint64_t only = number_from("INTERLOCK_SEED", 0);
  const std::uint64_t seeds = number_from("INTERLOCK_SEEDS", kHistories);
  Coverage coverage;
  for (std::uint64_t seed = only == 0 ? 1 : only; seed <= (only == 0 ? seeds : only); ++seed) {
    ASSERT_EQ(one_history(seed, coverage), kSteps)
        << "INTERLOCK_SEED=" << seed << " shows it again";
  }
  if (only != 0) return;
  EXPECT_EQ(coverage.states.size(), kStates.size());
  EXPECT_EQ(coverage.answers.size(), std::variant_size_v<Answer>);
  // All but StoreAway, which is the engine's, and GatewayExpired, which rests on a lease.
  EXPECT_EQ(coverage.refusals.size(), std::variant_size_v<Refusal> - 2);
}

}  // namespace
}  // namespace interlock
