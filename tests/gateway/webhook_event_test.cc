// What a webhook is sent, how its answers are understood, and where it may be.
#include "gateway/webhook_event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <set>
#include <string>

#include "gateway/webhook_answer.h"

namespace interlock {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::ReceiveRequest message(const std::string& id, const std::string& data = "{}") {
  v1::ReceiveRequest request;
  request.set_key("alice:s");
  request.set_subject("alice \"the first\"");
  request.set_generation(7);
  request.set_message_id(id);
  request.set_data(data);
  return request;
}

std::string text(const boost::json::object& object, const char* name) {
  const auto& value = object.at(name).as_string();
  return {value.data(), value.size()};
}

// ---- the event ----

TEST(WebhookEvent, AMessageIsACloudEventWithItsDataByteForByte) {
  const WebhookEvent event = message_event(message("m\n1", "{\"n\": 1.50}"), 1'764'150'000'123);
  EXPECT_THAT(event.body, HasSubstr("\"data\":{\"n\": 1.50}}}"));
  const auto body = boost::json::parse(event.body).as_object();
  EXPECT_EQ(text(body, "specversion"), "1.0");
  EXPECT_EQ(text(body, "type"), "interlock.v1.message");
  EXPECT_EQ(text(body, "source"), "/interlock");
  EXPECT_EQ(text(body, "id"), event.id);
  EXPECT_EQ(text(body, "subject"), "alice:s");
  EXPECT_EQ(text(body, "time"), "2025-11-26T09:40:00.123Z");
  EXPECT_EQ(text(body, "datacontenttype"), "application/json");
  const auto& data = body.at("data").as_object();
  EXPECT_EQ(data.at("generation").to_number<int>(), 7);
  EXPECT_EQ(text(data, "subject"), "alice \"the first\"");
  EXPECT_EQ(text(data, "message_id"), "m\n1");
}

TEST(WebhookEvent, OpenAndClosedSayTheirGeneration) {
  v1::OpenRequest open;
  open.set_key("alice:s");
  open.set_generation(7);
  open.set_resumed(true);
  const auto opened = boost::json::parse(open_event(open, 0).body).as_object();
  EXPECT_EQ(text(opened, "type"), "interlock.v1.open");
  EXPECT_TRUE(opened.at("data").at("resumed").as_bool());
  v1::ClosedRequest closed;
  closed.set_key("alice:s");
  closed.set_generation(7);
  closed.set_reason(v1::CLIENT_DONE);
  const auto ended = boost::json::parse(closed_event(closed, 0).body).as_object();
  EXPECT_EQ(text(ended, "type"), "interlock.v1.closed");
  EXPECT_EQ(text(ended.at("data").as_object(), "reason"), "CLIENT_DONE");
}

TEST(WebhookEvent, AnIdIsTheSameForARepetitionAndAnotherForAnythingElse) {
  // A message is the same one whatever the generation that carries it.
  v1::ReceiveRequest later = message("m1");
  later.set_generation(8);
  EXPECT_EQ(message_event(message("m1"), 1).id, message_event(later, 2).id);
  v1::ReceiveRequest of_another = message("m1");
  of_another.set_key("bob:s");
  v1::OpenRequest open;
  open.set_key("alice:s");
  open.set_generation(7);
  v1::ClosedRequest closed;
  closed.set_key("alice:s");
  closed.set_generation(7);
  const std::set<std::string> ids = {
      message_event(message("m1"), 1).id, message_event(message("m2"), 1).id,
      message_event(of_another, 1).id, open_event(open, 1).id, closed_event(closed, 1).id};
  EXPECT_EQ(ids.size(), 5u);
}

TEST(WebhookEvent, WhatAClientPutsIntoAnIdCannotBecomeAHeader) {
  const std::string id = message_event(message("x\r\nwebhook-signature: v1,y."), 1).id;
  EXPECT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string::npos);
}

// ---- the signature ----

// The example of the reference libraries of Standard Webhooks.
TEST(WebhookSignature, IsThatOfStandardWebhooks) {
  const auto key = parse_webhook_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(webhook_signature(*key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1'614'265'330,
                              R"({"test": 2432232314})"),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, AKeyIsLongEnoughOrRefusedWithoutBeingQuoted) {
  EXPECT_EQ(parse_webhook_key(" " + std::string(24, 'k') + "\n").value(), std::string(24, 'k'));
  for (const std::string bad : {"", "short-secret", "whsec_c2hvcnQ=", "whsec_!!!!"}) {
    const auto key = parse_webhook_key(bad);
    ASSERT_FALSE(key.ok()) << bad;
    EXPECT_THAT(std::string(key.status().message()), Not(HasSubstr("short-secret")));
  }
}

// ---- the answer ----

WebhookVerdict verdict(long status, std::string content_type = "", std::string body = "",
                       std::uint64_t retry_after_ms = 0) {
  PostAnswer answer;
  answer.outcome = PostOutcome::kAnswered;
  answer.status = status;
  answer.content_type = std::move(content_type);
  answer.body = std::move(body);
  answer.retry_after_ms = retry_after_ms;
  return verdict_of(answer);
}

TEST(WebhookAnswer, EachStatusHasItsMeaning) {
  const std::vector<std::tuple<long, BackendResult, AttemptOutcome>> table = {
      {200, BackendResult::kOk, AttemptOutcome::kAnswered},
      {204, BackendResult::kOk, AttemptOutcome::kAnswered},
      {301, BackendResult::kRejected, AttemptOutcome::kAnswered},
      {400, BackendResult::kRejected, AttemptOutcome::kAnswered},
      {401, BackendResult::kRejected, AttemptOutcome::kAnswered},
      {404, BackendResult::kRejected, AttemptOutcome::kAnswered},
      {409, BackendResult::kRefused, AttemptOutcome::kAnswered},
      {429, BackendResult::kUnavailable, AttemptOutcome::kNotReached},
      {500, BackendResult::kRejected, AttemptOutcome::kAnswered},
      {502, BackendResult::kUnavailable, AttemptOutcome::kOverloaded},
      {503, BackendResult::kUnavailable, AttemptOutcome::kNotReached},
      {504, BackendResult::kUnavailable, AttemptOutcome::kOverloaded}};
  for (const auto& [status, result, outcome] : table) {
    EXPECT_EQ(verdict(status).answer.result, result) << status;
    EXPECT_EQ(verdict(status).outcome, outcome) << status;
  }
  EXPECT_EQ(verdict(503, "", "", 2'000).after_ms, 2'000u);
  EXPECT_THAT(verdict(302).answer.message, HasSubstr("redirect"));
}

TEST(WebhookAnswer, TheDetailOfAProblemIsItsMessageWhenItIsShort) {
  EXPECT_EQ(
      verdict(400, "application/problem+json", R"({"detail":"not like this"})").answer.message,
      "not like this");
  const std::string plain = "the backend answered with status 400";
  EXPECT_EQ(verdict(400, "text/html", R"({"detail":"x"})").answer.message, plain);
  EXPECT_EQ(verdict(400, "application/json", "{").answer.message, plain);
  EXPECT_EQ(verdict(400, "application/json", R"({"detail":7})").answer.message, plain);
  EXPECT_EQ(verdict(400, "application/json", R"({"detail":")" + std::string(600, 'x') + "\"}")
                .answer.message,
            plain);
}

TEST(WebhookAnswer, WithoutAnAnswerOnlyWhatWasNotReachedIsTriedAgain) {
  const auto without = [](PostOutcome outcome) {
    PostAnswer answer;
    answer.outcome = outcome;
    return verdict_of(answer);
  };
  EXPECT_EQ(without(PostOutcome::kNotReached).outcome, AttemptOutcome::kNotReached);
  EXPECT_EQ(without(PostOutcome::kTimedOut).outcome, AttemptOutcome::kOverloaded);
  EXPECT_EQ(without(PostOutcome::kFailed).outcome, AttemptOutcome::kOverloaded);
  for (const PostOutcome outcome :
       {PostOutcome::kNotReached, PostOutcome::kTimedOut, PostOutcome::kFailed}) {
    EXPECT_EQ(without(outcome).answer.result, BackendResult::kUnavailable);
  }
  EXPECT_EQ(without(PostOutcome::kTooLarge).answer.result, BackendResult::kRejected);
}

// ---- the address ----

TEST(WebhookUrl, WithoutTlsItIsOnThisMachineOnly) {
  for (const std::string good :
       {"https://example.com", "https://example.com:8443/hook?x=1", "https://[::1]/hook",
        "http://127.0.0.1:9000/hook", "http://localhost/hook", "http://[::1]:9000/hook"}) {
    EXPECT_TRUE(check_webhook_url(good).ok()) << good << check_webhook_url(good);
  }
  for (const std::string bad :
       {"http://example.com/hook", "http://10.0.0.1/hook", "http://127.0.0.1@example.com/",
        "http://127.0.0.1\\@example.com/", "http://127.0.0.1.example.com/", "ftp://example.com/",
        "https://", "https:///hook", "https://:443/", "https://example.com:0/",
        "https://example.com:99999/", "https://a b/", "https://example.com/#x", "HTTPS//x",
        "https://user:secret@example.com/"}) {
    EXPECT_FALSE(check_webhook_url(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace interlock
