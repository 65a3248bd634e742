#include "coordinator/authority/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <utility>
#include <vector>

#include "tests/coordinator/authority/design_table.h"
#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::IsEmpty;

TEST(Lifecycle, HoldsEveryCellOfTheDesignsTableAndNoOther) {
  for (State from : kStates) {
    for (State to : kStates) {
      EXPECT_EQ(may_follow(from, to), design_allows(from, to))
          << name_of(from) << " -> " << name_of(to);
    }
  }
}

TEST(Lifecycle, HasOneRowForEachStateInTheOrderOfTheNumbers) {
  ASSERT_EQ(lifecycle().size(), kStates.size());
  for (std::size_t i = 0; i < kStates.size(); ++i) {
    EXPECT_EQ(lifecycle()[i].from, kStates[i]);
    EXPECT_EQ(static_cast<std::size_t>(kStates[i]), i + 1);
  }
}

TEST(Lifecycle, ListsAsSuccessorsWhatMayFollow) {
  for (State from : kStates) {
    std::vector<State> expected;
    for (State to : kStates) {
      if (design_allows(from, to)) expected.push_back(to);
    }
    EXPECT_EQ(successors(from), expected) << name_of(from);
  }
}

TEST(Lifecycle, LeavesNoWayOutOfAFinalState) {
  EXPECT_THAT(successors(kClosed), IsEmpty());
  EXPECT_THAT(successors(kFailed), IsEmpty());
  for (State state : kStates) EXPECT_EQ(is_final(state), successors(state).empty());
}

TEST(Lifecycle, NoStateFollowsItself) {
  for (State state : kStates) EXPECT_FALSE(may_follow(state, state)) << name_of(state);
}

TEST(Lifecycle, DividesTheStatesIntoSetupOperationalAndTheRest) {
  const std::set<State> setup{kConnecting, kAccepted, kAuthenticated, kServicesReady};
  const std::set<State> operational{kProcessingReady, kProcessing, kIdle, kDegraded};
  for (State state : kStates) {
    EXPECT_EQ(is_setup(state), setup.contains(state)) << name_of(state);
    EXPECT_EQ(is_operational(state), operational.contains(state)) << name_of(state);
  }
}

TEST(Lifecycle, CallsTheStatesWhatTheWireCallsThem) {
  EXPECT_EQ(name_of(kConnecting), "CONNECTING");
  EXPECT_EQ(name_of(kProcessingReady), "PROCESSING_READY");
  EXPECT_EQ(name_of(kFailed), "FAILED");
  std::set<std::string_view> names;
  for (State state : kStates) names.insert(name_of(state));
  EXPECT_EQ(names.size(), kStates.size());
  EXPECT_EQ(name_of(static_cast<State>(0)), "STATE_UNSPECIFIED");
  EXPECT_EQ(name_of(static_cast<State>(13)), "STATE_UNSPECIFIED");
}

// ---- the table as the commands use it ----

using Cells = std::set<std::pair<State, State>>;

void try_it(OneKey key, const Command& command, Cells& cells) {
  key.ask(command);
  for (const Transition& step : key.decision.steps) {
    const bool machine_start = step.from == kConnecting && step.to == kConnecting;
    if (!machine_start) cells.emplace(step.from, step.to);
  }
}

// Everything that can be asked of a key in this state.
void try_everything(const OneKey& key, Cells& cells) {
  for (State to : kStates) {
    try_it(key, by_owner(key, {advance(to)}), cells);
    try_it(key, claim_by(kThere, "another claim", to), cells);
  }
  try_it(key, by_owner(key, {detach()}), cells);
  try_it(key, by_owner(key, {close()}), cells);
  try_it(key, by_owner(key, {fail()}), cells);
  try_it(key, Abandon{kHere, "claim"}, cells);
  try_it(key, opens("another run"), cells);
  try_it(key, ends("run"), cells);
}

TEST(Lifecycle, TheCommandsTogetherUseEveryCellButThoseThatNobodyMayAskFor) {
  Cells used;
  for (State state : kStates) try_everything(key_in(state), used);
  try_everything(waiting_key(), used);

  const Cells nobody_asks{
      // Close writes CLOSING in between.
      {kProcessingReady, kClosed},
      {kProcessing, kClosed},
      {kIdle, kClosed},
      {kDegraded, kClosed},
      // With an open run IDLE is refused, and PROCESSING stands behind PROCESSING_READY only.
      {kProcessing, kIdle},
      {kDegraded, kProcessing},
      // A resumed machine goes on to PROCESSING_READY or DEGRADED only.
      {kReconnecting, kServicesReady}};
  for (State from : kStates) {
    for (State to : kStates) {
      const bool expected = design_allows(from, to) && !nobody_asks.contains({from, to});
      EXPECT_EQ(used.contains({from, to}), expected) << name_of(from) << " -> " << name_of(to);
    }
  }
}

}  // namespace
}  // namespace interlock
