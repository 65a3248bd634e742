#include "common/span_exporter.h"

#include <pthread.h>

#include <csignal>
#include <utility>

#include "common/log.h"

namespace interlock {

SpanExporter::SpanExporter(const std::string& url, SpanSource source, Metrics& metrics,
                           const SpanExportLimits& limits)
    : source_(std::move(source)),
      limits_(limits),
      call_(url, {"Content-Type: application/json"}),
      exported_(metrics.counter("interlock_spans_exported_total",
                                "Spans of traces that the collector has taken.")),
      dropped_(metrics.counter(
          "interlock_spans_dropped_total",
          "Spans of traces that were lost: too many waited, or the collector did not take them.")),
      failed_(metrics.counter("interlock_span_exports_failed_total",
                              "Requests with spans that the collector did not take.")) {
  thread_ = std::thread([this] { run(); });
}

SpanExporter::~SpanExporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  call_.end_by(HttpCall::Clock::now() + limits_.farewell);
  news_.notify_one();
  thread_.join();
}

void SpanExporter::submit(Span span) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= limits_.queue_spans_max) return drop();
    queue_.push_back(std::move(span));
    // The thread wakes for the first one, and for as many as fill a request.
    if (queue_.size() != 1 && queue_.size() != limits_.batch_spans_max) return;
  }
  news_.notify_one();
}

void SpanExporter::run() {
  // A collector that has gone in the middle of a TLS connection would end the process otherwise.
  sigset_t broken_pipe;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
  std::deque<Span> spans;
  while (take(spans)) {
    while (!spans.empty()) send_batch(spans);
  }
}

// Everything that waits, once it is worth a request or the first of it has waited long enough.
bool SpanExporter::take(std::deque<Span>& spans) {
  std::unique_lock lock(mutex_);
  news_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
  news_.wait_for(lock, limits_.interval,
                 [this] { return stopping_ || queue_.size() >= limits_.batch_spans_max; });
  spans.swap(queue_);
  return !spans.empty() || !stopping_;
}

void SpanExporter::send_batch(std::deque<Span>& spans) {
  std::vector<std::string> batch;
  std::size_t bytes = 0;
  while (!spans.empty() && batch.size() < limits_.batch_spans_max &&
         bytes < limits_.batch_bytes_max) {
    batch.push_back(otlp_span(spans.front()));
    bytes += batch.back().size();
    spans.pop_front();
  }
  tell(call_.post(otlp_request(source_, batch), limits_.timeout), batch.size());
}

void SpanExporter::tell(const HttpOutcome& outcome, std::size_t spans) {
  const bool taken = outcome.status >= 200 && outcome.status < 300;
  if (taken) {
    exported_.Increment(static_cast<double>(spans));
  } else {
    dropped_.Increment(static_cast<double>(spans));
    failed_.Increment();
  }
  if (std::exchange(failing_, !taken) == !taken) return;
  if (taken) return log_notice("The collector takes spans again.");
  log_warning("The collector does not take spans; they are dropped.",
              {{"status", outcome.status}, {"error", outcome.error}});
}

}  // namespace interlock
