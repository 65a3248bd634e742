// What requests of the HTTP API are taken for, and how they are refused.
#include "gateway/api_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace interlock {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view events_target = "/v1/connections/alice:s/events";

HttpRequest publish_head(std::string_view target = events_target) {
  return {"POST", target, 11, {{"Content-Type", "application/json"}, {"Idempotency-Key", "k1"}}};
}

ApiCall accepted(const HttpRequest& request) {
  const auto read = read_api_head(request);
  const auto* problem = std::get_if<HttpProblem>(&read);
  EXPECT_EQ(problem, nullptr) << request.target << ": " << problem->detail;
  return problem == nullptr ? std::get<ApiCall>(read) : ApiCall{};
}

HttpProblem refused(const HttpRequest& request) {
  const auto read = read_api_head(request);
  EXPECT_TRUE(std::holds_alternative<HttpProblem>(read)) << request.target;
  return std::holds_alternative<HttpProblem>(read) ? std::get<HttpProblem>(read) : HttpProblem{};
}

v1::PublishRequest event_in(std::string_view body, const HttpRequest& head = publish_head()) {
  const auto read = read_publish(accepted(head), body);
  const auto* problem = std::get_if<HttpProblem>(&read);
  EXPECT_EQ(problem, nullptr) << body << ": " << problem->detail;
  return problem == nullptr ? std::get<v1::PublishRequest>(read) : v1::PublishRequest{};
}

HttpProblem fault_in(std::string_view body, const HttpRequest& head = publish_head()) {
  const auto read = read_publish(accepted(head), body);
  EXPECT_TRUE(std::holds_alternative<HttpProblem>(read)) << body;
  return std::holds_alternative<HttpProblem>(read) ? std::get<HttpProblem>(read) : HttpProblem{};
}

// ---- the head ----

TEST(ApiRequest, OnlyWhatLiesBelowV1IsForTheApi) {
  EXPECT_TRUE(is_api_target("/v1/connections/a:s"));
  EXPECT_FALSE(is_api_target("/ws"));
  EXPECT_FALSE(is_api_target("/v1"));
  EXPECT_FALSE(is_api_target("/"));
}

TEST(ApiRequest, TheKeyIsDecodedOnce) {
  EXPECT_EQ(accepted({"GET", "/v1/connections/a%2Fb%40c:s-1", 11, {}}).key, "a/b@c:s-1");
  // A subject's space is %20 in the key already, so its percent sign is encoded again.
  EXPECT_EQ(accepted({"GET", "/v1/connections/a%2520b%3As?x=/y", 11, {}}).key, "a%20b:s");
  for (const std::string_view target :
       {"/v1/connections/a%", "/v1/connections/a%4", "/v1/connections/a%zz:s", "/v1/connections/a",
        "/v1/connections/a%20b:s", "/v1/connections/%ff:s", "/v1/connections/a:s%00"}) {
    const HttpProblem problem = refused({"GET", target, 11, {}});
    EXPECT_EQ(problem.status, 400) << target;
    EXPECT_EQ(problem.reason, "INVALID_ARGUMENT") << target;
  }
}

TEST(ApiRequest, OtherPathsAreNotThere) {
  for (const std::string_view target :
       {"/v1/", "/v1/connections", "/v1/connections/", "/v1/connections//events",
        "/v1/connections/a/b:s", "/v1/connections/a:s/event", "/v1/other/a:s"}) {
    EXPECT_EQ(refused({"GET", target, 11, {}}).status, 404) << target;
  }
}

TEST(ApiRequest, AnotherMethodIsToldWhichThereAre) {
  const HttpProblem events = refused({"GET", events_target, 11, {}});
  EXPECT_EQ(events.status, 405);
  EXPECT_EQ(events.allow, "POST");
  const HttpProblem connection = refused({"DELETE", "/v1/connections/a:s", 11, {}});
  EXPECT_EQ(connection.status, 405);
  EXPECT_EQ(connection.allow, "GET, HEAD");
  EXPECT_FALSE(accepted({"HEAD", "/v1/connections/a:s", 11, {}}).with_body);
  EXPECT_TRUE(accepted({"GET", "/v1/connections/a:s", 11, {}}).with_body);
}

TEST(ApiRequest, TheTokenIsTheCallersAndCanBeNoHeaderOfItsOwn) {
  const std::string_view target = "/v1/connections/a:s";
  EXPECT_EQ(accepted({"GET", target, 11, {{"authorization", "bearer secret-1"}}}).token,
            "secret-1");
  EXPECT_EQ(accepted({"GET", target, 11, {}}).token, "");
  const std::string long_token = "Bearer " + std::string(api_token_bytes_max + 1, 'x');
  for (const std::string_view bad :
       {std::string_view("Basic eDp5"), std::string_view("Bearer a b"),
        std::string_view("Bearer a\x01"), std::string_view("Bearer \xc3\xa4"),
        std::string_view(long_token)}) {
    EXPECT_EQ(refused({"GET", target, 11, {{"Authorization", bad}}}).status, 401) << bad;
  }
}

TEST(ApiRequest, ABodyMustSayThatItIsJson) {
  HttpRequest head = publish_head();
  head.fields[0].value = "Application/JSON ; charset=utf-8";
  accepted(head);
  for (const std::string_view type : {"text/plain", "", "application/jsonp"}) {
    head.fields[0].value = type;
    EXPECT_EQ(refused(head).status, 415) << type;
  }
}

TEST(ApiRequest, AnIdempotencyKeyMayBeInQuotesAndIsBounded) {
  HttpRequest head = publish_head();
  head.fields[1].value = "\"a-b\"";
  EXPECT_EQ(accepted(head).idempotency_key, "a-b");
  const std::string longest(idempotency_key_bytes_max, 'k');
  const std::string longer = longest + "k";
  head.fields[1].value = longest;
  EXPECT_EQ(accepted(head).idempotency_key, longest);
  for (const std::string_view bad :
       {std::string_view(longer), std::string_view("a b"), std::string_view("\xc3\xa4")}) {
    head.fields[1].value = bad;
    EXPECT_EQ(refused(head).status, 400) << bad;
  }
}

// ---- the body ----

TEST(ApiRequest, AnEventIsTakenWithItsDataByteForByte) {
  const auto event = event_in(
      " {\"data\" : {\"n\": 1.50, \"u\":\"\\u00e4\"} ,\"type\":\"no\\u0074e\", \"ttl_ms\":1500}\n");
  EXPECT_EQ(event.key(), "alice:s");
  EXPECT_EQ(event.type(), "note");
  EXPECT_EQ(event.payload(), "{\"n\": 1.50, \"u\":\"\\u00e4\"}");
  EXPECT_EQ(event.idempotency_key(), "k1");
  EXPECT_EQ(event.ttl_ms(), 1500u);
  EXPECT_EQ(event.run(), "");
  EXPECT_EQ(event_in(R"({"type":"t","data":null})").payload(), "null");
}

TEST(ApiRequest, AnEventOfARunNeedsItsNumberAndNoIdempotencyKey) {
  HttpRequest head = publish_head();
  head.fields.pop_back();
  const auto event = event_in(
      R"({"type":"agent_started","data":{},"run":"r1","number":18446744073709551615})", head);
  EXPECT_EQ(event.run(), "r1");
  EXPECT_EQ(event.number(), 18446744073709551615u);
  EXPECT_THAT(fault_in(R"({"type":"t","data":{},"run":"r1"})", head).detail, HasSubstr("number"));
  EXPECT_THAT(fault_in(R"({"type":"t","data":{},"number":1})", head).detail, HasSubstr("run"));
  EXPECT_THAT(fault_in(R"({"type":"t","data":{}})", head).detail, HasSubstr("Idempotency-Key"));
}

TEST(ApiRequest, WhatIsNotAnEventIsRefusedWithWhatToDo) {
  const std::string deep =
      R"({"type":"t","data":)" + std::string(65, '[') + std::string(65, ']') + "}";
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string("1"),
        std::string("{\"type\":\"t\",\"data\":\"\xff\"}"), std::string(R"({"type":"t","data":1}x)"),
        std::string(R"({"data":1})"), std::string(R"({"type":7,"data":1})"),
        std::string(R"({"type":"t"})"), std::string(R"({"type":"t","data":1,"run":2,"number":1})"),
        std::string(R"({"type":"t","data":1,"run":"r","number":"1"})"),
        std::string(R"({"type":"t","data":1,"run":"r","number":-1})"),
        std::string(R"({"type":"t","data":1,"run":"r","number":1.5})"),
        std::string(R"({"type":"t","data":1,"ttl_ms":"1s"})"),
        std::string(R"({"type":"t","data":1,"ttl":1})"),
        std::string(R"({"type":"t","data":1,"data":2})"), deep}) {
    const HttpProblem problem = fault_in(body);
    EXPECT_EQ(problem.status, 400) << body;
    EXPECT_EQ(problem.reason, "INVALID_ARGUMENT") << body;
    EXPECT_FALSE(problem.detail.empty()) << body;
  }
  const std::string deepest =
      R"({"type":"t","data":)" + std::string(64, '[') + std::string(64, ']') + "}";
  event_in(deepest);
}

TEST(ApiRequest, TheDataMayBeAsLongAsTheCoordinatorTakesAndNotLonger) {
  const auto body_with = [](std::size_t data_bytes) {
    return R"({"type":"t","data":")" + std::string(data_bytes - 2, 'x') + "\"}";
  };
  EXPECT_EQ(event_in(body_with(event_data_bytes_max)).payload().size(), event_data_bytes_max);
  EXPECT_EQ(fault_in(body_with(event_data_bytes_max + 1)).status, 413);
}

TEST(ApiRequest, ATraceparentGoesOnWithTheEventAndABadOneIsNone) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  HttpRequest head = publish_head();
  head.fields.push_back({"Traceparent", good});
  EXPECT_EQ(event_in(R"({"type":"note","data":1})", head).traceparent(), good);
  head.fields.back().value = "garbage";
  EXPECT_EQ(event_in(R"({"type":"note","data":1})", head).traceparent(), "");
  EXPECT_EQ(event_in(R"({"type":"note","data":1})").traceparent(), "");
}

}  // namespace
}  // namespace interlock
