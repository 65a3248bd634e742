// The exact text that a collector is sent.
#include "common/otlp_json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

namespace interlock {
namespace {

namespace json = boost::json;

Span a_span() {
  Span span;
  span.context = *parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  span.parent_span_id = 0xab;
  span.name = "claim";
  span.kind = SpanKind::kClient;
  span.start_unix_ns = 1'764'225'000'123'456'789;
  span.end_unix_ns = 1'764'225'000'123'456'999;
  return span;
}

TEST(OtlpJson, ARequestIsWhatTheProtocolSays) {
  Span span = a_span();
  span.attributes = {{"interlock.key", "alice:tab"},
                     {"interlock.generation", std::int64_t{9'007'199'254'740'993}},
                     {"interlock.resumed", true}};
  const json::value expected = json::parse(R"({"resourceSpans": [{
    "resource": {"attributes": [
      {"key": "service.name", "value": {"stringValue": "interlock-gateway"}},
      {"key": "service.version", "value": {"stringValue": "0.1.0"}},
      {"key": "service.instance.id", "value": {"stringValue": "g1"}}]},
    "scopeSpans": [{
      "scope": {"name": "interlock"},
      "spans": [{
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "parentSpanId": "00000000000000ab",
        "name": "claim",
        "kind": 3,
        "startTimeUnixNano": "1764225000123456789",
        "endTimeUnixNano": "1764225000123456999",
        "attributes": [
          {"key": "interlock.key", "value": {"stringValue": "alice:tab"}},
          {"key": "interlock.generation", "value": {"intValue": "9007199254740993"}},
          {"key": "interlock.resumed", "value": {"boolValue": true}}]
      }]
    }]
  }]})");
  const SpanSource source{"interlock-gateway", "0.1.0", "g1"};
  EXPECT_EQ(json::parse(otlp_request(source, {otlp_span(span)})), expected);
}

TEST(OtlpJson, SeveralSpansStandInOneList) {
  const std::string one = otlp_span(a_span());
  const json::value request = json::parse(otlp_request({"s", "v", "i"}, {one, one, one}));
  const json::value& scope = request.at("resourceSpans").at(0).at("scopeSpans").at(0);
  EXPECT_EQ(scope.at("spans").as_array().size(), 3u);
}

TEST(OtlpJson, ARootHasNoParentAndWhatFailedSaysWhy) {
  Span span = a_span();
  span.parent_span_id = 0;
  span.kind = SpanKind::kServer;
  span.failure = "kicked";
  const json::value said = json::parse(otlp_span(span));
  EXPECT_FALSE(said.as_object().contains("parentSpanId"));
  EXPECT_EQ(said.at("kind"), 2);
  EXPECT_EQ(said.at("status"), json::parse(R"({"code":2,"message":"kicked"})"));
  EXPECT_FALSE(json::parse(otlp_span(a_span())).as_object().contains("status"));
}

TEST(OtlpJson, NothingEndsBeforeItBeganAlthoughClocksAreSet) {
  Span span = a_span();
  span.end_unix_ns = span.start_unix_ns - 1;
  const json::value said = json::parse(otlp_span(span));
  EXPECT_EQ(said.at("endTimeUnixNano"), said.at("startTimeUnixNano"));
}

TEST(OtlpJson, WhatIsTooMuchIsLeftOut) {
  Span span = a_span();
  for (int i = 0; i < 20; ++i) {
    span.attributes.push_back({"interlock.key", std::string(10'000, 'x') + "\xff"});
  }
  span.failure = std::string(10'000, 'y');
  const json::value said = json::parse(otlp_span(span));
  ASSERT_EQ(said.at("attributes").as_array().size(), span_attributes_max);
  const json::value& first = said.at("attributes").at(0).at("value").at("stringValue");
  EXPECT_EQ(first.as_string().size(), span_text_bytes_max);
  EXPECT_EQ(said.at("status").at("message").as_string().size(), span_text_bytes_max);
}

}  // namespace
}  // namespace interlock
