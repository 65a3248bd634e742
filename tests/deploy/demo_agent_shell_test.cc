// The demonstration's agent around its runs: messages in, publishes out, on one thread's time.
#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/metrics.h"
#include "deploy/demo/agent/agent.h"
#include "deploy/demo/agent/publisher.h"

namespace interlock {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = PublishOutcome::Kind;

// A coordinator that accepts everything, unless the test says what comes first.
class Agents : public ::testing::Test {
 protected:
  static AgentSettings quick() {
    return {.run = {.pause_ms = 0, .tokens = 2, .backoff_initial_ms = 1, .backoff_max_ms = 1},
            .runs_max = 3};
  }

  void publish(const v1::PublishRequest& request, std::function<void(PublishOutcome)> done) {
    published.push_back(request.run() + "/" + std::to_string(request.number()));
    traceparents.push_back(request.traceparent());
    PublishOutcome outcome{Kind::accepted};
    if (!first_outcomes.empty()) {
      outcome = first_outcomes.front();
      first_outcomes.erase(first_outcomes.begin());
    }
    boost::asio::post(io, [done = std::move(done), outcome] { done(outcome); });
  }

  static v1::ReceiveRequest message(const std::string& id, std::uint64_t generation = 7) {
    v1::ReceiveRequest request;
    request.set_key("anonymous:s");
    request.set_generation(generation);
    request.set_message_id(id);
    request.set_data(R"({"text":"hello"})");
    return request;
  }

  Verdict receive(const v1::ReceiveRequest& request) {
    return agent.receive(request, {[this](const v1::Transient& event) { tokens += event.data(); },
                                   [this] { ++sinks_ended; }});
  }

  boost::asio::io_context io{1};
  Metrics metrics;
  std::vector<std::string> published;
  std::vector<std::string> traceparents;
  std::vector<PublishOutcome> first_outcomes;
  std::string tokens;
  int sinks_ended = 0;
  Agent agent{io, quick(),
              [this](const v1::PublishRequest& request, std::function<void(PublishOutcome)> done) {
                publish(request, std::move(done));
              },
              metrics};
};

std::vector<std::string> five_of(const std::string& run) {
  return {run + "/1", run + "/2", run + "/3", run + "/4", run + "/5"};
}

TEST_F(Agents, AllEventsOfARunGoOnInTheTraceOfItsMessage) {
  EXPECT_EQ(agent.receive(message("m"), {}, "of the message"), Verdict::started);
  io.run();
  EXPECT_THAT(traceparents, ElementsAre("of the message", "of the message", "of the message",
                                        "of the message", "of the message"));
}

TEST_F(Agents, AMessageStartsOneRunOfFiveEvents) {
  EXPECT_EQ(receive(message("m")), Verdict::started);
  EXPECT_EQ(receive(message("m")), Verdict::repeated) << "while it is being played";
  io.run();
  EXPECT_EQ(receive(message("m")), Verdict::repeated) << "afterwards";
  const std::string run = published.front().substr(0, published.front().find('/'));
  EXPECT_EQ(published, five_of(run));
  EXPECT_EQ(tokens, R"({"text":"Counting "}{"text":"the "})");
  EXPECT_EQ(sinks_ended, 1);
  EXPECT_EQ(agent.runs_open(), 0u);
}

TEST_F(Agents, ACoordinatorThatIsAwayForAWhileLosesNothing) {
  first_outcomes = {{Kind::accepted}, {Kind::try_again}, {Kind::try_again}};
  receive(message("m"));
  io.run();
  const std::string run = published.front().substr(0, published.front().find('/'));
  EXPECT_THAT(published, ElementsAre(run + "/1", run + "/2", run + "/2", run + "/2", run + "/3",
                                     run + "/4", run + "/5"));
}

TEST_F(Agents, ARunWhoseConnectionEndedStops) {
  first_outcomes = {{Kind::accepted}, {Kind::connection_ended}};
  receive(message("m"));
  io.run();
  EXPECT_EQ(published.size(), 2u);
  EXPECT_EQ(sinks_ended, 1);
  EXPECT_THAT(metrics.render(),
              HasSubstr(R"(interlock_demo_runs_total{end="connection_ended"} 1)"));
}

TEST_F(Agents, AMessageOfAReplacedSocketIsRefusedAndStartsNothing) {
  EXPECT_TRUE(agent.open("anonymous:s", 8));
  EXPECT_EQ(receive(message("m", 7)), Verdict::superseded);
  EXPECT_FALSE(agent.open("anonymous:s", 7));
  EXPECT_EQ(receive(message("m", 8)), Verdict::started) << "a refused message is not remembered";
}

TEST_F(Agents, ClosedCountsAsASeenGeneration) {
  agent.closed("anonymous:s", 9);
  agent.closed("anonymous:s", 3);
  EXPECT_FALSE(agent.open("anonymous:s", 8));
  EXPECT_TRUE(agent.open("anonymous:s", 9));
}

TEST_F(Agents, RefusesWhatIsNoMessage) {
  v1::ReceiveRequest not_json = message("m");
  not_json.set_data("hello");
  EXPECT_EQ(receive(not_json), Verdict::malformed);
  EXPECT_EQ(receive(message("")), Verdict::malformed);
  EXPECT_EQ(receive(message(std::string(129, 'x'))), Verdict::malformed);
}

TEST_F(Agents, TakesOnlySoManyRunsAtATimeAndAcceptsTheMessageLater) {
  for (const char* id : {"a", "b", "c"}) EXPECT_EQ(receive(message(id)), Verdict::started);
  EXPECT_EQ(receive(message("d")), Verdict::busy);
  EXPECT_EQ(receive(message("a")), Verdict::repeated) << "nothing new is asked of it";
  io.run();
  EXPECT_EQ(receive(message("d")), Verdict::started);
}

TEST_F(Agents, StoppingDropsItsRunsAndRefusesMessages) {
  receive(message("m"));
  agent.stop();
  EXPECT_EQ(sinks_ended, 1);
  EXPECT_EQ(receive(message("n")), Verdict::stopping);
  io.run();
  EXPECT_EQ(published.size(), 1u);
}

// ---- what an answer of the coordinator means ----

grpc::Status refused(grpc::StatusCode code, const v1::Refusal& refusal) {
  v1::ErrorStatus error;
  error.set_code(code);
  error.add_details()->PackFrom(refusal);
  return {code, "refused", error.SerializeAsString()};
}

TEST(PublishOutcomes, TheRefusalSaysWhereTheRunStands) {
  v1::Refusal skipped;
  skipped.mutable_out_of_order()->set_last_number(2);
  EXPECT_EQ(outcome_of(refused(grpc::StatusCode::OUT_OF_RANGE, skipped)),
            (PublishOutcome{Kind::out_of_order, 2}));
  v1::Refusal behind;
  behind.mutable_already_accepted()->set_last_number(4);
  EXPECT_EQ(outcome_of(refused(grpc::StatusCode::ALREADY_EXISTS, behind)),
            (PublishOutcome{Kind::already_accepted, 4}));
}

TEST(PublishOutcomes, GoneAndNotFoundEndARunAndAnUnknownRunIsNeverGuessed) {
  v1::Refusal gone;
  gone.mutable_gone();
  EXPECT_EQ(outcome_of(refused(grpc::StatusCode::FAILED_PRECONDITION, gone)).kind,
            Kind::connection_ended);
  v1::Refusal unknown_run;
  unknown_run.mutable_unknown_run();
  EXPECT_EQ(outcome_of(refused(grpc::StatusCode::FAILED_PRECONDITION, unknown_run)).kind,
            Kind::refused);
  EXPECT_EQ(outcome_of(grpc::Status(grpc::StatusCode::NOT_FOUND, "")).kind, Kind::connection_ended);
}

TEST(PublishOutcomes, WhatMayHaveHappenedIsTriedAgain) {
  for (const auto code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::DEADLINE_EXCEEDED,
                          grpc::StatusCode::CANCELLED, grpc::StatusCode::UNKNOWN,
                          grpc::StatusCode::INTERNAL, grpc::StatusCode::RESOURCE_EXHAUSTED}) {
    EXPECT_EQ(outcome_of(grpc::Status(code, "")).kind, Kind::try_again) << code;
  }
}

TEST(PublishOutcomes, WhatCanNeverSucceedIsFinal) {
  for (const auto code : {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::PERMISSION_DENIED,
                          grpc::StatusCode::UNAUTHENTICATED, grpc::StatusCode::UNIMPLEMENTED}) {
    EXPECT_EQ(outcome_of(grpc::Status(code, "")).kind, Kind::refused) << code;
  }
}

}  // namespace
}  // namespace interlock
