// Begins spans and hands on those that are over. A service has one.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/span_exporter.h"
#include "common/trace_context.h"

namespace interlock {

// A span that has begun. When it is not recorded, its context is the one that came in: whoever
// reads on sees the caller as the parent, and not a span that nobody knows.
struct OpenSpan {
  TraceContext context;  // what is passed on
  std::uint64_t parent_span_id = 0;
  std::uint64_t start_unix_ns = 0;
  bool recorded = false;

  std::string traceparent() const { return to_traceparent(context); }
};

std::uint64_t unix_ns_now();

// May be used from any thread.
class Tracer {
 public:
  // Without exporter nothing is recorded; what comes in is still passed on, and stands in the log.
  explicit Tracer(SpanExporter* exporter = nullptr, double sample_ratio = 0);

  // For a request from outside. With a good traceparent it belongs to that trace, which says
  // whether it is sampled; otherwise it begins one, if it is among those that are. Nothing: it is
  // not traced.
  std::optional<OpenSpan> enter(std::string_view traceparent);
  // The same for a request whose caller has decided: without a traceparent it is not traced.
  std::optional<OpenSpan> follow(std::string_view traceparent);
  // A step within another span.
  OpenSpan step(const OpenSpan& outer);

  // Of `said` the name, the kind, the attributes and the failure count.
  void end(const OpenSpan& span, Span said);
  // A span that is given up.
  void drop(const OpenSpan& span);

 private:
  std::uint64_t random();
  OpenSpan below(const TraceContext& parent);

  SpanExporter* exporter_;
  double sample_ratio_;
  std::atomic<std::uint64_t> state_;  // of the random numbers
};

}  // namespace interlock
