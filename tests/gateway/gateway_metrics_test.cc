// What a gateway shows of itself: to Prometheus, and to operators with its heartbeats.
#include "gateway/gateway_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/gateway/gateway_world.h"

namespace interlock {
namespace {

using testing::HasSubstr;

TEST(GatewayMetrics, ClosesThatAlertsWaitForAreThereAtZero) {
  Metrics metrics;
  const GatewayMetrics gateway(metrics);
  for (const char* code : {"1011", "4004"}) {
    for (const char* origin : {"client", "gateway", "network"}) {
      EXPECT_THAT(metrics.render(),
                  HasSubstr(std::string("interlock_closes_total{code=\"") + code +
                            "\",origin=\"" + origin + "\"} 0"));
    }
  }
}

TEST(GatewayMetrics, ALoadSaysWhatWasCountedAndNothingThatWasNot) {
  Metrics metrics;
  GatewayMetrics gateway(metrics);
  gateway.sockets.Set(3);
  gateway.sessions.Set(2);
  gateway.closed(1011, CloseOrigin::kClient);
  gateway.closed(1011, CloseOrigin::kClient);
  gateway.closed(4001, CloseOrigin::kGateway);
  gateway.closed(3999, CloseOrigin::kClient);
  gateway.resumed(true);
  gateway.resumed(true);
  gateway.resumed(false);
  gateway.refused(429, "rate");
  gateway.refused(503, "away");
  gateway.message("taken");
  gateway.message("rejected");
  gateway.handshake_seconds.Observe(0.002);
  v1::GatewayLoad load;
  gateway.add_to(load);
  EXPECT_EQ(load.sockets(), 3u);
  EXPECT_EQ(load.sessions(), 2u);
  ASSERT_EQ(load.closes_size(), 3) << "those at zero are not said";
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> closes;
  for (const auto& one : load.closes()) closes[{one.code(), one.origin()}] = one.count();
  EXPECT_EQ((closes[{1011, "client"}]), 2u);
  EXPECT_EQ((closes[{4001, "gateway"}]), 1u);
  EXPECT_EQ((closes[{0, "client"}]), 1u) << "a number that means nothing here";
  EXPECT_EQ(load.resumes_recovered(), 2u);
  EXPECT_EQ(load.resumes_lost(), 1u);
  EXPECT_EQ(load.upgrades_refused(), 2u);
  EXPECT_EQ(load.messages(), 1u);
  EXPECT_EQ(load.handshake().count(), 1u);
  EXPECT_EQ(load.handshake().buckets_size(), load.handshake().bounds_seconds_size() + 1);
  EXPECT_EQ(load.handshake().buckets(2), 1u) << "up to 2.5 ms";
  EXPECT_GT(load.started_unix_ms(), 0);
  EXPECT_GT(load.memory_bytes(), 1'000'000u);
  EXPECT_LT(load.ByteSizeLong(), 4'096u) << "a coordinator keeps no more";
}

TEST(GatewayLoad, GoesWithEachHeartbeat) {
  GatewayWorld world;
  SocketClient client(world.port());
  ASSERT_NO_FATAL_FAILURE(be_ready(client, "/ws?session=s"));
  world.coordinator.run([](MemoryCoordinator& coordinator) { coordinator.heartbeat_ms = 20; });
  world.coordinator.run([](MemoryCoordinator& coordinator) { coordinator.drain(); });
  EXPECT_TRUE(soon([&] {
    std::uint64_t sessions = 0;
    bool holding = true;
    world.coordinator.run([&](MemoryCoordinator& coordinator) {
      sessions = coordinator.loads[world.gateway_id()].sessions();
      holding = coordinator.loads[world.gateway_id()].holding();
    });
    return sessions == 1 && !holding;
  })) << "on the stream that follows the drain";
}

// The generation of a hello.
std::string generation_in(const std::string& hello) {
  const auto at = hello.find("\"generation\":") + 13;
  return hello.substr(at, hello.find_first_of(",}", at) - at);
}

TEST(GatewayMetrics, AClientThatGoesOnWhereItWasHasRecoveredAndAnotherHasNot) {
  GatewayWorld world;
  SocketClient client(world.port());
  ASSERT_EQ(client.upgrade("/ws?session=s"), 101) << client.head;
  const std::string first = client.read_text();
  EXPECT_THAT(client.read_text(), HasSubstr("ready"));
  world.coordinator.run(
      [](MemoryCoordinator& coordinator) { coordinator.publish("anonymous:s", "note", "{}"); });
  EXPECT_THAT(client.read_text(), HasSubstr("\"seq\":1"));
  EXPECT_THAT(world.metrics(), HasSubstr("interlock_resumes_total{result=\"recovered\"} 0"))
      << "a first connect is no resume";

  const auto come_back = [&](const std::string& position, const std::string& hello) {
    SocketClient again(world.port());
    EXPECT_EQ(again.upgrade("/ws?session=s&try=1&last_seq=" + position +
                            "&gen=" + generation_in(hello)),
              101);
    return again.read_text();
  };
  const std::string second = come_back("1", first);
  EXPECT_THAT(second, HasSubstr("\"resumed\":true"));
  EXPECT_THAT(world.metrics(), HasSubstr("interlock_resumes_total{result=\"recovered\"} 1"));
  EXPECT_THAT(come_back("99", second), HasSubstr("\"resumed\":false"));
  EXPECT_THAT(world.metrics(), HasSubstr("interlock_resumes_total{result=\"lost\"} 1"));
}

}  // namespace
}  // namespace interlock
