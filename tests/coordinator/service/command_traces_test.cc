// One span a command, whichever way it comes; and the lines that are about it.
#include "coordinator/service/command_traces.h"

#include <optional>
#include <vector>

#include "common/log.h"
#include "coordinator/service/traced_observer.h"
#include "tests/coordinator/service/served_coordinator.h"
#include "tests/support/collector.h"

namespace interlock {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const std::string trace_id = "0af7651916cd43dd8448eb211c80319c";
const std::string caller = "b7ad6b7169203331";
const std::string sampled = "00-" + trace_id + "-" + caller + "-01";
const std::string unsampled = "00-" + trace_id + "-" + caller + "-00";

class TracedCommands : public testing::Test {
 protected:
  explicit TracedCommands(double ratio = 0) : tracer_(&*exporter_, ratio) {}

  std::vector<SeenSpan> exported() {
    coordinator_.reset();
    exporter_.reset();
    return collector_.spans();
  }
  static std::string attribute(const SeenSpan& span, const std::string& name) {
    for (const auto& each : span.whole.at("attributes").as_array()) {
      if (boost::json::value_to<std::string>(each.at("key")) != name) continue;
      return boost::json::value_to<std::string>(each.at("value").as_object().begin()->value());
    }
    return "not there";
  }
  static v1::PublishRequest event(const std::string& idempotency_key) {
    v1::PublishRequest request;
    request.set_key("alice:s");
    request.set_type("note");
    request.set_payload("{}");
    request.set_idempotency_key(idempotency_key);
    return request;
  }
  static std::unique_ptr<grpc::ClientContext> call_in(const std::string& traceparent) {
    auto context = ServedCoordinator::context();
    if (!traceparent.empty()) context->AddMetadata("traceparent", traceparent);
    return context;
  }

  Collector collector_;
  Metrics metrics_;
  std::optional<SpanExporter> exporter_{std::in_place, collector_.url(),
                                        SpanSource{"coordinator", "1", "i"}, metrics_};
  Tracer tracer_;
  CommandTraces traces_{tracer_};
  std::optional<ServedCoordinator> coordinator_{std::in_place, Authorizer::open(),
                                                *open_store("memory:"), &traces_};
};

TEST_F(TracedCommands, AClaimAndItsOperationsAreSpansBelowWhoeverAsks) {
  v1::ClaimRequest claim = ServedCoordinator::claim_request("alice:s", kGatewayA, v1::CONNECTING);
  claim.set_traceparent(sampled);
  v1::Granted granted;
  ASSERT_TRUE(coordinator_->gateway->Claim(call_in("").get(), claim, &granted).ok());
  v1::OperateRequest operate;
  operate.set_key("alice:s");
  operate.set_gateway_id(kGatewayA);
  operate.set_generation(granted.generation());
  operate.add_operations()->set_op(1);
  operate.mutable_operations(0)->set_advance(v1::ACCEPTED);
  operate.set_traceparent(sampled);
  v1::Done done;
  ASSERT_TRUE(coordinator_->gateway->Operate(call_in("").get(), operate, &done).ok());
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(2));
  for (const SeenSpan& span : spans) {
    EXPECT_EQ(span.trace, trace_id);
    EXPECT_EQ(span.parent, caller);
    EXPECT_EQ(span.whole.at("kind"), 2) << "server";
    EXPECT_EQ(attribute(span, "interlock.key"), "alice:s");
  }
  const SeenSpan first = span_of(spans, "claim");
  EXPECT_EQ(attribute(first, "interlock.outcome"), "granted");
  EXPECT_EQ(attribute(first, "interlock.generation"), std::to_string(granted.generation()));
  EXPECT_EQ(attribute(span_of(spans, "operate"), "interlock.state"), "ACCEPTED");
}

TEST_F(TracedCommands, ARefusalIsAnOutcome) {
  v1::OperateRequest operate;
  operate.set_key("alice:unknown");
  operate.set_gateway_id(kGatewayA);
  operate.set_generation(1);
  operate.add_operations()->set_op(1);
  operate.mutable_operations(0)->set_advance(v1::ACCEPTED);
  operate.set_traceparent(sampled);
  v1::Done done;
  EXPECT_FALSE(coordinator_->gateway->Operate(call_in("").get(), operate, &done).ok());
  EXPECT_EQ(attribute(span_of(exported(), "operate"), "interlock.outcome"), "NOT_FOUND");
}

TEST_F(TracedCommands, APublisherSaysItInTheCallOrInTheMessage) {
  coordinator_->claim("alice:s");
  v1::Receipt receipt;
  ASSERT_TRUE(
      coordinator_->events->Publish(call_in(sampled).get(), event("by call"), &receipt).ok());
  v1::PublishRequest own = event("by message");
  own.set_traceparent("00-" + trace_id + "-00000000000000aa-01");
  ASSERT_TRUE(coordinator_->events->Publish(call_in(sampled).get(), own, &receipt).ok());
  ASSERT_TRUE(coordinator_->events->Publish(call_in("").get(), event("not at all"), &receipt).ok());
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(spans[0].parent, caller);
  EXPECT_EQ(spans[1].parent, "00000000000000aa");
  EXPECT_EQ(attribute(spans[1], "interlock.sequence"), "2");
}

TEST_F(TracedCommands, EventsOfABatchAndOfAStreamAreSpansEach) {
  coordinator_->claim("alice:s");
  v1::PublishBatchRequest batch;
  *batch.add_events() = event("a");
  *batch.add_events() = event("b");
  v1::PublishBatchResponse answers;
  ASSERT_TRUE(coordinator_->events->PublishBatch(call_in(sampled).get(), batch, &answers).ok());
  const auto context = call_in(sampled);
  const auto stream = coordinator_->events->PublishStream(context.get());
  v1::PublishStreamRequest one;
  *one.mutable_event() = event("c");
  ASSERT_TRUE(stream->Write(one));
  v1::PublishStreamResponse answer;
  ASSERT_TRUE(stream->Read(&answer));
  stream->WritesDone();
  ASSERT_TRUE(stream->Finish().ok());
  const auto spans = exported();
  EXPECT_THAT(spans, SizeIs(3));
  for (const SeenSpan& span : spans) EXPECT_EQ(span.parent, caller);
}

TEST_F(TracedCommands, WhatIsNotSampledOrNoTraceparentIsNotExported) {
  coordinator_->claim("alice:s");
  v1::Receipt receipt;
  for (const std::string& header : {unsampled, std::string("garbage")}) {
    ASSERT_TRUE(coordinator_->events->Publish(call_in(header).get(), event(header), &receipt).ok());
  }
  EXPECT_THAT(exported(), IsEmpty());
}

class AllSampled : public TracedCommands {
 protected:
  AllSampled() : TracedCommands(1) {}
};

TEST_F(AllSampled, PublishersAreSampledHereAndGatewaysHaveDecided) {
  coordinator_->claim("alice:s");
  v1::Receipt receipt;
  ASSERT_TRUE(coordinator_->events->Publish(call_in("").get(), event("a"), &receipt).ok());
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].name, "publish");
  EXPECT_EQ(spans[0].parent, "");
}

// ---- what is under way ----

TEST_F(TracedCommands, ACommandIsUnderWayUntilItsAnswerAndNotLonger) {
  int answers = 0;
  auto answer = traces_.around(TracedCommand::kClaim, "alice:s", sampled,
                               [&](const Answer&, Revision) { ++answers; });
  EXPECT_EQ(traces_.of("alice:s", Actor::kClaimant)->trace_id_text(), trace_id);
  EXPECT_FALSE(traces_.of("bob:s", Actor::kClaimant)) << "another connection";
  EXPECT_FALSE(traces_.of("alice:s", Actor::kBackend)) << "somebody else's step";
  EXPECT_FALSE(traces_.of("alice:s", Actor::kAdmin));
  answer(Settled{}, 1);
  EXPECT_EQ(answers, 1);
  answer = {};
  EXPECT_FALSE(traces_.of("alice:s", Actor::kClaimant));
  EXPECT_EQ(traces_.under_way(), 0u);
}

TEST_F(TracedCommands, OneThatIsNeverAnsweredIsForgottenWithItsAnswer) {
  {
    const auto answer = traces_.around(TracedCommand::kClaim, "alice:s", sampled, {});
  }
  EXPECT_EQ(traces_.under_way(), 0u);
  EXPECT_THAT(exported(), IsEmpty());
}

TEST_F(TracedCommands, BeyondTheLimitCommandsGoOnUntracedAndAreCounted) {
  std::vector<EngineThread::AnswerTo> answers;
  int answered = 0;
  for (std::size_t i = 0; i < traced_commands_max + 3; ++i) {
    answers.push_back(traces_.around(TracedCommand::kPublish, "alice:s", sampled,
                                     [&](const Answer&, Revision) { ++answered; }));
  }
  EXPECT_EQ(traces_.under_way(), traced_commands_max);
  for (const auto& answer : answers) answer(Settled{}, 1);
  EXPECT_EQ(answered, static_cast<int>(traced_commands_max) + 3);
  EXPECT_THAT(metrics_.render(), testing::HasSubstr("\ninterlock_spans_dropped_total 3\n"));
}

// Says what it is told.
class LoggingObserver final : public EngineObserver {
 public:
  void happened(const Happened& happened) override { log_info("Step.", {{"key", happened.key}}); }
  void fatal(const std::string&) override { ++fatals; }
  void answered(const Answered&) override { ++answers; }
  void published(const Published&) override { ++publishes; }
  void delivered(const EventsDelivered&) override { ++deliveries; }
  void fed(double) override { ++feeds; }
  int fatals = 0;
  int answers = 0;
  int publishes = 0;
  int deliveries = 0;
  int feeds = 0;
};

TEST_F(TracedCommands, TheLineOfAStepNamesTheTraceOfItsCommand) {
  LoggingObserver inner;
  TracedObserver observer(inner, traces_);
  Happened claimed{.key = "alice:s"};
  claimed.step.actor = Actor::kClaimant;
  const auto line = [&] {
    testing::internal::CaptureStderr();
    observer.happened(claimed);
    return testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(line(), testing::Not(testing::HasSubstr("trace_id")));
  const auto answer = traces_.around(TracedCommand::kClaim, "alice:s", unsampled, {});
  EXPECT_THAT(line(), testing::HasSubstr("\"trace_id\":\"" + trace_id + "\""));
  observer.answered(Answered{});
  observer.published(Published{});
  observer.delivered(EventsDelivered{});
  observer.fed(0.001);
  observer.fatal("");
  EXPECT_EQ(inner.answers, 1);
  EXPECT_EQ(inner.publishes, 1);
  EXPECT_EQ(inner.deliveries, 1);
  EXPECT_EQ(inner.feeds, 1);
  EXPECT_EQ(inner.fatals, 1);
}

}  // namespace
}  // namespace interlock
