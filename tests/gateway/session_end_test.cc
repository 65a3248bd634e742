// How sessions over real sockets end that do not end by themselves: slow peers, age, the drain.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/gateway/gateway_world.h"
#include "tests/gateway/socket_client.h"

namespace interlock {
namespace {

using ::testing::HasSubstr;

TEST(SessionEnd, APeerThatSendsAndNeverReadsIsCutByTheTimer) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.shell.send_stall_ms = 300;
    limits.session.close_timeout_ms = 300;
    limits.socket.queue_bytes_max = 64 * 1024 * 1024;  // so that it is the timer that cuts
    limits.send_buffer_bytes = 16 * 1024;
  }));
  SocketClient client(world.port(), 4096);
  be_ready(client, "/ws?session=deaf");
  const std::string event = R"(")" + std::string(60'000, 'x') + R"(")";
  world.coordinator.run([&](MemoryCoordinator& coordinator) {
    for (int i = 0; i < 10; ++i) coordinator.publish("anonymous:deaf", "big", event);
  });
  const auto deadline = std::chrono::steady_clock::now() + SocketClient::patience;
  while (world.listener().sockets() > 0 && std::chrono::steady_clock::now() < deadline) {
    client.send_text(R"({"type":"ping"})");
    client.send(SocketClient::frame(9, "still here"));
  }
  EXPECT_EQ(world.listener().sockets(), 0u);
  EXPECT_TRUE(soon([&] { return world.record("anonymous:deaf").owner.empty(); }));
  EXPECT_THAT(world.metrics(),
              HasSubstr(R"(interlock_closes_total{code="4004",origin="gateway"} 1)"));
}

TEST(SessionEnd, APeerThatDoesNotKeepUpOverflowsItsOwnQueueOnly) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.shell.send_stall_ms = 60'000;  // so that it is the queue
    limits.socket.queue_bytes_max = 100 * 1024;
    limits.send_buffer_bytes = 16 * 1024;
    limits.session.close_timeout_ms = 300;
  }));
  SocketClient slow(world.port(), 4096);
  be_ready(slow, "/ws?session=slow");
  SocketClient other(world.port());
  be_ready(other, "/ws?session=other");
  const std::string event = R"(")" + std::string(60'000, 'x') + R"(")";
  world.coordinator.run([&](MemoryCoordinator& coordinator) {
    for (int i = 0; i < 16; ++i) coordinator.publish("anonymous:slow", "big", event);
    coordinator.publish("anonymous:other", "small", "1");
  });
  EXPECT_TRUE(soon([&] { return world.record("anonymous:slow").owner.empty(); }));
  EXPECT_THAT(other.read_text(), HasSubstr(R"("event":"small")"));
  EXPECT_TRUE(soon([&] { return world.listener().sockets() == 1; }));
}

// One delivery is many frames: small ones behind one that found no room would find some.
TEST(SessionEnd, NothingFollowsAFrameThatFoundNoRoom) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.shell.send_stall_ms = 60'000;
    limits.socket.queue_bytes_max = 100 * 1024;
    limits.send_buffer_bytes = 16 * 1024;
  }));
  SocketClient gone(world.port());
  be_ready(gone, "/ws?session=slow");
  gone.reset();
  ASSERT_TRUE(soon([&] { return world.record("anonymous:slow").owner.empty(); }));
  constexpr int events = 24;
  const std::string big = R"(")" + std::string(30'000, 'x') + R"(")";
  world.coordinator.run([&](MemoryCoordinator& coordinator) {
    coordinator.events_per_delivery = events;
    for (int i = 1; i <= events; ++i) {
      coordinator.publish("anonymous:slow", "note", i % 2 == 1 ? big : "1");
    }
  });
  SocketClient slow(world.port(), 4096);
  ASSERT_EQ(slow.upgrade("/ws?session=slow"), 101);
  ASSERT_TRUE(soon([&] { return world.metrics().find(R"(code="4004")") != std::string::npos; }));
  EXPECT_THAT(slow.read_text(), HasSubstr(R"("type":"hello")"));
  int sequence = 0;
  for (std::string text = slow.read_text(); !text.empty(); text = slow.read_text()) {
    EXPECT_THAT(text, HasSubstr("\"seq\":" + std::to_string(++sequence) + ",")) << text.size();
  }
  EXPECT_GT(sequence, 0);
  EXPECT_LT(sequence, events);
}

TEST(SessionEnd, AFloodOfPingsFromADeafPeerIsBounded) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.shell.send_stall_ms = 60'000;
    limits.socket.queue_bytes_max = 64 * 1024;
    limits.send_buffer_bytes = 16 * 1024;
    limits.socket.linger_ms = 200;
  }));
  SocketClient client(world.port(), 4096);
  be_ready(client, "/ws?session=flood");
  std::string pings;
  for (int i = 0; i < 100; ++i) pings += SocketClient::frame(9, std::string(125, 'p'));
  const auto deadline = std::chrono::steady_clock::now() + SocketClient::patience;
  while (world.listener().sockets() > 0 && std::chrono::steady_clock::now() < deadline) {
    client.send(pings);
  }
  EXPECT_EQ(world.listener().sockets(), 0u);
  EXPECT_TRUE(soon([&] { return world.record("anonymous:flood").owner.empty(); }));
}

TEST(SessionEnd, AnOldConnectionIsAskedToComeBack) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.shell.age_max_ms = 200;
    limits.shell.age_jitter_ms = 50;
    limits.session.close_timeout_ms = 200;
  }));
  SocketClient client(world.port());
  be_ready(client, "/ws?session=old");
  EXPECT_THAT(client.read_text(), HasSubstr(R"("type":"reconnect","reason":"max_age")"));
  EXPECT_EQ(client.read_close().close_code(), 4002);
  client.send_close(1000);  // not what the client wants, only its answer
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(soon([&] { return world.record("anonymous:old").state == v1::RECONNECTING; }));

  SocketClient silent(world.port());
  be_ready(silent, "/ws?session=silent");
  EXPECT_TRUE(soon([&] { return world.record("anonymous:silent").state == v1::RECONNECTING; }));
}

TEST(SessionEnd, APingIsSentAndItsPongIsHeard) {
  GatewayWorld world(with([](ListenerLimits& limits) {
    limits.session.ping_interval_ms = 100;
    limits.session.pong_timeout_ms = 300;
  }));
  SocketClient answering(world.port());
  be_ready(answering, "/ws?session=answering");
  for (int i = 0; i < 6; ++i) {
    const auto ping = answering.read_frame();
    ASSERT_TRUE(ping);
    ASSERT_EQ(ping->opcode, 9);
    answering.send(SocketClient::frame(10, ping->payload));
  }
  SocketClient dead(world.port());
  be_ready(dead, "/ws?session=dead");
  EXPECT_EQ(dead.read_close().close_code(), 4003);
}

// ---- many, and the end ----

TEST(SessionEnd, TwoHundredConnectionsAtOnceAndADrain) {
  GatewayWorld world;
  std::vector<std::unique_ptr<SocketClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<SocketClient>(world.port()));
    clients.back()->send(SocketClient::upgrade_request("/ws?session=c" + std::to_string(i)));
  }
  for (auto& client : clients) ASSERT_EQ(client->read_upgrade(), 101);
  for (auto& client : clients) {
    EXPECT_THAT(client->read_text(), HasSubstr("hello"));
    EXPECT_THAT(client->read_text(), HasSubstr("ready"));
    client->send_text(R"({"type":"message","id":"m","data":1})");
  }
  for (auto& client : clients) EXPECT_EQ(client->read_text(), R"({"type":"ack","id":"m"})");
  EXPECT_EQ(world.listener().sessions(), 200u);

  SocketClient silent(world.port());
  while (world.listener().sockets() < 201) SocketClient::wait(std::chrono::milliseconds(1));
  std::thread draining([&] { world.listener().drain(std::chrono::milliseconds(5000)); });
  const auto began = std::chrono::steady_clock::now();
  for (auto& client : clients) {
    std::string text = client->read_text();
    if (text.find("token") != std::string::npos) text = client->read_text();
    EXPECT_THAT(text, HasSubstr(R"("reason":"draining","after_ms":)"));
    EXPECT_EQ(client->read_close().close_code(), 4001);
    client->send_close(4001);
    EXPECT_TRUE(client->ended());
  }
  EXPECT_TRUE(silent.ended());
  draining.join();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(4));
  EXPECT_EQ(world.listener().sockets(), 0u);
  EXPECT_EQ(world.record("anonymous:c7").state, v1::RECONNECTING);
  EXPECT_EQ(SocketClient(world.port()).get("/").status, 0);
}

TEST(SessionEnd, WhoIgnoresTheDrainIsCutWithinItsBudget) {
  GatewayWorld world(
      with([](ListenerLimits& limits) { limits.session.close_timeout_ms = 60'000; }));
  SocketClient client(world.port());
  be_ready(client, "/ws?session=stubborn");
  const auto began = std::chrono::steady_clock::now();
  world.listener().drain(std::chrono::milliseconds(600));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  EXPECT_EQ(world.listener().sockets(), 0u);
}

TEST(SessionEnd, StoppingWithOpenSocketsLeavesNothingBehind) {
  auto world = std::make_unique<GatewayWorld>();
  SocketClient ready(world->port());
  be_ready(ready, "/ws?session=open");
  SocketClient silent(world->port());
  SocketClient browser(world->port());
  ASSERT_EQ(browser.upgrade("/ws?gen=x", "Origin: https://example.com\r\n"), 101);
  world.reset();
  EXPECT_TRUE(ready.ended());
}

}  // namespace
}  // namespace interlock
