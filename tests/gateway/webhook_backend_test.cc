// The webhook client against a real HTTP server: the contract, and servers that misbehave.
#include "gateway/webhook_backend_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/webhook_event.h"
#include "tests/gateway/backend_client_contract.h"
#include "tests/gateway/webhook_server.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

using testing::HasSubstr;
using testing::SizeIs;
using Clock = std::chrono::steady_clock;

const std::string key = "a key of twenty-four bytes, or more";

WebhookBackendSettings settings_for(const std::string& url) {
  WebhookBackendSettings settings;
  settings.url = url;
  settings.key = key;
  return settings;
}

std::string text(const boost::json::value& object, const char* name) {
  const auto& value = object.at(name).as_string();
  return {value.data(), value.size()};
}

// Reads events as a backend in any language would.
BackendAnswer carry_out(MemoryBackend& backend, const std::string& body) {
  const boost::json::value event = boost::json::parse(body);
  const boost::json::value& data = event.at("data");
  const std::string of = text(event, "subject");
  const auto generation = data.at("generation").to_number<std::uint64_t>();
  if (text(event, "type") == "interlock.v1.message") {
    std::vector<v1::Transient> events;
    v1::ReceiveRequest request = make_message(of, generation, text(data, "message_id"));
    request.set_data(boost::json::serialize(data.at("data")));
    return backend.receive(request, events);
  }
  if (text(event, "type") == "interlock.v1.open") {
    v1::OpenRequest request = make_open(of, generation);
    request.set_subject(text(data, "subject"));
    return backend.open(request);
  }
  return backend.closed(make_closed(of, generation));
}

std::string response_for(const BackendAnswer& answer) {
  switch (answer.result) {
    case BackendResult::kOk:
      return http_response(204);
    case BackendResult::kRefused:
      return http_response(409);
    case BackendResult::kUnavailable:
      return http_response(503);
    case BackendResult::kRejected:
      break;
  }
  return http_response(400, "Content-Type: application/problem+json\r\n",
                       R"({"detail":")" + answer.message + "\"}");
}

// ---- the contract ----

struct WebhookMaker final : BackendClientMaker {
  BackendClient& client() override { return *client_; }
  void end() override { client_.reset(); }
  void run(const std::function<void(MemoryBackend&)>& what) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    what(backend_);
  }
  bool has_transients() const override { return false; }

  std::mutex mutex_;
  MemoryBackend backend_;
  WebhookServer server_{[this](const WebhookRequest& request, const WebhookWrite& write) {
    std::string response;
    run([&](MemoryBackend& backend) {
      const auto trace = request.fields.find("traceparent");
      if (trace != request.fields.end()) backend.traceparents.push_back(trace->second);
      response = response_for(carry_out(backend, request.body));
    });
    write(response);
  }};
  std::unique_ptr<WebhookBackendClient> client_ =
      std::make_unique<WebhookBackendClient>(settings_for(server_.url()));
};

INSTANTIATE_TEST_SUITE_P(Webhook, BackendClientContract,
                         testing::Values([] { return std::make_unique<WebhookMaker>(); }));

// ---- what the contract cannot say ----

class WebhookBackend : public testing::Test {
 protected:
  BackendAnswer open(BackendClient& client, std::uint64_t generation = 1) {
    const std::size_t before = answers_.items().size();
    client.open(make_open("alice:1", generation), answers_.putter());
    if (!answers_.wait_for(before + 1)) return {BackendResult::kRejected, "no answer"};
    return answers_.items().back();
  }
  // The answer of a server that says this.
  BackendAnswer asked(const std::string& response) {
    WebhookServer server(
        [&](const WebhookRequest&, const WebhookWrite& write) { write(response); });
    WebhookBackendSettings settings = settings_for(server.url());
    settings.attempts.retries_burst = 0;
    WebhookBackendClient client(settings);
    return open(client);
  }
  Box<BackendAnswer> answers_;  // outlives the clients
};

TEST_F(WebhookBackend, EachAttemptIsSignedAndHasTheIdOfItsCall) {
  std::atomic<int> calls = 0;
  WebhookServer server([&](const WebhookRequest&, const WebhookWrite& write) {
    write(http_response(++calls == 1 ? 503 : 200));
  });
  WebhookBackendSettings settings = settings_for(server.url("/hook?x=1"));
  settings.token = "for the backend";
  WebhookBackendClient client(settings);
  EXPECT_EQ(open(client).result, BackendResult::kOk);
  ASSERT_THAT(server.requests(), SizeIs(2));
  for (WebhookRequest request : server.requests()) {
    EXPECT_EQ(request.line, "POST /hook?x=1 HTTP/1.1");
    EXPECT_THAT(request.fields["content-type"], HasSubstr("application/cloudevents+json"));
    EXPECT_EQ(request.fields["authorization"], "Bearer for the backend");
    EXPECT_EQ(request.fields["webhook-id"], text(boost::json::parse(request.body), "id"));
    const std::int64_t timestamp = std::stoll(request.fields["webhook-timestamp"]);
    EXPECT_LT(std::abs(timestamp - std::time(nullptr)), 60);
    EXPECT_EQ(request.fields["webhook-signature"],
              webhook_signature(key, request.fields["webhook-id"], timestamp, request.body));
  }
  EXPECT_EQ(server.requests()[0].body, server.requests()[1].body);
  EXPECT_EQ(client.counters().calls, 1u);
  EXPECT_EQ(client.counters().attempts, 2u);
  EXPECT_EQ(client.counters().ok, 1u);
}

TEST_F(WebhookBackend, ARedirectIsRejectedAndNotFollowed) {
  std::atomic<int> elsewhere = 0;
  WebhookServer target([&](const WebhookRequest&, const WebhookWrite& write) {
    ++elsewhere;
    write(http_response(200));
  });
  const BackendAnswer answer = asked(http_response(307, "Location: " + target.url() + "\r\n"));
  EXPECT_EQ(answer.result, BackendResult::kRejected);
  EXPECT_THAT(answer.message, HasSubstr("redirect"));
  EXPECT_EQ(elsewhere, 0);
}

TEST_F(WebhookBackend, AHugeAnswerIsRejectedAsSoonAsItIsTooLarge) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
  EXPECT_EQ(asked(head + std::string(80 * 1024, 'x')).message,
            "the backend's answer is larger than 64 KiB");
  std::string fields;
  for (int i = 0; i < 100; ++i) fields += "X: " + std::string(1000, 'x') + "\r\n";
  EXPECT_EQ(asked("HTTP/1.1 200 OK\r\n" + fields + "\r\n").result, BackendResult::kRejected);
  EXPECT_EQ(asked(http_response(200, "", std::string(60 * 1024, 'x'))).result, BackendResult::kOk);
}

TEST_F(WebhookBackend, WhoDoesNotSpeakHttpOrBreaksOffIsUnavailable) {
  EXPECT_EQ(asked("what?\r\n\r\n").result, BackendResult::kUnavailable);
  EXPECT_EQ(asked("").result, BackendResult::kUnavailable);
  EXPECT_EQ(asked("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").result,
            BackendResult::kUnavailable);
}

TEST_F(WebhookBackend, AnAnswerThatDripsIsCutAtTheDeadlineAndNotTriedAgain) {
  WebhookServer server([](const WebhookRequest&, const WebhookWrite& write) {
    bool there = write("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
    eventually([&] {
      there = there && write("x");
      return !there;
    });
  });
  WebhookBackendSettings settings = settings_for(server.url());
  settings.open_timeout_ms = 300;
  WebhookBackendClient client(settings);
  const auto before = Clock::now();
  EXPECT_EQ(open(client).message, "the backend did not answer in time");
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(3));
  EXPECT_EQ(client.counters().attempts, 1u);
  EXPECT_EQ(client.counters().unavailable, 1u);
}

TEST_F(WebhookBackend, WhoIsNotThereIsTriedAgainWithinTheBudget) {
  WebhookBackendSettings settings =
      settings_for("http://127.0.0.1:" + std::to_string(free_port()) + "/");
  settings.attempts.retries_burst = 3;
  settings.attempts.retries_per_call = 0;
  WebhookBackendClient client(settings);
  EXPECT_EQ(open(client).result, BackendResult::kUnavailable);
  EXPECT_EQ(client.counters().attempts, 4u);
}

TEST_F(WebhookBackend, RetryAfterIsWaitedForWithinTheDeadlineOnly) {
  std::atomic<int> calls = 0;
  WebhookServer server([&](const WebhookRequest&, const WebhookWrite& write) {
    write(++calls == 2 ? http_response(200) : http_response(429, "Retry-After: 1\r\n"));
  });
  WebhookBackendSettings settings = settings_for(server.url());
  settings.open_timeout_ms = 5'000;
  WebhookBackendClient patient(settings);
  auto before = Clock::now();
  EXPECT_EQ(open(patient).result, BackendResult::kOk);
  EXPECT_GE(Clock::now() - before, std::chrono::milliseconds(900));

  settings.open_timeout_ms = 500;
  WebhookBackendClient hasty(settings);
  before = Clock::now();
  EXPECT_EQ(open(hasty).result, BackendResult::kUnavailable);
  EXPECT_LT(Clock::now() - before, std::chrono::milliseconds(450));
  EXPECT_EQ(calls, 3);
}

TEST_F(WebhookBackend, AnOpenBreakerAnswersAtOnce) {
  WebhookServer server(
      [](const WebhookRequest&, const WebhookWrite& write) { write(http_response(502)); });
  WebhookBackendSettings settings = settings_for(server.url());
  settings.attempts.breaker.failures_max = 3;
  settings.attempts.breaker.open_initial_ms = 20'000;
  WebhookBackendClient client(settings);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(open(client).result, BackendResult::kUnavailable);
  EXPECT_EQ(open(client).message, "the backend's breaker is open");
  EXPECT_THAT(server.requests(), SizeIs(3));
  EXPECT_EQ(client.counters().breaker_opened, 1u);
}

TEST_F(WebhookBackend, NothingIsSentWhileTheGatewayMayNotAct) {
  std::atomic<bool> may_act = false;
  std::atomic<int> looked = 0;
  WebhookServer server(
      [](const WebhookRequest&, const WebhookWrite& write) { write(http_response(200)); });
  WebhookBackendSettings settings = settings_for(server.url());
  settings.may_act = [&] {
    ++looked;
    return may_act.load();
  };
  WebhookBackendClient client(settings);
  client.open(make_open("alice:1", 1), answers_.putter(), {});
  EXPECT_TRUE(eventually([&] { return looked >= 3; }));
  EXPECT_THAT(server.requests(), SizeIs(0));
  may_act = true;
  ASSERT_TRUE(answers_.wait_for(1));
  EXPECT_EQ(answers_.items()[0].result, BackendResult::kOk);
}

TEST_F(WebhookBackend, ItEndsSoonWhoeverDoesNotAnswer) {
  WebhookServer server([](const WebhookRequest&, const WebhookWrite& write) {
    eventually([&] { return !write(""); });
  });
  for (const std::string& url : {server.url(), std::string("http://localhost:1/")}) {
    auto client = std::make_unique<WebhookBackendClient>(settings_for(url));
    client->open(make_open("alice:1", 1), answers_.putter(), {});
    EXPECT_TRUE(eventually([&] { return client->counters().attempts >= 1; }));
    const auto before = Clock::now();
    client.reset();
    EXPECT_LT(Clock::now() - before, std::chrono::seconds(1)) << url;
  }
  EXPECT_THAT(answers_.items(), SizeIs(2));
}

}  // namespace
}  // namespace interlock
