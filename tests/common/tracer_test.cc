// Which requests are traced, and below which span.
#include "common/tracer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "tests/support/collector.h"

namespace interlock {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const std::string sampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

class Tracing : public testing::Test {
 protected:
  std::vector<SeenSpan> exported() {
    exporter_.reset();
    return collector_.spans();
  }

  Collector collector_;
  Metrics metrics_;
  std::optional<SpanExporter> exporter_{std::in_place, collector_.url(),
                                        SpanSource{"test", "1", "i"}, metrics_};
};

TEST_F(Tracing, WhatComesWithATraceGoesOnInItBelowItsCaller) {
  Tracer tracer(&*exporter_, 0);
  const auto outer = tracer.enter(sampled);
  ASSERT_TRUE(outer);
  const OpenSpan inner = tracer.step(*outer);
  tracer.end(inner, {.name = "claim", .kind = SpanKind::kClient});
  tracer.end(*outer, {.name = "connect", .kind = SpanKind::kServer, .failure = "kicked"});
  const auto spans = exported();
  ASSERT_THAT(spans, SizeIs(2));
  const SeenSpan connect = span_of(spans, "connect");
  const SeenSpan claim = span_of(spans, "claim");
  EXPECT_EQ(connect.trace, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(connect.parent, "b7ad6b7169203331");
  EXPECT_EQ(connect.failure, "kicked");
  EXPECT_EQ(claim.trace, connect.trace);
  EXPECT_EQ(claim.parent, connect.id);
  EXPECT_EQ(inner.traceparent(), "00-" + claim.trace + "-" + claim.id + "-01");
}

TEST_F(Tracing, TheCallersDecisionNotToSampleIsKeptAndItsHeaderPassedOnAsItIs) {
  Tracer tracer(&*exporter_, 1);
  const auto span = tracer.enter(unsampled);
  ASSERT_TRUE(span);
  EXPECT_EQ(span->traceparent(), unsampled);
  EXPECT_EQ(tracer.step(*span).traceparent(), unsampled);
  tracer.end(*span, {.name = "connect"});
  EXPECT_THAT(exported(), IsEmpty());
}

TEST_F(Tracing, WithoutAHeaderOrWithABadOneTheRatioDecides) {
  Tracer all(&*exporter_, 1);
  Tracer none(&*exporter_, 0);
  for (const char* header : {"", "garbage"}) {
    EXPECT_FALSE(none.enter(header));
    const auto span = all.enter(header);
    ASSERT_TRUE(span);
    EXPECT_TRUE(span->recorded);
    EXPECT_EQ(span->parent_span_id, 0u);
  }
}

TEST_F(Tracing, WhoseCallerHasDecidedBeginsNoTraceOfItsOwn) {
  Tracer tracer(&*exporter_, 1);
  EXPECT_FALSE(tracer.follow(""));
  EXPECT_FALSE(tracer.follow("garbage"));
  EXPECT_TRUE(tracer.follow(sampled)->recorded);
}

TEST_F(Tracing, SwitchedOffItOnlyPassesOnWhatComesIn) {
  Tracer tracer;
  EXPECT_FALSE(tracer.enter(""));
  const auto span = tracer.enter(sampled);
  ASSERT_TRUE(span);
  EXPECT_FALSE(span->recorded);
  EXPECT_EQ(tracer.step(*span).traceparent(), sampled);
  tracer.end(*span, {.name = "connect"});
  tracer.drop(*span);
}

TEST_F(Tracing, IdsAreDifferent) {
  Tracer tracer(&*exporter_, 1);
  std::set<std::string> ids;
  for (int i = 0; i < 1'000; ++i) {
    const auto span = tracer.enter("");
    ids.insert(span->context.trace_id_text());
    ids.insert(span->context.span_id_text());
    ids.insert(tracer.step(*span).context.span_id_text());
  }
  EXPECT_THAT(ids, SizeIs(3'000));
}

TEST_F(Tracing, ASpanThatIsGivenUpIsCounted) {
  Tracer tracer(&*exporter_, 1);
  tracer.drop(*tracer.enter(""));
  EXPECT_THAT(metrics_.render(), testing::HasSubstr("\ninterlock_spans_dropped_total 1\n"));
  EXPECT_THAT(exported(), IsEmpty());
}

}  // namespace
}  // namespace interlock
