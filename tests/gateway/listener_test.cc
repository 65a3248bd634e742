// What a client meets at the listener: HTTP, the upgrade and its refusals, and misbehaviour.
#include "gateway/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "tests/gateway/gateway_world.h"
#include "tests/gateway/socket_client.h"
#include "tests/support/scratch_directory.h"

namespace interlock {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// ---- HTTP ----

TEST(ListenerHttp, AnotherPathIsToldWhatExists) {
  GatewayWorld world;
  SocketClient client(world.port());
  const HttpResponse response = client.get("/nothing");
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, HasSubstr("/ws"));
  EXPECT_THAT(response.head, HasSubstr("Connection: close"));
}

TEST(ListenerHttp, APlainRequestForTheWebSocketIsToldToUpgrade) {
  GatewayWorld world;
  SocketClient client(world.port());
  const HttpResponse response = client.get("/ws");
  EXPECT_EQ(response.status, 426);
  EXPECT_THAT(response.head, HasSubstr("\r\nUpgrade: websocket\r\n"));
}

TEST(ListenerHttp, ServesTheStaticFilesAndNothingElse) {
  const ScratchDirectory scratch;
  const std::string& folder = scratch.path();
  std::ofstream(folder + "/index.html") << "<p>hello";
  std::ofstream(folder + "/.secret.html") << "secret";
  std::ofstream(folder + "/program.cc") << "int main";
  ASSERT_EQ(symlink("/etc/hostname", (folder + "/link.txt").c_str()), 0);
  ListenerOptions options;
  options.files = StaticFiles::load(folder).value();
  GatewayWorld world(std::move(options));

  const HttpResponse page = SocketClient(world.port()).get("/?x=1");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.body, "<p>hello");
  EXPECT_THAT(page.head, HasSubstr("\r\nContent-Type: text/html; charset=utf-8\r\n"));
  EXPECT_THAT(page.head, HasSubstr("\r\nCache-Control: no-store\r\n"));

  SocketClient head(world.port());
  head.send("HEAD /index.html HTTP/1.1\r\nHost: a\r\n\r\n");
  const HttpResponse only_head = head.read_response();
  EXPECT_EQ(only_head.status, 200);
  EXPECT_THAT(only_head.head, HasSubstr("\r\nContent-Length: 8\r\n"));
  EXPECT_EQ(only_head.body, "");

  SocketClient post(world.port());
  post.send("POST /index.html HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(post.read_response().status, 404);

  for (const std::string path : {"/.secret.html", "/program.cc", "/link.txt", "/../etc/passwd",
                                 "/%2e%2e/etc/passwd", "//etc/passwd", "/index.html/"}) {
    EXPECT_EQ(SocketClient(world.port()).get(path).status, 404) << path;
  }
}

TEST(ListenerHttp, AFileLargerThanAnyQueueArrivesWholeAlsoWhenItIsReadSlowly) {
  const ScratchDirectory scratch;
  const std::string& folder = scratch.path();
  std::ofstream(folder + "/large.js") << std::string(StaticFiles::file_bytes_max, 'x');
  ListenerOptions options;
  options.files = StaticFiles::load(folder).value();
  options.limits.socket.queue_bytes_max = 1024;
  options.limits.socket.linger_ms = 300;
  options.limits.send_buffer_bytes = 16 * 1024;
  GatewayWorld world(std::move(options));
  SocketClient client(world.port(), 4096);
  client.send("GET /large.js HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(client.read_upgrade(), 200);
  std::size_t bytes = 0;
  for (int reads = 0;; ++reads) {
    const std::string more = client.read_some();
    if (more.empty()) break;
    bytes += more.size();
    if (reads % 20 == 0) client.wait(std::chrono::milliseconds(30));
  }
  EXPECT_EQ(bytes, StaticFiles::file_bytes_max);
}

TEST(ListenerHttp, AHeadThatIsTooLargeIsRefused) {
  GatewayWorld world;
  SocketClient client(world.port());
  const HttpResponse response = client.get("/ws", "X: " + std::string(9000, 'x') + "\r\n");
  EXPECT_EQ(response.status, 431);
}

TEST(ListenerHttp, GarbageIsRefused) {
  GatewayWorld world;
  SocketClient client(world.port());
  client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 400);
}

TEST(ListenerHttp, WhoNeverFinishesItsHeadIsCutOff) {
  GatewayWorld world(with([](ListenerLimits& limits) { limits.head_timeout_ms = 300; }));
  SocketClient silent(world.port());
  SocketClient slow(world.port());
  const auto began = std::chrono::steady_clock::now();
  slow.send("GET /ws HTTP/1.1\r\nHost: ");
  while (slow.send("a") && slow.read_some(std::chrono::milliseconds(50)).empty() &&
         std::chrono::steady_clock::now() - began < std::chrono::seconds(5)) {
  }
  EXPECT_TRUE(slow.ended());
  EXPECT_TRUE(silent.ended());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
}

TEST(ListenerHttp, RequestsBehindARefusedOneAreNotAnswered) {
  GatewayWorld world;
  SocketClient client(world.port());
  client.send(
      std::string("GET /no HTTP/1.1\r\nHost: a\r\n\r\nGET /no HTTP/1.1\r\nHost: a\r\n\r\n"));
  const HttpResponse response = client.read_response();
  EXPECT_EQ(response.status, 404);
  EXPECT_THAT(response.body, Not(HasSubstr("HTTP/1.1")));
}

// ---- refusals ----

TEST(ListenerRefusal, IsAStatusForAProgram) {
  GatewayWorld world;
  SocketClient client(world.port());
  client.send(SocketClient::upgrade_request("/ws?session=a%3Ab"));
  const HttpResponse response = client.read_response();
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr(R"("code":4504)"));
}

TEST(ListenerRefusal, IsACloseCodeForABrowser) {
  GatewayWorld world;
  SocketClient client(world.port());
  ASSERT_EQ(client.upgrade("/ws?session=a%3Ab", "Origin: https://example.com\r\n"), 101);
  EXPECT_THAT(client.head, HasSubstr("interlock.v1"));
  const WireFrame close = client.read_close();
  EXPECT_EQ(close.close_code(), 4504);
  EXPECT_THAT(close.close_reason(), StartsWith("protocol_error; "));
  client.send_close(4504);
  EXPECT_TRUE(client.ended());
}

TEST(ListenerRefusal, ABrowserThatNeverAnswersTheCloseIsCutOff) {
  GatewayWorld world(with([](ListenerLimits& limits) { limits.session.close_timeout_ms = 200; }));
  SocketClient client(world.port());
  ASSERT_EQ(client.upgrade("/ws?gen=x", "Origin: https://example.com\r\n"), 101);
  EXPECT_EQ(client.read_close().close_code(), 4504);
  EXPECT_TRUE(client.ended());
}

TEST(ListenerRefusal, BrowsersGetTheStatusWhenTheirCloseCodesAreRateLimited) {
  GatewayWorld world(
      with([](ListenerLimits& limits) { limits.browser_closes_per_second_max = 0.002; }));
  // Each of the two lanes gives one.
  std::set<int> statuses;
  for (int i = 0; i < 3; ++i) {
    SocketClient client(world.port());
    statuses.insert(client.upgrade("/ws?gen=x", "Origin: https://example.com\r\n"));
  }
  EXPECT_THAT(statuses, Contains(400));
}

TEST(ListenerRefusal, TheCoordinatorsNoIsPassedOn) {
  GatewayWorld world;
  world.coordinator.run([](MemoryCoordinator& coordinator) {
    coordinator.refuse_claim = [](const v1::ClaimRequest&) {
      v1::Refusal refusal;
      refusal.mutable_stale()->set_current_generation(77);
      return refusal;
    };
  });
  SocketClient program(world.port());
  program.send(SocketClient::upgrade_request("/ws?session=s&gen=1"));
  const HttpResponse response = program.read_response();
  EXPECT_EQ(response.status, 409);
  EXPECT_THAT(response.body, HasSubstr(R"("generation":77)"));

  SocketClient browser(world.port());
  ASSERT_EQ(browser.upgrade("/ws?session=s&gen=1", "Origin: https://example.com\r\n"), 101);
  const WireFrame close = browser.read_close();
  EXPECT_EQ(close.close_code(), 4007);
  EXPECT_THAT(close.close_reason(), StartsWith("stale_attempt; generation=77"));
  EXPECT_EQ(world.listener().sessions(), 0u);
  EXPECT_THAT(
      world.metrics(),
      HasSubstr(R"(interlock_upgrades_refused_total{reason="stale_attempt",status="409"} 2)"));
}

TEST(ListenerRefusal, ACoordinatorThatIsAwayMeansComeBackLater) {
  ListenerOptions options;
  options.limits.session.claim_timeout_ms = 300;
  GatewayWorld world(std::move(options));
  world.coordinator.set_away(true);
  SocketClient client(world.port());
  client.send(SocketClient::upgrade_request("/ws"));
  const HttpResponse response = client.read_response();
  EXPECT_EQ(response.status, 503);
  EXPECT_THAT(response.head, HasSubstr("\r\nRetry-After: "));
}

TEST(ListenerRefusal, AFullGatewaySendsFurtherClientsElsewhere) {
  GatewayWorld world(with([](ListenerLimits& limits) { limits.sessions_max = 1; }));
  SocketClient first(world.port());
  ASSERT_EQ(first.upgrade("/ws?session=a"), 101);
  SocketClient second(world.port());
  second.send(SocketClient::upgrade_request("/ws?session=b"));
  const HttpResponse response = second.read_response();
  EXPECT_EQ(response.status, 429);
  EXPECT_THAT(response.head, HasSubstr("\r\nRetry-After: "));
  EXPECT_THAT(response.body, HasSubstr(R"("code":4006)"));
}

TEST(ListenerRefusal, MoreUpgradesASecondThanAllowedAreSentAway) {
  GatewayWorld world(with([](ListenerLimits& limits) { limits.upgrades_per_second_max = 0.002; }));
  // Each of the two lanes takes one.
  std::string heads;
  for (int i = 0; i < 3; ++i) {
    SocketClient client(world.port());
    client.upgrade("/ws");
    heads += client.head;
  }
  EXPECT_THAT(heads, HasSubstr("HTTP/1.1 429 Too Many Requests\r\n"));
  EXPECT_THAT(heads, HasSubstr("\r\nRetry-After: "));
}

TEST(ListenerRefusal, SocketsBeyondTheLimitAreClosedWithoutAWord) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.sessions_max = 1;
    limits.greetings_max = 1;
    limits.head_timeout_ms = 60'000;  // so that it is the limit that closes
  }));
  SocketClient first(world.port());
  ASSERT_EQ(first.upgrade("/ws?session=a"), 101);
  SocketClient second(world.port());
  ASSERT_TRUE(second.send("GET"));
  while (world.listener().sockets() < 2) SocketClient::wait(std::chrono::milliseconds(1));
  SocketClient third(world.port());
  EXPECT_TRUE(third.ended());
}

TEST(ListenerRefusal, AClientThatLeavesBeforeTheAnswerIsAbandoned) {
  ListenerOptions options;
  options.limits.session.claim_timeout_ms = 60'000;
  GatewayWorld world(std::move(options));
  world.coordinator.set_away(true);
  SocketClient client(world.port());
  client.send(SocketClient::upgrade_request("/ws"));
  while (world.listener().sessions() == 0) SocketClient::wait(std::chrono::milliseconds(1));
  client.half_close();
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(world.listener().sessions(), 0u);
}

}  // namespace
}  // namespace interlock
