// What a session's handshake leaves behind: metrics always, and spans when it is traced.
#include "gateway/session_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/gateway/gateway_world.h"
#include "tests/support/collector.h"

namespace interlock {
namespace {

using ::testing::Each;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string trace = "0af7651916cd43dd8448eb211c80319c";
const std::string sampled = "00-" + trace + "-b7ad6b7169203331-01";
const std::string unsampled = "00-" + trace + "-b7ad6b7169203331-00";

// A gateway that traces, and what it asked its coordinator with.
class Traced : public testing::Test {
 protected:
  explicit Traced(double ratio = 0) : tracer_(&*exporter_, ratio) { begin(&tracer_); }

  void begin(Tracer* tracer) {
    ListenerOptions options;
    options.tracer = tracer;
    world_ = std::make_unique<GatewayWorld>(std::move(options));
    world_->coordinator.run([this](MemoryCoordinator& coordinator) {
      coordinator.refuse_claim = [this](const v1::ClaimRequest& request) {
        claims_.push_back(request.traceparent());
        return refusal_;
      };
      coordinator.refuse_operations =
          [this](const v1::OperateRequest& request) -> std::optional<v1::Refusal> {
        operations_.push_back(request.traceparent());
        return std::nullopt;
      };
    });
  }
  // A whole session: ready, one message, done.
  void live(const std::string& traceparent) {
    const std::string field = traceparent.empty() ? "" : "traceparent: " + traceparent + "\r\n";
    SocketClient client(world_->port());
    ASSERT_EQ(client.upgrade("/ws?session=tab", field), 101) << client.head;
    ASSERT_THAT(client.read_text(), StartsWith(R"({"type":"hello")"));
    ASSERT_THAT(client.read_text(), StartsWith(R"({"type":"ready")"));
    client.send_text(R"({"type":"message","id":"m1","data":{}})");
    ASSERT_THAT(client.read_text(), HasSubstr(R"("type":"ack")"));
    client.send_close(1000);
    ASSERT_TRUE(soon([&] { return world_->record("anonymous:tab").owner.empty(); }));
  }
  std::vector<SeenSpan> exported() {
    world_.reset();
    exporter_.reset();
    return collector_.spans();
  }

  Collector collector_;
  Metrics span_metrics_;
  std::optional<SpanExporter> exporter_{std::in_place, collector_.url(),
                                        SpanSource{"gateway", "1", "i"}, span_metrics_};
  Tracer tracer_;
  std::optional<v1::Refusal> refusal_;  // of claims
  std::vector<std::string> claims_;      // traceparents, as the coordinator got them
  std::vector<std::string> operations_;
  std::unique_ptr<GatewayWorld> world_;
};

std::string header_of(const SeenSpan& span) { return "00-" + span.trace + "-" + span.id + "-01"; }

TEST_F(Traced, AHandshakeIsOneSpanAStepBelowOneForAllOfIt) {
  live(sampled);
  const auto opened = world_->backend.traceparents();
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(6));
  EXPECT_THAT(spans, Each(Field(&SeenSpan::trace, trace)));
  EXPECT_THAT(spans, Each(Field(&SeenSpan::failure, "")));
  const SeenSpan connect = span_of(spans, "connect");
  EXPECT_EQ(connect.parent, "b7ad6b7169203331");
  for (const char* step : {"claim", "accept", "open", "ready", "receive"}) {
    EXPECT_EQ(span_of(spans, step).parent, connect.id) << step;
  }
  EXPECT_EQ(claims_.at(0), header_of(span_of(spans, "claim")));
  EXPECT_EQ(operations_.front(), header_of(span_of(spans, "ready")));
  EXPECT_EQ(operations_.back(), header_of(connect)) << "the end, long behind the handshake";
  ASSERT_THAT(opened, SizeIs(2));
  EXPECT_EQ(opened[0], header_of(span_of(spans, "open")));
  EXPECT_EQ(opened[1], header_of(span_of(spans, "receive")));
}

TEST_F(Traced, SpansNameTheConnectionAndNothingThatIsSaidOnIt) {
  live(sampled);
  for (const SeenSpan& span : exported()) {
    EXPECT_THAT(boost::json::serialize(span.whole), HasSubstr("anonymous:tab"));
    EXPECT_THAT(boost::json::serialize(span.whole), Not(HasSubstr("m1")));
  }
}

TEST_F(Traced, StepsLieWithinTheWholeOneBehindTheOther) {
  live(sampled);
  const auto spans = exported();
  const auto start = [&](const char* name) {
    return std::stoull(
        boost::json::value_to<std::string>(span_of(spans, name).whole.at("startTimeUnixNano")));
  };
  const auto end = [&](const char* name) {
    return std::stoull(
        boost::json::value_to<std::string>(span_of(spans, name).whole.at("endTimeUnixNano")));
  };
  EXPECT_LE(start("connect"), start("claim"));
  EXPECT_LE(end("claim"), start("accept"));
  EXPECT_LE(end("open"), start("ready"));
  EXPECT_LE(end("ready"), end("connect"));
  EXPECT_LE(end("connect"), end("receive"));
}

TEST_F(Traced, WhoseCallerDoesNotSampleIsPassedOnAndNotExported) {
  live(unsampled);
  EXPECT_EQ(claims_.at(0), unsampled);
  EXPECT_THAT(operations_, Each(unsampled));
  EXPECT_THAT(world_->backend.traceparents(), Each(unsampled));
  EXPECT_THAT(exported(), IsEmpty());
}

TEST_F(Traced, WithoutAHeaderOrWithABadOneItIsTheGatewaysChoice) {
  live("");
  live("garbage");
  live(sampled + "\r\ntraceparent: " + sampled);  // two of them are none
  EXPECT_THAT(claims_, Each(""));
  EXPECT_THAT(operations_, Each(""));
  EXPECT_THAT(world_->backend.traceparents(), IsEmpty());
  EXPECT_THAT(exported(), IsEmpty());
}

class AllTraced : public Traced {
 protected:
  AllTraced() : Traced(1) {}
};

TEST_F(AllTraced, ATraceBeginsHereWhenTheRatioSaysSo) {
  live("garbage");
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(6));
  EXPECT_EQ(span_of(spans, "connect").parent, "");
  EXPECT_THAT(spans, Each(Field(&SeenSpan::trace, spans[0].trace)));
}

TEST_F(AllTraced, ARefusedClaimEndsTheTraceAndSaysHow) {
  refusal_.emplace().mutable_stale()->set_current_generation(7);
  SocketClient client(world_->port());
  EXPECT_EQ(client.upgrade("/ws"), 409);
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(2));
  EXPECT_EQ(span_of(spans, "claim").failure, "refused");
  EXPECT_EQ(span_of(spans, "connect").failure, "stale_attempt");
}

TEST_F(AllTraced, ABackendThatIsAwayShowsInTheStepAndTheRestGoesOn) {
  world_->backend.answer_open({BackendResult::kUnavailable, "away"});
  SocketClient client(world_->port());
  be_ready(client, "/ws");
  const auto spans = exported();
  EXPECT_EQ(span_of(spans, "open").failure, "not taken");
  EXPECT_EQ(span_of(spans, "ready").failure, "");
  EXPECT_EQ(span_of(spans, "connect").failure, "");
}

TEST_F(Traced, TheStepsAreMeasuredWhetherTracedOrNot) {
  begin(nullptr);
  live(sampled);
  EXPECT_EQ(claims_.at(0), sampled) << "it is passed on all the same";
  for (const char* step : {"claim", "accept", "open", "ready"}) {
    EXPECT_THAT(world_->metrics(), HasSubstr("interlock_handshake_step_seconds_count{step=\"" +
                                             std::string(step) + "\"} 1\n"));
  }
}

}  // namespace
}  // namespace interlock
