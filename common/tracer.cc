#include "common/tracer.h"

#include <chrono>
#include <random>
#include <utility>

namespace interlock {
namespace {

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

std::uint64_t unix_ns_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

Tracer::Tracer(SpanExporter* exporter, double sample_ratio)
    : exporter_(exporter), sample_ratio_(sample_ratio), state_(random_seed()) {}

// SplitMix64 (Steele, Lea, Flood 2014): its whole state is one number, so threads share it without
// a lock. Ids have to be different, not secret.
std::uint64_t Tracer::random() {
  constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;
  std::uint64_t mixed = state_.fetch_add(golden, std::memory_order_relaxed) + golden;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return mixed ^ mixed >> 31;
}

OpenSpan Tracer::below(const TraceContext& parent) {
  if (exporter_ == nullptr || !parent.sampled) return {.context = parent};
  return {.context = parent.child(random()),
          .parent_span_id = parent.span_id,
          .start_unix_ns = unix_ns_now(),
          .recorded = true};
}

std::optional<OpenSpan> Tracer::follow(std::string_view traceparent) {
  if (traceparent.empty()) return std::nullopt;
  const auto parent = parse_traceparent(traceparent);
  if (!parent) return std::nullopt;
  return below(*parent);
}

std::optional<OpenSpan> Tracer::enter(std::string_view traceparent) {
  if (auto span = follow(traceparent)) return span;
  if (exporter_ == nullptr) return std::nullopt;
  const std::uint64_t low = random();
  if (!sampled_by_ratio(low, sample_ratio_)) return std::nullopt;
  return OpenSpan{.context = new_trace(random(), low, random(), true),
                  .start_unix_ns = unix_ns_now(),
                  .recorded = true};
}

OpenSpan Tracer::step(const OpenSpan& outer) { return below(outer.context); }

void Tracer::end(const OpenSpan& span, Span said) {
  if (!span.recorded) return;
  said.context = span.context;
  said.parent_span_id = span.parent_span_id;
  said.start_unix_ns = span.start_unix_ns;
  said.end_unix_ns = unix_ns_now();
  exporter_->submit(std::move(said));
}

void Tracer::drop(const OpenSpan& span) {
  if (span.recorded) exporter_->drop();
}

}  // namespace interlock
