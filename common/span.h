// One step that is over, as a trace shows it.
//
// A value. What is said of it is little: names, numbers and the connection's key; never what
// clients and backends send each other, and never a token.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/trace_context.h"

namespace interlock {

inline constexpr std::size_t span_attributes_max = 8;  // the rest is left out
inline constexpr std::size_t span_text_bytes_max = 256;  // of an attribute or a failure; then cut

// The numbers of OpenTelemetry's SpanKind.
enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kClient = 3 };

struct SpanAttribute {
  std::string_view name;  // a literal of ours
  std::variant<std::string, std::int64_t, bool> value;
};

struct Span {
  TraceContext context;
  std::uint64_t parent_span_id = 0;  // 0: the trace begins here
  std::string_view name;  // a literal of ours
  SpanKind kind = SpanKind::kInternal;
  std::uint64_t start_unix_ns = 0;
  std::uint64_t end_unix_ns = 0;
  std::vector<SpanAttribute> attributes;
  std::string failure;  // a few words of ours; empty: it went well
};

}  // namespace interlock
