// Whole sessions over real sockets: the protocol and its breaches.
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

// Pings of 21 bytes each: far more than is read at first, so that a frame goes on in the next read.
TEST(SessionOverSockets, ManyFramesInOneSegmentAreAnsweredOneByOne) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws");
  constexpr int count = 2'000;
  std::string pings;
  for (int i = 0; i < count; ++i) pings += SocketClient::frame(1, R"({"type":"ping"})");
  client.send(pings);
  for (int i = 0; i < count; ++i) ASSERT_EQ(client.read_text(), R"({"type":"pong"})") << i;
}

TEST(SessionOverSockets, AFrameThatTricklesInIsReadWhenItIsWhole) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws");
  const std::string bytes = SocketClient::frame(1, R"({"type":"ping"})");
  for (const char byte : bytes) {
    client.send({&byte, 1});
    SocketClient::wait(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(client.read_text(), R"({"type":"pong"})");
}

TEST(SessionOverSockets, WhatComesBehindTheCloseIsNotAnswered) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws?session=behind");
  client.send(SocketClient::frame(2, "{}"));  // which is closed with 4504
  client.send(SocketClient::frame(9, "ping") + SocketClient::frame(1, R"({"type":"ping"})"));
  const auto frame = client.read_frame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->opcode, 8);
  EXPECT_EQ(frame->close_code(), 4504);
  client.send_close(4504);
  EXPECT_FALSE(client.read_frame());
  EXPECT_TRUE(client.ended());
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

// Around what a waiting socket keeps ready, and what it reads on with.
TEST(SessionOverSockets, MessagesOfEveryLengthArriveWhole) {
  GatewayWorld world;
  SocketClient client(world.port());
  be_ready(client, "/ws?session=lengths");
  const std::string around = R"({"type":"message","id":"m000","data":""})";
  for (const std::size_t length : {127u, 128u, 129u, 256u, 1'535u, 1'536u, 1'537u, 16'511u, 16'512u,
                                   16'513u, 33'000u, 65'536u}) {
    const std::size_t number = world.backend.received().size();
    const std::string id = "m" + std::to_string(100 + number);
    const std::string data = R"(")" + std::string(length - around.size(), 'z') + R"(")";
    const std::string text = R"({"type":"message","id":")" + id + R"(","data":)" + data + "}";
    ASSERT_EQ(text.size(), length);
    // In two fragments, and with the next message behind it.
    client.send(SocketClient::frame(1, text.substr(0, length / 3), false) +
                SocketClient::frame(0, text.substr(length / 3)) +
                SocketClient::frame(1, R"({"type":"ping"})"));
    std::vector<std::string> answers{client.read_text(), client.read_text(), client.read_text()};
    EXPECT_THAT(answers, ::testing::Contains(R"({"type":"ack","id":")" + id + R"("})"));
    EXPECT_THAT(answers, ::testing::Contains(R"({"type":"pong"})"));
    ASSERT_THAT(world.backend.received(), SizeIs(number + 1));
    EXPECT_EQ(world.backend.received()[number].data(), data);
  }
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

}  // namespace
}  // namespace interlock
