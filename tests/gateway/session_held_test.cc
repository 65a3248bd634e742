// Holding over real sockets: data stops, control goes on, and every hold ends one way or the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/gateway/gateway_world.h"
#include "tests/gateway/socket_client.h"

namespace interlock {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr const char* pong = R"({"type":"pong"})";
constexpr const char* ping = R"({"type":"ping"})";

// A gateway that holds within half a second, and whose coordinator does what the test says.
class Held : public ::testing::Test {
 protected:
  static AttachmentLimits limits(std::uint64_t give_up_after_ms) {
    AttachmentLimits limits;
    limits.hold_after_ms = 500;
    limits.give_up_after_ms = give_up_after_ms;
    return limits;
  }
  static ListenerOptions options() {
    return with([](ListenerLimits& limits) {
      limits.session.waiting_messages_max = 2;
      // No timer may wake a session within the patience of a test, not even one for nothing.
      limits.session.claim_timeout_ms = 120'000;
      limits.shell.send_stall_ms = 120'000;
    });
  }
  explicit Held(std::uint64_t give_up_after_ms = 60'000)
      : world(options(), limits(give_up_after_ms)) {
    change([](MemoryCoordinator& coordinator) { coordinator.heartbeat_ms = 50; });
    EXPECT_TRUE(soon([this] { return !world.counters().holding; }));
  }
  void change(const std::function<void(MemoryCoordinator&)>& what) { world.coordinator.run(what); }
  bool hold() {
    change([](MemoryCoordinator& coordinator) { coordinator.confirm_heartbeats = false; });
    return soon([this] { return world.counters().holding.load(); });
  }
  void release() {
    change([](MemoryCoordinator& coordinator) { coordinator.confirm_heartbeats = true; });
  }

  GatewayWorld world;
};
class HeldBriefly : public Held {
 protected:
  HeldBriefly() : Held(500) {}
};

TEST_F(Held, MessagesAndEventsWaitWhilePingsAreAnswered) {
  SocketClient client(world.port());
  be_ready(client, "/ws?session=tab");
  ASSERT_TRUE(hold());
  client.send_text(R"({"type":"message","id":"m1","data":1})");
  change([](MemoryCoordinator& c) { c.publish("anonymous:tab", "token", "1"); });
  for (int i = 0; i < 3; ++i) {
    client.send_text(ping);
    EXPECT_EQ(client.read_text(), pong);
  }
  EXPECT_THAT(world.backend.received(), IsEmpty());
  release();
  std::vector<std::string> frames{client.read_text(), client.read_text(), client.read_text()};
  EXPECT_THAT(frames, ::testing::UnorderedElementsAre(HasSubstr(R"("seq":1)"),
                                                      R"({"type":"ack","id":"m1"})",
                                                      HasSubstr(R"("event":"token","data":1)")));
  EXPECT_THAT(world.backend.received(), SizeIs(1));
  EXPECT_GE(world.counters().holds, 1u);
}

TEST_F(Held, AClientThatComesMeanwhileIsGreetedAndReadyBehindIt) {
  ASSERT_TRUE(hold());
  SocketClient client(world.port());
  ASSERT_EQ(client.upgrade("/ws?session=new"), 101);
  EXPECT_THAT(client.read_text(), StartsWith(R"({"type":"hello")"));
  client.send_text(ping);
  EXPECT_EQ(client.read_text(), pong);
  release();
  EXPECT_THAT(client.read_text(), StartsWith(R"({"type":"ready")"));
}

TEST_F(Held, AClientThatSendsTooMuchIsClosedAlone) {
  SocketClient much(world.port());
  be_ready(much, "/ws?session=much");
  SocketClient other(world.port());
  be_ready(other, "/ws?session=other");
  ASSERT_TRUE(hold());
  for (const char* id : {"m1", "m2", "m3"}) {
    much.send_text(R"({"type":"message","id":")" + std::string(id) + R"(","data":1})");
  }
  EXPECT_EQ(much.read_close().close_code(), 4006);
  other.send_text(ping);
  EXPECT_EQ(other.read_text(), pong);
}

TEST_F(HeldBriefly, WhenNobodyAnswersTheSocketsAreClosedAndAnotherIdComes) {
  SocketClient client(world.port());
  be_ready(client, "/ws?session=tab");
  const std::uint64_t generation = world.record("anonymous:tab").generation;
  EXPECT_EQ(world.record("anonymous:tab").owner, world.gateway_id());
  world.coordinator.set_away(true);
  EXPECT_EQ(client.read_close().close_code(), 4005);
  client.send_close(4005);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(world.counters().given_up, 1u);
  world.coordinator.set_away(false);
  ASSERT_TRUE(soon([this] { return !world.counters().holding; }));
  SocketClient again(world.port());
  be_ready(again, "/ws?session=tab");
  EXPECT_GT(world.record("anonymous:tab").generation, generation);
  EXPECT_NE(world.record("anonymous:tab").owner, world.gateway_id());
}

TEST_F(Held, AnExpiredGatewayClosesItsSocketsAndGoesOnUnderAnotherId) {
  SocketClient client(world.port());
  be_ready(client, "/ws?session=tab");
  change([this](MemoryCoordinator& coordinator) { coordinator.expire(world.gateway_id()); });
  EXPECT_EQ(client.read_close().close_code(), 4005);
  EXPECT_EQ(world.counters().expired, 1u);
  ASSERT_TRUE(soon([this] { return !world.counters().holding; }));
  SocketClient again(world.port());
  be_ready(again, "/ws?session=tab");
  EXPECT_NE(world.record("anonymous:tab").owner, world.gateway_id());
  change([](MemoryCoordinator& coordinator) {
    EXPECT_FALSE(coordinator.expired(coordinator.find("anonymous:tab")->owner));
  });
}

TEST_F(Held, WhileTheStoreIsAwaySocketsStayAndNobodyNewIsLetIn) {
  SocketClient client(world.port());
  be_ready(client, "/ws?session=tab");
  change([](MemoryCoordinator& coordinator) {
    coordinator.store_away = true;
    coordinator.say_store_away(true);
  });
  ASSERT_TRUE(soon([this] { return world.counters().holding.load(); }));
  SocketClient other(world.port());
  EXPECT_EQ(other.upgrade("/ws?session=other"), 503);
  client.send_text(ping);
  EXPECT_EQ(client.read_text(), pong);
  change([](MemoryCoordinator& coordinator) {
    coordinator.store_away = false;
    coordinator.say_store_away(false);
  });
  client.send_text(R"({"type":"message","id":"m1","data":1})");
  EXPECT_EQ(client.read_text(), R"({"type":"ack","id":"m1"})");
}

}  // namespace
}  // namespace interlock
