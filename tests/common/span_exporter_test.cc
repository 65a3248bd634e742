// Spans on their way to a collector that takes them, refuses them, is silent, or is not there.
#include "common/span_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "tests/support/collector.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

Span numbered(std::uint64_t number) {
  Span span;
  span.context = new_trace(1, 2, number, true);
  span.name = "claim";
  return span;
}

class Exporting : public testing::Test {
 protected:
  SpanExporter& start(const std::string& url, const SpanExportLimits& limits = {}) {
    return exporter_.emplace(url, SpanSource{"test", "1", "i"}, metrics_, limits);
  }
  milliseconds end() {
    const auto begun = Clock::now();
    exporter_.reset();
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begun);
  }
  void submit(std::uint64_t count) {
    for (std::uint64_t number = 1; number <= count; ++number) exporter_->submit(numbered(number));
  }
  std::string shown(const std::string& name) const {
    const std::string text = metrics_.render();
    const auto at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "not there";
    return text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }
  bool soon(const std::string& name, const std::string& value) const {
    const auto deadline = Clock::now() + std::chrono::seconds(15);
    while (shown(name) != value && Clock::now() < deadline) std::this_thread::yield();
    return shown(name) == value;
  }

  static constexpr const char* exported = "interlock_spans_exported_total";
  static constexpr const char* dropped = "interlock_spans_dropped_total";
  static constexpr const char* failed = "interlock_span_exports_failed_total";
  Metrics metrics_;
  std::optional<SpanExporter> exporter_;
};

TEST_F(Exporting, ASpanArrivesAsJsonWithinTheInterval) {
  const Collector collector;
  start(collector.url(), {.interval = milliseconds(20)});
  submit(1);
  const auto spans = collector.wait_for(1);
  ASSERT_THAT(spans, SizeIs(1));
  EXPECT_EQ(spans[0].trace, "00000000000000010000000000000002");
  EXPECT_EQ(collector.requests()[0].line, "POST /v1/traces HTTP/1.1");
  EXPECT_EQ(collector.requests()[0].fields.at("content-type"), "application/json");
  EXPECT_TRUE(soon(exported, "1"));
}

TEST_F(Exporting, AFullBatchDoesNotWaitForTheInterval) {
  const Collector collector;
  start(collector.url(), {.batch_spans_max = 10, .interval = std::chrono::hours(1)});
  submit(10);
  EXPECT_THAT(collector.wait_for(10), SizeIs(10));
  EXPECT_THAT(collector.requests(), SizeIs(1));
}

TEST_F(Exporting, ARequestIsLimitedInSpansAndBytes) {
  const Collector collector;
  start(collector.url(), {.batch_spans_max = 10, .interval = std::chrono::hours(1)});
  submit(25);
  end();
  EXPECT_THAT(collector.spans(), SizeIs(25));
  for (const auto& request : collector.requests()) {
    const auto body = boost::json::parse(request.body);
    const auto& scope = body.at("resourceSpans").at(0).at("scopeSpans").at(0);
    EXPECT_LE(scope.at("spans").as_array().size(), 10u);
  }
  const std::size_t before = collector.requests().size();
  start(collector.url(), {.batch_bytes_max = 1'000, .interval = std::chrono::hours(1)});
  submit(25);
  end();
  EXPECT_THAT(collector.spans(), SizeIs(50));
  EXPECT_GE(collector.requests().size() - before, 3u);
  for (const auto& request : collector.requests()) EXPECT_LT(request.body.size(), 4'000u);
}

TEST_F(Exporting, WhatWaitsIsLimitedAndTheRestIsCounted) {
  const Collector collector;
  start(collector.url(), {.queue_spans_max = 100, .interval = std::chrono::hours(1)});
  submit(1'000);
  EXPECT_EQ(shown(dropped), "900");
  end();
  EXPECT_EQ(shown(exported), "100");
  EXPECT_THAT(collector.spans(), SizeIs(100));
}

TEST_F(Exporting, ACollectorThatIsAwayHarmsNobodyAndIsCounted) {
  start("http://127.0.0.1:" + std::to_string(free_port()) + "/v1/traces",
        {.interval = milliseconds(1)});
  submit(3);
  EXPECT_TRUE(soon(dropped, "3"));
  EXPECT_NE(shown(failed), "0");
  EXPECT_EQ(shown(exported), "0");
  EXPECT_LT(end(), milliseconds(900));
}

TEST_F(Exporting, ACollectorThatRefusesIsCountedToo) {
  const Collector collector(503);
  start(collector.url(), {.interval = milliseconds(1)});
  submit(2);
  EXPECT_TRUE(soon(dropped, "2"));
  EXPECT_EQ(shown(exported), "0");
}

// It takes the connection, and says nothing.
class SilentCollector {
 public:
  SilentCollector()
      : server_([this](const WebhookRequest&, const WebhookWrite&) {
          while (!server_.stopping()) std::this_thread::yield();
        }) {}
  std::string url() const { return server_.url(); }
  bool asked() const { return !server_.requests().empty(); }

 private:
  WebhookServer server_;
};

TEST_F(Exporting, ASilentCollectorHoldsUpNeitherItsCallersNorTheEnd) {
  const SilentCollector collector;
  start(collector.url(), {.queue_spans_max = 10,
                          .batch_spans_max = 1,
                          .interval = milliseconds(1),
                          .timeout = std::chrono::hours(1),
                          .farewell = milliseconds(200)});
  submit(1);
  const auto deadline = Clock::now() + std::chrono::seconds(15);
  while (!collector.asked() && Clock::now() < deadline) std::this_thread::yield();
  ASSERT_TRUE(collector.asked());
  const auto begun = Clock::now();
  submit(1'000);
  EXPECT_LT(Clock::now() - begun, milliseconds(500)) << "callers waited";
  const milliseconds took = end();
  EXPECT_GE(took, milliseconds(150)) << "what is left gets its time";
  EXPECT_LT(took, milliseconds(1'000));
  EXPECT_EQ(shown(dropped), "1001");
}

TEST_F(Exporting, ARequestThatIsNotAnsweredInTimeIsGivenUp) {
  const SilentCollector collector;
  start(collector.url(), {.interval = milliseconds(1), .timeout = milliseconds(50)});
  submit(1);
  EXPECT_TRUE(soon(failed, "1"));
  EXPECT_EQ(shown(dropped), "1");
}

TEST_F(Exporting, TheEndSendsWhatIsLeft) {
  const Collector collector;
  start(collector.url(), {.interval = std::chrono::hours(1)});
  submit(7);
  EXPECT_LT(end(), milliseconds(900));
  EXPECT_THAT(collector.spans(), SizeIs(7));
  EXPECT_EQ(shown(exported), "7");
}

TEST_F(Exporting, WithoutSpansNothingIsSent) {
  const Collector collector;
  start(collector.url(), {.interval = milliseconds(1)});
  EXPECT_LT(end(), milliseconds(500));
  EXPECT_THAT(collector.requests(), SizeIs(0));
}

}  // namespace
}  // namespace interlock
