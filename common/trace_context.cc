#include "common/trace_context.h"

#include <cmath>

namespace interlock {
namespace {

constexpr std::size_t trace_at = 3;  // version and dash
constexpr std::size_t span_at = 36;
constexpr std::size_t flags_at = 53;
constexpr std::size_t version_00_bytes = 55;
constexpr std::uint64_t sampled_flag = 1;

// Upper case is refused, as the standard wants it.
std::optional<std::uint64_t> number_of(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) {
    std::uint64_t digit = 0;
    if ('0' <= c && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if ('a' <= c && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a') + 10;
    } else {
      return std::nullopt;
    }
    number = number << 4 | digit;
  }
  return number;
}

std::uint64_t not_zero(std::uint64_t number) { return number == 0 ? 1 : number; }

bool has_the_right_shape(std::string_view text) {
  if (text.size() < version_00_bytes || text[trace_at - 1] != '-' || text[span_at - 1] != '-' ||
      text[flags_at - 1] != '-') {
    return false;
  }
  const std::string_view version = text.substr(0, 2);
  if (!number_of(version) || version == "ff") return false;
  if (text.size() == version_00_bytes) return true;
  return version != "00" && text[version_00_bytes] == '-';
}

}  // namespace

std::string hex_of(std::uint64_t number) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t at = text.size(); at > 0; number >>= 4) text[--at] = digits[number & 15];
  return text;
}

TraceContext TraceContext::child(std::uint64_t random) const {
  TraceContext context = *this;
  context.span_id = not_zero(random);
  return context;
}

std::string TraceContext::trace_id_text() const { return hex_of(trace_high) + hex_of(trace_low); }

std::string TraceContext::span_id_text() const { return hex_of(span_id); }

TraceContext new_trace(std::uint64_t random_high, std::uint64_t random_low,
                       std::uint64_t random_span, bool sampled) {
  return {.trace_high = not_zero(random_high),
          .trace_low = random_low,
          .span_id = not_zero(random_span),
          .sampled = sampled};
}

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  if (!has_the_right_shape(text)) return std::nullopt;
  const auto high = number_of(text.substr(trace_at, 16));
  const auto low = number_of(text.substr(trace_at + 16, 16));
  const auto span = number_of(text.substr(span_at, 16));
  const auto flags = number_of(text.substr(flags_at, 2));
  if (!high || !low || !span || !flags) return std::nullopt;
  if ((*high == 0 && *low == 0) || *span == 0) return std::nullopt;
  return TraceContext{*high, *low, *span, (*flags & sampled_flag) != 0};
}

std::string to_traceparent(const TraceContext& context) {
  return "00-" + context.trace_id_text() + "-" + context.span_id_text() +
         (context.sampled ? "-01" : "-00");
}

bool sampled_by_ratio(std::uint64_t trace_low, double ratio) {
  constexpr int bits = 56;
  const std::uint64_t drawn = trace_low & ((std::uint64_t{1} << bits) - 1);
  return drawn < static_cast<std::uint64_t>(std::ldexp(ratio, bits));
}

}  // namespace interlock
