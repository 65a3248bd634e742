// The demonstration's agent, as far as it is pure: what a run does, and what is remembered.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "deploy/demo/agent/generation_guard.h"
#include "deploy/demo/agent/message_memory.h"
#include "deploy/demo/agent/recent_map.h"
#include "deploy/demo/agent/run.h"
#include "deploy/demo/agent/run_plan.h"

namespace interlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = PublishOutcome::Kind;

constexpr RunSettings settings{.pause_ms = 400,
                               .tokens = 3,
                               .retry_for_ms = 10'000,
                               .backoff_initial_ms = 50,
                               .backoff_max_ms = 2'000};

// Tells a run what happened, at a time that only the test moves.
class Script {
 public:
  explicit Script(const RunSettings& run_settings = settings) : run_(run_settings) {}

  RunActions start() { return run_.step(RunStarted{}, now_ms, random); }
  RunActions wait() { return run_.step(RunWaited{}, now_ms, random); }
  RunActions answer(Kind kind, std::uint64_t last_number = 0) {
    return run_.step(RunPublished{{kind, last_number}}, now_ms, random);
  }
  // Publishes and waits until `number` is being published.
  RunActions play_to(std::uint32_t number) {
    RunActions actions = start();
    while (actions != RunActions{PublishEvent{number}}) {
      actions =
          std::holds_alternative<PublishEvent>(actions.back()) ? answer(Kind::accepted) : wait();
    }
    return actions;
  }

  std::int64_t now_ms = 0;
  double random = 1;

 private:
  Run run_;
};

TEST(AgentRun, PublishesFiveEventsWithAPauseBetweenThemAndTokensWhileItThinks) {
  Script run;
  EXPECT_THAT(run.start(), ElementsAre(PublishEvent{1}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{400}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{2}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{100}));
  EXPECT_THAT(run.wait(), ElementsAre(SayToken{0}, WaitFor{100}));
  EXPECT_THAT(run.wait(), ElementsAre(SayToken{1}, WaitFor{100}));
  EXPECT_THAT(run.wait(), ElementsAre(SayToken{2}, WaitFor{100}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{3}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{400}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{4}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{400}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{5}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(EndRun{RunEnd::completed}));
}

TEST(AgentRun, SaysNothingInBetweenWithoutTokens) {
  RunSettings quiet = settings;
  quiet.tokens = 0;
  Script run(quiet);
  run.play_to(2);
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{400}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{3}));
}

TEST(AgentRun, RepeatsAnEventWhoseOutcomeIsUnknownWithGrowingWaits) {
  Script run;
  run.play_to(3);
  EXPECT_THAT(run.answer(Kind::try_again), ElementsAre(WaitFor{50}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{3}));
  EXPECT_THAT(run.answer(Kind::try_again), ElementsAre(WaitFor{100}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{3}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{400}));
  EXPECT_THAT(run.wait(), ElementsAre(PublishEvent{4}));
  EXPECT_THAT(run.answer(Kind::try_again), ElementsAre(WaitFor{50}))
      << "a new failure starts small";
}

TEST(AgentRun, GivesUpOnlyWhenOneEventHasFailedForTheWholeTime) {
  Script run;
  run.play_to(2);
  run.now_ms = 5'000;
  run.answer(Kind::try_again);
  run.now_ms += settings.retry_for_ms - 1;
  EXPECT_THAT(run.answer(Kind::try_again), ElementsAre(WaitFor{100}));
  run.now_ms += 1;
  EXPECT_THAT(run.answer(Kind::try_again), ElementsAre(EndRun{RunEnd::given_up}));
}

TEST(AgentRun, TheTimeOfOneEventsFailuresDoesNotCountForTheNext) {
  Script run;
  run.play_to(2);
  run.answer(Kind::try_again);
  run.now_ms = settings.retry_for_ms - 1;
  run.answer(Kind::accepted);
  run.now_ms = settings.retry_for_ms + 1;
  EXPECT_THAT(run.answer(Kind::try_again), ElementsAre(WaitFor{50}));
}

TEST(AgentRun, PlayedASecondTimeItGoesOnBehindWhatWasAcceptedTheFirstTime) {
  Script run;
  run.start();
  EXPECT_THAT(run.answer(Kind::already_accepted, 3), ElementsAre(PublishEvent{4}));
  EXPECT_THAT(run.answer(Kind::accepted), ElementsAre(WaitFor{400}));
}

TEST(AgentRun, PlayedASecondTimeAfterItsEndItPublishesNothingMore) {
  Script run;
  run.start();
  EXPECT_THAT(run.answer(Kind::already_accepted, 5), ElementsAre(EndRun{RunEnd::completed}));
}

TEST(AgentRun, GoesBackToTheEventThatTheCoordinatorMisses) {
  Script run;
  run.play_to(4);
  EXPECT_THAT(run.answer(Kind::out_of_order, 1), ElementsAre(PublishEvent{2}));
}

TEST(AgentRun, AnAnswerThatContradictsItselfEndsTheRunInsteadOfGoingRoundInCircles) {
  Script skipping_nothing;
  skipping_nothing.play_to(4);
  EXPECT_THAT(skipping_nothing.answer(Kind::out_of_order, 3), ElementsAre(EndRun{RunEnd::refused}));
  Script accepted_before_it;
  accepted_before_it.play_to(4);
  EXPECT_THAT(accepted_before_it.answer(Kind::already_accepted, 3),
              ElementsAre(EndRun{RunEnd::refused}));
}

TEST(AgentRun, StopsWhenNobodyWaitsForItAndWhenItIsRefused) {
  Script ended;
  ended.play_to(3);
  EXPECT_THAT(ended.answer(Kind::connection_ended), ElementsAre(EndRun{RunEnd::connection_ended}));
  Script refused;
  refused.play_to(3);
  EXPECT_THAT(refused.answer(Kind::refused), ElementsAre(EndRun{RunEnd::refused}));
}

TEST(RunPlan, TheRunsNameFollowsFromKeyAndMessage) {
  const std::string name = run_name("anonymous:s", "m-1");
  EXPECT_EQ(name, run_name("anonymous:s", "m-1"));
  EXPECT_EQ(name, "run-6936a3f39750eab6")
      << "a name that changes with the build starts second runs";
  const std::set<std::string> names{name, run_name("anonymous:s", "m-2"),
                                    run_name("anonymous:t", "m-1"), run_name("anonymous:sm", "-1")};
  EXPECT_EQ(names.size(), 4u);
}

TEST(RunPlan, TheFiveEventsAreThoseOfTheProduct) {
  std::vector<std::string> types;
  for (std::uint32_t number = 1; number <= run_events; ++number) {
    types.push_back(agent_event(number, "m-1", "hello").type);
  }
  EXPECT_THAT(types, ElementsAre("agent_started", "agent_thinking", "tool_executing",
                                 "tool_completed", "agent_completed"));
}

TEST(RunPlan, TheAnswerIsAboutTheMessage) {
  EXPECT_EQ(agent_event(4, "m-1", " one  two ").payload,
            R"({"tool":"count_words","result":{"words":2,"characters":10}})");
  EXPECT_EQ(agent_event(5, "m-1", "é").payload,
            R"({"answer":"Your message has 1 word and 1 character."})");
  EXPECT_THAT(agent_event(3, "m-1", R"(say "hi")").payload, HasSubstr(R"("say \"hi\"")"));
}

TEST(RunPlan, FindsTheTextOfAMessageWhereverItStands) {
  EXPECT_EQ(message_text(R"({"text":"hello"})"), "hello");
  EXPECT_EQ(message_text(R"("hello")"), "hello");
  EXPECT_EQ(message_text(R"({"number":1})"), R"({"number":1})");
  EXPECT_EQ(message_text(R"({"text":[1]})"), "[1]");
  EXPECT_EQ(message_text("hello"), std::nullopt);
  EXPECT_EQ(message_text(""), std::nullopt);
}

TEST(RunPlan, CutsALongTextBetweenTwoCharacters) {
  std::string two_bytes_each;
  for (int i = 0; i < 300; ++i) two_bytes_each += "é";
  const auto text = message_text('"' + two_bytes_each + '"');
  EXPECT_EQ(text, two_bytes_each.substr(0, 400) + "…");
}

TEST(GenerationGuard, RefusesWhatIsBelowTheHighestGenerationOfItsKey) {
  GenerationGuard guard(10);
  EXPECT_TRUE(guard.admit("k", 5));
  EXPECT_TRUE(guard.admit("k", 5)) << "a repeated call";
  EXPECT_FALSE(guard.admit("k", 4));
  EXPECT_TRUE(guard.admit("k", 6));
  EXPECT_FALSE(guard.admit("k", 5)) << "the replaced socket";
  EXPECT_TRUE(guard.admit("other", 1));
}

TEST(GenerationGuard, ARefusedCallDoesNotLowerWhatWasSeen) {
  GenerationGuard guard(10);
  guard.admit("k", 5);
  guard.admit("k", 1);
  EXPECT_FALSE(guard.admit("k", 4));
}

TEST(MessageMemory, KnowsAMessageByKeyAndIdTogether) {
  MessageMemory memory(10);
  EXPECT_FALSE(memory.knows("k", "m"));
  memory.remember("k", "m");
  EXPECT_TRUE(memory.knows("k", "m"));
  EXPECT_FALSE(memory.knows("k", "n"));
  EXPECT_FALSE(memory.knows("l", "m"));
}

TEST(RecentMap, ForgetsWhatWasNotAskedForLongest) {
  RecentMap<int> map(2);
  map.touch("a").first = 1;
  map.touch("b").first = 2;
  EXPECT_FALSE(map.touch("a").second);
  map.touch("c");  // forgets b
  EXPECT_EQ(map.size(), 2u);
  EXPECT_EQ(map.touch("a").first, 1);
  EXPECT_TRUE(map.touch("b").second) << "it is made anew";
  EXPECT_EQ(map.size(), 2u);
}

}  // namespace
}  // namespace interlock
