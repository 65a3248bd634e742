#include "common/otlp_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "common/utf8.h"

namespace interlock {
namespace {

namespace json = boost::json;

constexpr int status_error = 2;  // opentelemetry.proto.trace.v1.Status.StatusCode

std::string bounded(std::string_view text) {
  return replace_invalid_utf8(text.substr(0, span_text_bytes_max));
}

json::object value_of(const SpanAttribute& attribute) {
  if (const auto* text = std::get_if<std::string>(&attribute.value)) {
    return {{"stringValue", bounded(*text)}};
  }
  if (const auto* number = std::get_if<std::int64_t>(&attribute.value)) {
    return {{"intValue", std::to_string(*number)}};
  }
  return {{"boolValue", std::get<bool>(attribute.value)}};
}

json::object text_attribute(std::string_view name, std::string_view text) {
  return {{"key", name}, {"value", {{"stringValue", bounded(text)}}}};
}

}  // namespace

std::string otlp_span(const Span& span) {
  json::object out;
  out["traceId"] = span.context.trace_id_text();
  out["spanId"] = span.context.span_id_text();
  if (span.parent_span_id != 0) out["parentSpanId"] = hex_of(span.parent_span_id);
  out["name"] = span.name;
  out["kind"] = static_cast<int>(span.kind);
  out["startTimeUnixNano"] = std::to_string(span.start_unix_ns);
  out["endTimeUnixNano"] = std::to_string(std::max(span.start_unix_ns, span.end_unix_ns));
  json::array attributes;
  const std::size_t count = std::min(span.attributes.size(), span_attributes_max);
  for (std::size_t at = 0; at < count; ++at) {
    const SpanAttribute& attribute = span.attributes[at];
    attributes.push_back({{"key", attribute.name}, {"value", value_of(attribute)}});
  }
  out["attributes"] = std::move(attributes);
  if (!span.failure.empty()) {
    out["status"] = {{"code", status_error}, {"message", bounded(span.failure)}};
  }
  return json::serialize(out);
}

std::string otlp_request(const SpanSource& source, const std::vector<std::string>& spans) {
  const json::array attributes = {text_attribute("service.name", source.service),
                                  text_attribute("service.version", source.version),
                                  text_attribute("service.instance.id", source.instance)};
  std::string out = R"({"resourceSpans":[{"resource":{"attributes":)";
  out += json::serialize(attributes);
  out += R"(},"scopeSpans":[{"scope":{"name":"interlock"},"spans":[)";
  for (std::size_t at = 0; at < spans.size(); ++at) {
    if (at > 0) out += ',';
    out += spans[at];
  }
  out += "]}]}]}";
  return out;
}

}  // namespace interlock
