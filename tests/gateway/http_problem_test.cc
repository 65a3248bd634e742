// How refusals and failures are said over HTTP.
#include "gateway/http_problem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "gateway/api_answer.h"

namespace interlock {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

boost::json::object body_of(const HttpAnswer& answer) {
  return boost::json::parse(answer.body).as_object();
}

std::string text(const boost::json::object& body, const char* name) {
  const boost::json::string& value = body.at(name).as_string();
  return {value.data(), value.size()};
}

std::uint64_t number(const boost::json::object& body, const char* name) {
  return body.at(name).to_number<std::uint64_t>();
}

HttpAnswer answer_to(const std::function<void(v1::Refusal&)>& fill) {
  ApiFailure failure{absl::AbortedError("what happened"), v1::Refusal()};
  fill(*failure.refusal);
  return to_answer(problem_of(failure));
}

HttpAnswer answer_to(absl::Status status) {
  return to_answer(problem_of({std::move(status), std::nullopt}));
}

TEST(HttpProblem, HasTheMembersOfRfc9457AndTheReason) {
  const HttpAnswer answer = answer_to([](v1::Refusal& r) { r.mutable_not_found(); });
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.content_type, "application/problem+json");
  const boost::json::object body = body_of(answer);
  EXPECT_EQ(text(body, "type"), "about:blank");
  EXPECT_EQ(text(body, "title"), "Not Found");
  EXPECT_EQ(number(body, "status"), 404u);
  EXPECT_EQ(text(body, "reason"), "NOT_FOUND");
  EXPECT_THAT(text(body, "detail"), HasSubstr("What happened. Check the key"));
}

TEST(HttpProblem, EachReasonHasItsStatus) {
  const std::vector<std::tuple<std::function<void(v1::Refusal&)>, int, std::string>> table = {
      {[](auto& r) { r.mutable_gone(); }, 410, "GONE"},
      {[](auto& r) { r.mutable_unknown_run(); }, 409, "UNKNOWN_RUN"},
      {[](auto& r) { r.mutable_out_of_order(); }, 409, "OUT_OF_ORDER"},
      {[](auto& r) { r.mutable_already_accepted(); }, 409, "ALREADY_ACCEPTED"},
      {[](auto& r) { r.mutable_resource_exhausted(); }, 429, "RESOURCE_EXHAUSTED"},
      {[](auto& r) { r.mutable_invalid_argument(); }, 400, "INVALID_ARGUMENT"},
      {[](auto& r) { r.mutable_permission_denied(); }, 403, "PERMISSION_DENIED"},
      {[](auto& r) { r.mutable_store_away(); }, 503, "STORE_AWAY"},
      {[](auto& r) { r.mutable_not_now(); }, 503, "NOT_NOW"},
      {[](auto& r) { r.mutable_stale_generation(); }, 409, "STALE_GENERATION"}};
  for (const auto& [fill, status, reason] : table) {
    const HttpAnswer answer = answer_to(fill);
    EXPECT_EQ(answer.status, status) << reason;
    EXPECT_EQ(text(body_of(answer), "reason"), reason);
    EXPECT_FALSE(phrase_of(answer.status).empty()) << status;
  }
}

TEST(HttpProblem, WhatTheCallerGoesOnWithIsAMember) {
  const auto order =
      body_of(answer_to([](auto& r) { r.mutable_out_of_order()->set_last_number(7); }));
  EXPECT_EQ(number(order, "last_number"), 7u);
  const auto before = body_of(answer_to([](auto& r) {
    r.mutable_already_accepted()->set_last_number(9);
    r.mutable_already_accepted()->set_last_sequence(12);
  }));
  EXPECT_EQ(number(before, "last_number"), 9u);
  EXPECT_EQ(number(before, "last_sequence"), 12u);
  const HttpAnswer full = answer_to([](auto& r) {
    r.mutable_resource_exhausted()->set_limit("outbox_events_max");
    r.mutable_resource_exhausted()->set_value(1000);
  });
  EXPECT_EQ(text(body_of(full), "limit"), "outbox_events_max");
  EXPECT_EQ(number(body_of(full), "value"), 1000u);
  EXPECT_THAT(full.fields, Contains(Pair("Retry-After", "1")));
}

TEST(HttpProblem, WhoMayComeBackIsToldWhen) {
  const HttpAnswer away = answer_to([](auto& r) { r.mutable_store_away()->set_after_ms(2'001); });
  EXPECT_THAT(away.fields, Contains(Pair("Retry-After", "3")));
  for (const auto& status :
       {absl::UnavailableError("x"), absl::DeadlineExceededError("x"), absl::CancelledError("x")}) {
    const HttpAnswer answer = answer_to(status);
    EXPECT_EQ(answer.status, 503);
    EXPECT_THAT(answer.fields, Contains(Pair("Retry-After", "1")));
  }
  const HttpAnswer gone = answer_to([](auto& r) { r.mutable_gone(); });
  EXPECT_THAT(gone.fields, Not(Contains(Pair("Retry-After", testing::_))));
}

TEST(HttpProblem, AStatusWithoutDetailsHasItsMeaningToo) {
  const HttpAnswer unknown = answer_to(absl::UnauthenticatedError("no token"));
  EXPECT_EQ(unknown.status, 401);
  EXPECT_THAT(unknown.fields, Contains(Pair("WWW-Authenticate", "Bearer")));
  EXPECT_EQ(answer_to(absl::PermissionDeniedError("no role")).status, 403);
  EXPECT_EQ(answer_to(absl::ResourceExhaustedError("full")).status, 429);
  // What a defect says is for the log of who has it.
  const HttpAnswer defect = answer_to(absl::InternalError("secret"));
  EXPECT_EQ(defect.status, 500);
  EXPECT_THAT(defect.body, Not(HasSubstr("secret")));
}

TEST(HttpProblem, TextOfOthersIsMadeUtf8) {
  const HttpAnswer answer = answer_to(absl::PermissionDeniedError("bad \xff byte"));
  EXPECT_THAT(text(body_of(answer), "detail"), HasSubstr("Bad \xef\xbf\xbd byte"));
}

TEST(ApiAnswer, AReceiptAndAConnectionAreJson) {
  v1::Receipt receipt;
  receipt.set_sequence(5);
  receipt.set_sequence_since(1'764'000'000'000'001);
  receipt.set_state(v1::PROCESSING);
  receipt.set_repeated(true);
  EXPECT_EQ(receipt_answer(receipt).body,
            R"({"sequence":5,"sequence_since":1764000000000001,"state":"PROCESSING",)"
            "\"repeated\":true}\n");
  v1::Connection connection;
  connection.set_key("alice:s");
  connection.set_state(v1::IDLE);
  connection.set_owner("somebody");
  connection.set_last_seq(9);
  const auto body = body_of(connection_answer(connection));
  EXPECT_EQ(text(body, "state"), "IDLE");
  EXPECT_EQ(number(body, "last_seq"), 9u);
  EXPECT_TRUE(body.at("owned").as_bool());
  EXPECT_FALSE(body.contains("owner"));
}

}  // namespace
}  // namespace interlock
