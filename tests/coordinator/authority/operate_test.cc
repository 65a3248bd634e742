// What an owner may do with its connection, state by state.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <vector>

#include "tests/coordinator/authority/design_table.h"
#include "tests/coordinator/authority/one_key.h"

namespace interlock {
namespace {

using enum State;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// The states that an owner asks for; the rest are written by the authority, by Detach, Close, Fail.
const std::set<State> kAskedFor{kAccepted, kAuthenticated, kServicesReady, kProcessingReady,
                                kIdle,     kDegraded,      kClosing};

// What stands after an operation that was refused: its number is taken, and nothing else happened.
Record refused_once(Record before) {
  ++before.last_op;
  return before;
}

// The one refusal of this answer, which names where the machine stands.
IllegalTransition only_refusal(const Done& done) {
  EXPECT_THAT(done.refused, SizeIs(1));
  if (done.refused.size() != 1) return {};
  EXPECT_EQ(done.refused[0].op, done.last_op);
  return refused<IllegalTransition>(done.refused[0]);
}

// Asking for `to` in `from`, against the design's table.
void expect_as_designed(State from, State to) {
  SCOPED_TRACE(std::string(name_of(from)) + " -> " + std::string(name_of(to)));
  OneKey key = key_in(from);
  const Record before = key.now();
  const Done done = answered<Done>(key.ask(by_owner(key, {advance(to)})));
  EXPECT_EQ(done.last_op, before.last_op + 1);

  const bool with_run = from == kProcessing;  // key_in opens one
  const bool as_it_is = to == from || (with_run && to == kProcessingReady);
  const bool allowed = design_allows(from, to) && kAskedFor.contains(to) &&
                       !(with_run && to == kIdle) &&
                       !(from == kReconnecting && to == kServicesReady);
  if (as_it_is) {
    EXPECT_THAT(done.refused, IsEmpty());
    EXPECT_THAT(done.steps, IsEmpty());
    EXPECT_EQ(key.now(), refused_once(before));
  } else if (allowed) {
    EXPECT_THAT(done.refused, IsEmpty());
    EXPECT_THAT(done.steps, ElementsAre(to));
    EXPECT_EQ(key.now().state, to);
    EXPECT_EQ(key.now().owner, kHere);
  } else {
    const IllegalTransition why = only_refusal(done);
    EXPECT_EQ(why.current, from);
    EXPECT_EQ(why.requested, to);
    EXPECT_EQ(key.now(), refused_once(before));
  }
}

TEST(Operate, EveryPairOfStatesIsAllowedOrRefusedAsTheDesignSays) {
  for (State from : kStates) {
    if (is_final(from)) continue;
    for (State to : kStates) expect_as_designed(from, to);
  }
}

TEST(Operate, AMachineThatHasEndedTakesNothingMore) {
  for (State state : {kClosed, kFailed}) {
    OneKey key = key_in(state);
    const Record before = key.now();
    for (State to : kStates) {
      Operate late = by_owner(key, {advance(to)});
      late.gateway_id = kHere;
      EXPECT_EQ(refused<StaleGeneration>(key.ask(late)).current, before.generation);
      EXPECT_EQ(key.now(), before);
    }
  }
}

TEST(Operate, NoOwnerAsksForProcessing) {
  for (State state : {kServicesReady, kProcessingReady, kIdle, kDegraded, kReconnecting}) {
    OneKey key = key_in(state);
    const Done done = answered<Done>(key.ask(by_owner(key, {advance(kProcessing)})));
    EXPECT_EQ(only_refusal(done).current, state);
  }
}

TEST(Operate, AResumedMachineDoesNotGoThroughSetupAgain) {
  OneKey key = key_in(kReconnecting);
  const Done done = answered<Done>(key.ask(by_owner(key, {advance(kServicesReady)})));
  EXPECT_EQ(only_refusal(done).current, kReconnecting);
  EXPECT_THAT(answered<Done>(key.ask(by_owner(key, {advance(kProcessingReady)}))).steps,
              ElementsAre(kProcessingReady));
}

TEST(Operate, WithAnOpenRunProcessingIsWrittenBehindProcessingReadyInTheSameCommit) {
  for (State from : {kServicesReady, kReconnecting, kDegraded}) {
    OneKey key = key_in(from);
    key.ask(opens("run"));
    ASSERT_EQ(key.now().state, from) << "a run alone does not bring a connection up";
    const Done done = answered<Done>(key.ask(by_owner(key, {advance(kProcessingReady)})));
    EXPECT_THAT(done.steps, ElementsAre(kProcessingReady, kProcessing));
    EXPECT_THAT(key.written(), ElementsAre(kProcessingReady, kProcessing));
    EXPECT_EQ(key.now().state, kProcessing);
    EXPECT_EQ(key.decision.steps.back().reason, Reason::kRunOpened);
  }
}

TEST(Operate, WithAnOpenRunIdleIsRefused) {
  for (State from : {kProcessing, kDegraded}) {
    OneKey key = key_in(from);
    if (from == kDegraded) key.ask(opens("run"));
    const Done done = answered<Done>(key.ask(by_owner(key, {advance(kIdle)})));
    EXPECT_EQ(only_refusal(done).current, from);
    key.ask(ends("run"));
    EXPECT_THAT(answered<Done>(key.ask(by_owner(key, {advance(kIdle)}))).refused, IsEmpty());
  }
}

// What each of Detach, Close and Fail writes in each state, by hand.
struct Ending {
  std::vector<State> steps;
  bool refused = false;
};
const std::map<State, Ending> kDetached{{kConnecting, {{kFailed}}},
                                        {kAccepted, {{kFailed}}},
                                        {kAuthenticated, {{kFailed}}},
                                        {kServicesReady, {{kFailed}}},
                                        {kProcessingReady, {{kReconnecting}}},
                                        {kProcessing, {{kReconnecting}}},
                                        {kIdle, {{kReconnecting}}},
                                        {kDegraded, {{kReconnecting}}},
                                        {kReconnecting, {{}}},
                                        {kClosing, {{kClosed}}}};
const std::map<State, Ending> kClosedBy{{kConnecting, {{kClosed}}},
                                        {kAccepted, {{kClosed}}},
                                        {kAuthenticated, {{kClosed}}},
                                        {kServicesReady, {{kClosed}}},
                                        {kProcessingReady, {{kClosing, kClosed}}},
                                        {kProcessing, {{kClosing, kClosed}}},
                                        {kIdle, {{kClosing, kClosed}}},
                                        {kDegraded, {{kClosing, kClosed}}},
                                        {kReconnecting, {{kClosed}}},
                                        {kClosing, {{kClosed}}}};
const std::map<State, Ending> kFailedBy{
    {kConnecting, {{kFailed}}},    {kAccepted, {{kFailed}}},        {kAuthenticated, {{kFailed}}},
    {kServicesReady, {{kFailed}}}, {kProcessingReady, {{kFailed}}}, {kProcessing, {{kFailed}}},
    {kIdle, {{kFailed}}},          {kDegraded, {{kFailed}}},        {kReconnecting, {{kFailed}}},
    {kClosing, {.refused = true}}};

void expect_ending(const std::map<State, Ending>& table, const Operation& operation) {
  for (const auto& [from, expected] : table) {
    SCOPED_TRACE(name_of(from));
    OneKey key = key_in(from);
    const Record before = key.now();
    const Done done = answered<Done>(key.ask(by_owner(key, {operation})));
    if (expected.refused) {
      EXPECT_EQ(only_refusal(done).current, from);
      EXPECT_EQ(key.now(), refused_once(before));
      continue;
    }
    EXPECT_EQ(done.steps, expected.steps);
    EXPECT_EQ(key.written(), expected.steps);
    EXPECT_EQ(key.now().owner, "") << "whoever ends it lets it go";
    EXPECT_EQ(done.owner, "");
    EXPECT_EQ(key.now().generation, before.generation) << "only a claim makes a generation";
  }
}

TEST(Operate, LosingTheSocketWaitsForTheClientOrFailsWhatWasNeverOperational) {
  expect_ending(kDetached, detach());
}

TEST(Operate, ClosingEndsInClosedFromEverywhere) { expect_ending(kClosedBy, close()); }

TEST(Operate, FailingEndsInFailedFromEverywhereButClosing) { expect_ending(kFailedBy, fail()); }

TEST(Operate, FailingPassesSequenceOutboxAndRunsOn) {
  OneKey key = key_in(kProcessing);
  key.ask(event_outside("a"));
  const Record before = key.now();
  key.ask(by_owner(key, {fail()}));
  EXPECT_EQ(key.now().last_sequence, before.last_sequence);
  EXPECT_EQ(key.now().outbox_sizes, before.outbox_sizes);
  EXPECT_EQ(key.now().runs, before.runs);
  EXPECT_EQ(key.now().publish_keys, before.publish_keys);
  EXPECT_EQ(trimmed(key), Range());
}

TEST(Operate, TheHistorySaysWhoMovedTheMachineAndWhy) {
  const auto last = [](State from, const Operation& operation) {
    OneKey key = key_in(from);
    key.ask(by_owner(key, {operation}));
    const Transition& step = key.decision.steps.at(0);
    return std::pair{step.actor, step.reason};
  };
  EXPECT_EQ(last(kConnecting, advance(kAccepted)), std::pair(Actor::kOwner, Reason::kStep));
  EXPECT_EQ(last(kIdle, advance(kDegraded)), std::pair(Actor::kOwner, Reason::kBackendAway));
  EXPECT_EQ(last(kDegraded, advance(kIdle)), std::pair(Actor::kOwner, Reason::kBackendBack));
  EXPECT_EQ(last(kDegraded, advance(kClosing)), std::pair(Actor::kOwner, Reason::kStep));
  EXPECT_EQ(last(kIdle, detach()), std::pair(Actor::kClient, Reason::kSocketLost));
  EXPECT_EQ(last(kIdle, detach(Reason::kGatewayLeft)),
            std::pair(Actor::kOwner, Reason::kGatewayLeft));
  EXPECT_EQ(last(kIdle, close()), std::pair(Actor::kClient, Reason::kClientDone));
  EXPECT_EQ(last(kIdle, close(Reason::kServerDone)), std::pair(Actor::kOwner, Reason::kServerDone));
  EXPECT_EQ(last(kAccepted, fail()), std::pair(Actor::kOwner, Reason::kSetupFailed));
}

TEST(Operate, OnlyAChangeOfStateOrOwnerRestartsADeadline) {
  OneKey key = key_in(kAuthenticated);
  const Tick since = key.now().changed_tick;
  key.context.tick = since + 20;
  key.ask(by_owner(key, {advance(kProcessing), advance(kAuthenticated)}));
  EXPECT_EQ(key.now().changed_tick, since) << "a stuck setup does not live on by asking";
  key.ask(by_owner(key, {advance(kServicesReady)}));
  EXPECT_EQ(key.now().changed_tick, since + 20);

  OneKey resuming = key_in(kReconnecting);
  resuming.context.tick += 20;
  resuming.ask(by_owner(resuming, {detach()}));
  EXPECT_EQ(resuming.now().changed_tick, resuming.context.tick) << "the owner has changed";
}

}  // namespace
}  // namespace interlock
