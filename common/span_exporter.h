// Sends spans to a collector, as OTLP over HTTP, and lets nobody wait for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/http_call.h"
#include "common/metrics.h"
#include "common/otlp_json.h"
#include "common/span.h"

namespace interlock {

struct SpanExportLimits {
  std::size_t queue_spans_max = 4'096;  // that wait; one more is dropped
  std::size_t batch_spans_max = 512;    // of one request
  std::size_t batch_bytes_max = 256 * 1024;  // of one request, about
  std::chrono::milliseconds interval{1'000};  // a span waits no longer for others
  std::chrono::milliseconds timeout{5'000};   // of one request
  std::chrono::milliseconds farewell{1'000};  // at the end; what is left then is dropped
};

// A batch that the collector does not take is not sent again: what is away for a while loses traces
// and nothing else. It is counted, and logged when it begins and when it is over.
class SpanExporter {
 public:
  // `url`: where to post, with its path. The Metrics must outlive it.
  SpanExporter(const std::string& url, SpanSource source, Metrics& metrics,
               const SpanExportLimits& limits = {});
  // Sends what is left, within `farewell`.
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // From any thread; never waits for the collector.
  void submit(Span span);
  // A span that was given up before it came to be one.
  void drop() { dropped_.Increment(); }

 private:
  void run();
  // False at the end.
  bool take(std::deque<Span>& spans);
  void send_batch(std::deque<Span>& spans);
  void tell(const HttpOutcome& outcome, std::size_t spans);

  const SpanSource source_;
  const SpanExportLimits limits_;
  HttpCall call_;
  prometheus::Counter& exported_;
  prometheus::Counter& dropped_;
  prometheus::Counter& failed_;
  bool failing_ = false;  // as it was logged last

  std::mutex mutex_;  // of the two below
  std::deque<Span> queue_;
  bool stopping_ = false;
  std::condition_variable news_;
  std::thread thread_;
};

}  // namespace interlock
