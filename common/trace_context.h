// Which trace something belongs to, as W3C Trace Context says it
// (https://www.w3.org/TR/trace-context).
//
// Pure: random numbers are arguments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace interlock {

// The name of the HTTP field and of the gRPC metadata, in lower case.
inline constexpr std::string_view traceparent_name = "traceparent";

// A span within its trace. Ids are never all zero.
struct TraceContext {
  std::uint64_t trace_high = 0;  // the first half of the trace id
  std::uint64_t trace_low = 0;
  std::uint64_t span_id = 0;
  bool sampled = false;  // whoever began the trace wants its spans kept

  // Another span of the same trace.
  TraceContext child(std::uint64_t random) const;
  std::string trace_id_text() const;  // 32 lower-case hexadecimal digits
  std::string span_id_text() const;   // 16

  friend bool operator==(const TraceContext&, const TraceContext&) = default;
};

// 16 lower-case hexadecimal digits.
std::string hex_of(std::uint64_t number);

// The first span of a trace that nobody has begun before. Zeros are made something else.
TraceContext new_trace(std::uint64_t random_high, std::uint64_t random_low,
                       std::uint64_t random_span, bool sampled);

// Nothing when it is none: a bad header is as good as no header, never an error. Versions to come
// are read as far as this one is known (section 3.2.4 there).
std::optional<TraceContext> parse_traceparent(std::string_view text);

// In version 00.
std::string to_traceparent(const TraceContext& context);

// Whether a trace with this id is among those that are kept, of which there are `ratio`, 0 to 1. By
// the last 56 bits of the trace id, so that all who ask with the same ratio say the same.
bool sampled_by_ratio(std::uint64_t trace_low, double ratio);

}  // namespace interlock
