// Whole sessions over real sockets: the protocol, its breaches, slow peers, the drain.
#include "gateway/session_shell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/gateway/gateway_world.h"
#include "tests/gateway/socket_client.h"

namespace interlock {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

ListenerOptions with(const std::function<void(ListenerLimits&)>& change) {
  ListenerOptions options;
  change(options.limits);
  return options;
}

// Through hello and ready.
void be_ready(SocketClient& client, std::string_view target) {
  ASSERT_EQ(client.upgrade(target), 101) << client.head;
  ASSERT_THAT(client.read_text(), StartsWith(R"({"type":"hello")"));
  ASSERT_THAT(client.read_text(), StartsWith(R"({"type":"ready")"));
}

// Waits for what another thread brings about.
template <typename Condition>
bool soon(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + SocketClient::patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(SessionOverSockets, HelloReadyMessageAndEvents) {
  GatewayWorld world;
  SocketClient client(world.port());
  ASSERT_EQ(client.upgrade("/ws?session=tab"), 101);
  EXPECT_THAT(client.head, HasSubstr("\r\nSec-WebSocket-Protocol: interlock.v1\r\n"));
  EXPECT_THAT(client.head, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  const std::string hello = client.read_text();
  EXPECT_THAT(hello, HasSubstr(R"("key":"anonymous:tab")"));
  EXPECT_THAT(client.read_text(), HasSubstr(R"("state":"PROCESSING_READY")"));

  client.send_text(R"({"type":"message","id":"m1","data":{"text":"hi"}})");
  EXPECT_EQ(client.read_text(), R"({"type":"ack","id":"m1"})");
  EXPECT_THAT(client.read_text(), HasSubstr(R"("event":"token")"));
  ASSERT_THAT(world.backend.received(), SizeIs(1));
  EXPECT_EQ(world.backend.received()[0].data(), R"({"text":"hi"})");

  world.coordinator.run([](MemoryCoordinator& coordinator) {
    coordinator.publish("anonymous:tab", "agent_started", R"({"n":1})");
    coordinator.publish("anonymous:tab", "agent_completed", R"({"n":2})");
  });
  EXPECT_THAT(client.read_text(), HasSubstr(R"("seq":1,"event":"agent_started")"));
  EXPECT_THAT(client.read_text(), HasSubstr(R"("seq":2,"event":"agent_completed")"));
  client.send_text(R"({"type":"ack","seq":2})");
  EXPECT_TRUE(soon([&] { return world.record("anonymous:tab").acknowledged == 2; }));
  EXPECT_THAT(world.metrics(), HasSubstr("interlock_events_sent_total 2"));
  EXPECT_THAT(world.metrics(), HasSubstr(R"(interlock_messages_total{result="taken"} 1)"));
}

TEST(SessionOverSockets, AMessageInTheSamePacketAsTheHandshakeIsNotLost) {
  GatewayWorld world;
  SocketClient client(world.port());
  std::string bytes = SocketClient::upgrade_request("/ws?session=early");
  for (int i = 0; i < 3; ++i) {
    bytes += SocketClient::frame(1, R"({"type":"message","id":"m)" + std::to_string(i) +
                                        R"(","data":)" + std::string(1000, '1') + "}");
  }
  client.send(bytes);
  ASSERT_EQ(client.read_upgrade(), 101);
  for (int i = 0; i < 3; ++i) {
    std::string text = client.read_text();
    while (text.find(R"("type":"ack")") == std::string::npos && !text.empty()) {
      text = client.read_text();
    }
    EXPECT_EQ(text, R"({"type":"ack","id":"m)" + std::to_string(i) + R"("})");
  }
}

TEST(SessionOverSockets, BytesBehindARequestThatAreNoFrameEndTheConnection) {
  GatewayWorld world;
  SocketClient client(world.port());
  client.send(SocketClient::upgrade_request("/ws") + "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_EQ(client.read_upgrade(), 101);
  EXPECT_EQ(client.read_close().close_code(), 1002);
  EXPECT_TRUE(client.ended());
}

TEST(SessionOverSockets, FragmentsBecomeOneMessage) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws");
  client.send(SocketClient::frame(1, R"({"type":"mess)", false));
  client.send(SocketClient::frame(9, "between"));
  client.send(SocketClient::frame(0, R"(age","id":"m","da)", false));
  client.send(SocketClient::frame(0, "", false));
  client.send(SocketClient::frame(0, R"(ta":[1]})", true));
  const auto pong = client.read_frame();
  ASSERT_TRUE(pong);
  EXPECT_EQ(pong->opcode, 10);
  EXPECT_EQ(pong->payload, "between");
  EXPECT_EQ(client.read_text(), R"({"type":"ack","id":"m"})");
}

TEST(SessionOverSockets, LongFramesArriveWhole) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws?session=long");
  const std::string payload = R"(")" + std::string(60'000, 'x') + R"(")";
  for (const std::size_t length : {100u, 130u, 40'000u, 65'000u}) {
    const std::string text = R"(")" + std::string(length, 'y') + R"(")";
    world.coordinator.run([&](MemoryCoordinator& coordinator) {
      coordinator.publish("anonymous:long", "big", text);
    });
    EXPECT_THAT(client.read_text(), HasSubstr(text));
  }
  client.send_text(R"({"type":"message","id":"m","data":)" + payload + "}");
  EXPECT_EQ(client.read_text(), R"({"type":"ack","id":"m"})");
  EXPECT_EQ(world.backend.received()[0].data(), payload);
}

TEST(SessionOverSockets, ABinaryFrameIsAProtocolError) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws");
  client.send(SocketClient::frame(2, "{}"));
  EXPECT_EQ(client.read_close().close_code(), 4504);
  client.send_close(4504);
  EXPECT_TRUE(client.ended());
}

TEST(SessionOverSockets, AFrameOverTheLimitIsTooBig) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws?session=big");
  client.send(SocketClient::frame(1, std::string(64 * 1024 + 1, ' ')));
  EXPECT_EQ(client.read_close().close_code(), 1009);
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(soon([&] { return world.record("anonymous:big").owner.empty(); }));
  EXPECT_THAT(world.metrics(),
              HasSubstr(R"(interlock_closes_total{code="1009",origin="gateway"} 1)"));
}

TEST(SessionOverSockets, FragmentsTogetherOverTheLimitAreTooBig) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws");
  client.send(SocketClient::frame(1, std::string(40'000, ' '), false));
  client.send(SocketClient::frame(0, std::string(40'000, ' '), true));
  EXPECT_EQ(client.read_close().close_code(), 1009);
}

TEST(SessionOverSockets, BadUtf8IsRefusedAsWebSocketSays) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws?session=bad");
  client.send(SocketClient::frame(1, "{\"type\":\"\xC3\x28\"}"));
  EXPECT_EQ(client.read_close().close_code(), 1007);
  EXPECT_TRUE(client.ended());
  EXPECT_TRUE(soon([&] { return world.record("anonymous:bad").owner.empty(); }));
  EXPECT_EQ(world.record("anonymous:bad").state, v1::RECONNECTING);
}

TEST(SessionOverSockets, AnUnmaskedFrameIsRefusedAsWebSocketSays) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws");
  client.send(SocketClient::frame(1, "{}", true, false));
  EXPECT_EQ(client.read_close().close_code(), 1002);
  EXPECT_TRUE(client.ended());
}

TEST(SessionOverSockets, TheClientsCloseIsAnsweredAndTold) {
  GatewayWorld world;
  SocketClient done(world.port());
  be_ready(done, "/ws?session=done");
  done.send_close(1000);
  EXPECT_EQ(done.read_close().close_code(), 1000);
  EXPECT_TRUE(done.ended());
  EXPECT_TRUE(soon([&] { return world.record("anonymous:done").state == v1::CLOSED; }));

  SocketClient away(world.port());
  be_ready(away, "/ws?session=away");
  away.send_close(1001);
  EXPECT_EQ(away.read_close().close_code(), 1001);
  EXPECT_TRUE(soon([&] { return world.record("anonymous:away").state == v1::RECONNECTING; }));

  SocketClient lost(world.port());
  be_ready(lost, "/ws?session=lost");
  lost.reset();
  EXPECT_TRUE(soon([&] { return world.record("anonymous:lost").state == v1::RECONNECTING; }));
  EXPECT_TRUE(soon([&] { return world.listener().sessions() == 0; }));
  const std::string metrics = world.metrics();
  EXPECT_THAT(metrics, HasSubstr(R"(interlock_closes_total{code="1000",origin="client"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(interlock_closes_total{code="1001",origin="client"} 1)"));
  EXPECT_THAT(metrics, HasSubstr(R"(interlock_closes_total{code="1006",origin="network"} 1)"));
}

TEST(SessionOverSockets, ASecondSocketOfTheClientReplacesTheFirst) {
  GatewayWorld world;
  SocketClient first(world.port());
  be_ready(first, "/ws?session=s");
  SocketClient second(world.port());
  be_ready(second, "/ws?session=s");
  const WireFrame close = first.read_close();
  EXPECT_EQ(close.close_code(), 4500);
  EXPECT_THAT(close.close_reason(), HasSubstr("generation="));
}

TEST(SessionOverSockets, APeerThatSendsAndNeverReadsIsCutByTheTimer) {
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

TEST(SessionOverSockets, APeerThatDoesNotKeepUpOverflowsItsOwnQueueOnly) {
  GatewayWorld world(with([](ListenerLimits& limits) {
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

TEST(SessionOverSockets, AFloodOfPingsFromADeafPeerIsBounded) {
  GatewayWorld world(with([](ListenerLimits& limits) {
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

TEST(SessionOverSockets, AnOldConnectionIsAskedToComeBack) {
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

TEST(SessionOverSockets, APingIsSentAndItsPongIsHeard) {
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

TEST(SessionOverSockets, TwoHundredConnectionsAtOnceAndADrain) {
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
  while (world.listener().sockets() < 201) std::this_thread::yield();
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

TEST(SessionOverSockets, WhoIgnoresTheDrainIsCutWithinItsBudget) {
  GatewayWorld world(
      with([](ListenerLimits& limits) { limits.session.close_timeout_ms = 60'000; }));
  SocketClient client(world.port());
  be_ready(client, "/ws?session=stubborn");
  const auto began = std::chrono::steady_clock::now();
  world.listener().drain(std::chrono::milliseconds(600));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  EXPECT_EQ(world.listener().sockets(), 0u);
}

TEST(SessionOverSockets, StoppingWithOpenSocketsLeavesNothingBehind) {
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
