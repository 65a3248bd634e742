// The HTTP API at the listener: real sockets, the coordinator replaced by the test.
#include "gateway/http_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/gateway/gateway_world.h"
#include "tests/gateway/socket_client.h"

namespace interlock {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

// Remembers what it is asked, and answers at once, or when it is told to.
class RecordingApi final : public ApiClient {
 public:
  void publish(v1::PublishRequest request, std::string token, ApiDone<v1::Receipt> done) override {
    v1::Receipt receipt;
    receipt.set_sequence(7);
    receipt.set_state(v1::PROCESSING);
    const std::lock_guard<std::mutex> lock(mutex_);
    published_.push_back(std::move(request));
    token_ = std::move(token);
    if (silent) {
      waiting_.push_back(std::move(done));
    } else {
      done(receipt);
    }
  }
  void look(v1::GetRequest, std::string token, ApiDone<v1::Connection> done) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    token_ = std::move(token);
    v1::Refusal refusal;
    refusal.mutable_not_found();
    done(ApiFailure{absl::NotFoundError("no connection has this key"), refusal});
  }
  void answer_the_silent() {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& done : std::exchange(waiting_, {})) done(v1::Receipt());
  }
  std::vector<v1::PublishRequest> published() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return published_;
  }
  std::string token() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return token_;
  }

  std::atomic<bool> silent = false;

 private:
  mutable std::mutex mutex_;
  std::vector<v1::PublishRequest> published_;
  std::string token_;
  std::vector<ApiDone<v1::Receipt>> waiting_;
};

std::string post(std::string_view body, std::string_view fields = "",
                 std::string_view target = "/v1/connections/alice:s/events") {
  return "POST " + std::string(target) +
         " HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\n" +
         std::string(fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

const std::string event = R"({"type":"note","data":{"n":1}})";

class HttpApiTest : public ::testing::Test {
 protected:
  ListenerOptions options(const std::function<void(ListenerLimits&)>& change = [](auto&) {}) {
    ListenerOptions options = with(change);
    options.api = &api_;
    return options;
  }
  HttpResponse ask(GatewayWorld& world, const std::string& request) {
    SocketClient client(world.port());
    client.send(request);
    return client.read_response();
  }
  RecordingApi api_;
};

TEST_F(HttpApiTest, AnEventAndItsCallersTokenGoToTheCoordinator) {
  GatewayWorld world(options());
  const HttpResponse response = ask(world, post(event, "Authorization: Bearer publisher-1\r\n"));
  EXPECT_EQ(response.status, 200) << response.body;
  EXPECT_THAT(response.head, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(response.body, StartsWith(R"({"sequence":7)"));
  ASSERT_THAT(api_.published(), SizeIs(1));
  EXPECT_EQ(api_.published()[0].key(), "alice:s");
  EXPECT_EQ(api_.published()[0].payload(), R"({"n":1})");
  EXPECT_EQ(api_.token(), "publisher-1");
  EXPECT_THAT(world.metrics(), HasSubstr("interlock_http_api_answers_total{status=\"200\"} 1"));
}

TEST_F(HttpApiTest, ABodyMayComeInPiecesOrInChunksOrAskFirst) {
  GatewayWorld world(options());
  SocketClient pieces(world.port());
  const std::string request = post(event);
  for (std::size_t at = 0; at < request.size(); at += 20) {
    pieces.send(request.substr(at, 20));
    pieces.wait(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(pieces.read_response().status, 200);

  const std::string head =
      "POST /v1/connections/a:s/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Idempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(
      ask(world, head + "5\r\n{\"typ\r\n17\r\ne\":\"note\",\"data\":[1,2]}\r\n0\r\n\r\n").status,
      200);
  EXPECT_EQ(ask(world, head + "zz\r\n").status, 400);

  SocketClient polite(world.port());
  const std::string whole = post(event, "Expect: 100-continue\r\n");
  polite.send(whole.substr(0, whole.size() - event.size()));
  EXPECT_THAT(polite.read_some(), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  polite.send(event);
  EXPECT_EQ(polite.read_response().status, 200);
  EXPECT_THAT(api_.published(), SizeIs(3));
}

TEST_F(HttpApiTest, ABodyIsNeverReadBeyondItsLimit) {
  GatewayWorld world(options());
  const std::string said =
      "POST /v1/connections/a:s/events HTTP/1.1\r\nHost: a\r\n"
      "Content-Type: application/json\r\nIdempotency-Key: k\r\n";
  // A length alone is enough, also one that no parser would take by default.
  EXPECT_EQ(ask(world, said + "Content-Length: 99999999999\r\n\r\n").status, 413);
  std::string chunks = said + "Transfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunks += "1000\r\n" + std::string(4096, ' ') + "\r\n";
  EXPECT_EQ(ask(world, chunks).status, 413);
  EXPECT_THAT(api_.published(), SizeIs(0));
}

TEST_F(HttpApiTest, ProblemsAreJsonAndHeadHasNoBody) {
  GatewayWorld world(options());
  const HttpResponse unknown =
      ask(world, "GET /v1/connections/alice:s HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_THAT(unknown.head, HasSubstr("\r\nContent-Type: application/problem+json\r\n"));
  EXPECT_THAT(unknown.body, HasSubstr(R"("reason":"NOT_FOUND")"));
  for (const std::string target : {"/v1/connections/alice:s", "/v1/nothing"}) {
    const HttpResponse head = ask(world, "HEAD " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(head.status, 404);
    EXPECT_EQ(head.body, "");
  }
  const HttpResponse method =
      ask(world, "PUT /v1/connections/alice:s HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(method.status, 405);
  EXPECT_THAT(method.head, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
}

TEST_F(HttpApiTest, WhereItIsNotServedEverybodyIsToldSo) {
  GatewayWorld world;
  const HttpResponse response = ask(world, post(event));
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.body, HasSubstr("HTTP_API_OFF"));
}

TEST_F(HttpApiTest, WhoSendsItsBodyTooSlowlyIsCutAndASessionBesideItLives) {
  GatewayWorld world(options([](ListenerLimits& limits) { limits.api.body_timeout_ms = 300; }));
  SocketClient session(world.port());
  be_ready(session, "/ws?session=beside");
  SocketClient slow(world.port());
  const std::string request = post(event);
  slow.send(request.substr(0, request.size() - 1));
  EXPECT_TRUE(slow.ended());
  EXPECT_THAT(api_.published(), SizeIs(0));
  session.send_text(R"({"type":"ping"})");
  EXPECT_EQ(session.read_text(), R"({"type":"pong"})");
  EXPECT_EQ(ask(world, post(event)).status, 200);
}

TEST_F(HttpApiTest, ACoordinatorThatNeverAnswersIs503AndItsLateAnswerDoesNoHarm) {
  GatewayWorld world(options([](ListenerLimits& limits) { limits.api.answer_timeout_ms = 200; }));
  api_.silent = true;
  const HttpResponse response = ask(world, post(event));
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.head, HasSubstr("\r\nRetry-After: 1\r\n"));
  api_.answer_the_silent();
  api_.silent = false;
  EXPECT_EQ(ask(world, post(event)).status, 200);
}

TEST_F(HttpApiTest, OneRequestTooManyIsRefusedAndThereIsRoomAgainAfterwards) {
  GatewayWorld world(options([](ListenerLimits& limits) { limits.api.requests_max = 2; }));
  SocketClient first(world.port());
  SocketClient second(world.port());
  const std::string request = post(event, "Expect: 100-continue\r\n");
  for (SocketClient* client : {&first, &second}) {
    client->send(request.substr(0, request.size() - event.size()));
    EXPECT_THAT(client->read_some(), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
  }
  // Both are under way: a third one finds no room.
  const HttpResponse third = ask(world, post(event));
  EXPECT_EQ(third.status, 429);
  EXPECT_THAT(third.head, HasSubstr("\r\nRetry-After: 1\r\n"));
  for (SocketClient* client : {&first, &second}) {
    client->send(event);
    EXPECT_EQ(client->read_response().status, 200);
  }
  EXPECT_TRUE(soon([&] { return ask(world, post(event)).status == 200; }));
}

TEST_F(HttpApiTest, ADrainDoesNotWaitForABodyThatDoesNotCome) {
  GatewayWorld world(options());
  SocketClient slow(world.port());
  slow.send(post(event).substr(0, 150));
  ASSERT_TRUE(soon([&] { return world.listener().sockets() == 1; }));
  const auto before = std::chrono::steady_clock::now();
  world.listener().drain(std::chrono::seconds(5));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(3));
  EXPECT_EQ(world.listener().sockets(), 0u);
}

}  // namespace
}  // namespace interlock
