// Outbox, Stats, the load of gateways, and readers who are slow, gone or want too much at once.
#include <atomic>

#include "coordinator/service/watch_stream.h"
#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

using testing::HasSubstr;

v1::StatsResponse stats(ServedCoordinator& coordinator) {
  v1::StatsResponse response;
  const grpc::Status status = coordinator.admin->Stats(ServedCoordinator::context().get(),
                                                       v1::StatsRequest(), &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

void publish(ServedCoordinator& coordinator, const std::string& key, const std::string& id,
             const std::string& payload) {
  v1::PublishRequest request;
  request.set_key(key);
  request.set_type("note");
  request.set_idempotency_key(id);
  request.set_payload(payload);
  v1::Receipt receipt;
  const grpc::Status status =
      coordinator.events->Publish(ServedCoordinator::context().get(), request, &receipt);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST(AdminOutbox, ShowsWhatWaitsAndCutsWhatIsLong) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s");
  publish(coordinator, "alice:s", "a", R"({"text":"<script>"})");
  publish(coordinator, "alice:s", "b", "\"" + std::string(5'000, 'x') + "\"");
  v1::OutboxRequest request;
  request.set_key("alice:s");
  v1::OutboxResponse response;
  const auto ask = [&] {
    response.Clear();
    return coordinator.admin->Outbox(ServedCoordinator::context().get(), request, &response);
  };
  ASSERT_TRUE(ask().ok());
  ASSERT_EQ(response.entries_size(), 2);
  EXPECT_EQ(response.held(), 2u);
  EXPECT_EQ(response.entries(0).sequence(), 1u);
  EXPECT_EQ(response.entries(0).type(), "note");
  EXPECT_EQ(response.entries(0).id(), "a");
  EXPECT_EQ(response.entries(0).payload(), R"({"text":"<script>"})");
  EXPECT_GT(response.entries(0).time_unix_ms(), 0);
  EXPECT_EQ(response.entries(1).payload().size(), 4'096u);
  EXPECT_EQ(response.entries(1).payload_bytes(), 5'002u);
  request.set_after(1);
  ASSERT_TRUE(ask().ok());
  ASSERT_EQ(response.entries_size(), 1);
  EXPECT_EQ(response.entries(0).sequence(), 2u);
  request.set_limit(65);
  EXPECT_EQ(ask().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_limit(1);
  request.set_key("alice:nobody");
  EXPECT_EQ(ask().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(AdminStats, SayWhatWaitsAndWhatElseIsKnown) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s");
  publish(coordinator, "alice:s", "a", "\"12345\"");
  EXPECT_EQ(stats(coordinator).outbox_events(), 1u);
  EXPECT_EQ(stats(coordinator).outbox_bytes(), 7u);
  EXPECT_EQ(stats(coordinator).watchers(), 0u);
  EXPECT_EQ(stats(coordinator).coordinator_id(), "served") << "added by whoever serves";
  v1::WatchRequest request;
  auto context = ServedCoordinator::context();
  const auto watch = coordinator.admin->Watch(context.get(), request);
  watch->WaitForInitialMetadata();
  EXPECT_EQ(stats(coordinator).watchers(), 1u);
  context->TryCancel();
  v1::WatchResponse response;
  while (watch->Read(&response)) {
  }
  watch->Finish();
}

TEST(AdminStats, NameKeysThatFlap) {
  ServedCoordinator coordinator;
  for (int i = 0; i < 12; ++i) {
    v1::Granted granted;
    coordinator.gateway->Claim(
        ServedCoordinator::context().get(),
        ServedCoordinator::claim_request("alice:s", i % 2 == 0 ? kGatewayA : kGatewayB), &granted);
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (stats(coordinator).flapping_keys_size() == 0 &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::yield();
  }
  ASSERT_EQ(stats(coordinator).flapping_keys_size(), 1);
  EXPECT_EQ(stats(coordinator).flapping_keys(0), "alice:s");
}

TEST(AdminGateways, AreShownWithWhatTheySayOfThemselves) {
  ServedCoordinator coordinator;
  auto context = ServedCoordinator::context();
  const auto stream = coordinator.gateway->Attach(context.get());
  v1::AttachRequest hello;
  hello.mutable_hello()->set_protocol_version(1);
  hello.mutable_hello()->set_gateway_id(kGatewayA);
  hello.set_held_end(true);
  ASSERT_TRUE(stream->Write(hello));
  const auto beat = [&](std::uint64_t number, v1::GatewayLoad load) {
    v1::AttachRequest request;
    request.mutable_heartbeat()->set_number(number);
    *request.mutable_heartbeat()->mutable_load() = std::move(load);
    ASSERT_TRUE(stream->Write(request));
    v1::AttachResponse response;
    while (response.heartbeat_confirmed() < number && stream->Read(&response)) {
    }
  };
  const auto shown = [&] {
    v1::ListGatewaysResponse response;
    EXPECT_TRUE(coordinator.admin
                    ->ListGateways(ServedCoordinator::context().get(), v1::ListGatewaysRequest(),
                                   &response)
                    .ok());
    return response.gateways_size() > 0 ? response.gateways(0) : v1::GatewayInfo();
  };
  // A lease is written once a tick at most, and what rides with it too.
  v1::GatewayLoad load;
  load.set_sockets(17);
  load.set_breaker(v1::GatewayLoad::OPEN);
  std::uint64_t number = 0;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!shown().has_load() && std::chrono::steady_clock::now() < until) beat(++number, load);
  EXPECT_EQ(shown().load().sockets(), 17u);
  EXPECT_EQ(shown().load().breaker(), v1::GatewayLoad::OPEN);

  v1::GatewayLoad talkative;
  talkative.set_sockets(18);
  talkative.set_build(std::string(5'000, 'x'));
  const std::uint64_t tick = stats(coordinator).tick();
  while (stats(coordinator).tick() < tick + 2 && std::chrono::steady_clock::now() < until) {
    beat(++number, talkative);
  }
  EXPECT_EQ(shown().load().sockets(), 17u) << "what is too long is not kept, the lease is renewed";
  EXPECT_LT(shown().lease_age_ms(), 5'000u);
  context->TryCancel();
  v1::AttachResponse rest;
  while (stream->Read(&rest)) {
  }
  stream->Finish();
}

// Sessions of alice, many of them claimed at once.
void claim_many(ServedCoordinator& coordinator, int number) {
  std::atomic<int> under_way = 0;
  for (int i = 0; i < number; ++i) {
    while (under_way >= 256) std::this_thread::yield();
    ++under_way;
    auto call = std::make_shared<std::pair<v1::ClaimRequest, v1::Granted>>();
    call->first = ServedCoordinator::claim_request("alice:" + std::to_string(i), kGatewayA);
    const std::shared_ptr<grpc::ClientContext> one = ServedCoordinator::context();
    coordinator.gateway->async()->Claim(one.get(), &call->first, &call->second,
                                        [one, call, &under_way](const grpc::Status& status) {
                                          EXPECT_TRUE(status.ok()) << status.error_message();
                                          --under_way;
                                        });
  }
  while (under_way > 0) std::this_thread::yield();
}

// Sanitized, so many claims take minutes: the plain program alone tests the bound.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTERLOCK_SANITIZED
#endif
#endif

#ifndef INTERLOCK_SANITIZED
// A filter that nothing matches reads on until the call's own bound, and says where to go on.
TEST(AdminList, OneCallLooksAtABoundedNumberOfRecords) {
  constexpr std::uint64_t kRecords = 23'000;
  constexpr std::uint64_t kVisitsMax = 20'000;
  constexpr std::uint64_t kSliceMax = 1'000;  // the last slice may go so far beyond
  ServedCoordinator coordinator;
  claim_many(coordinator, kRecords);
  v1::ListRequest request;
  request.set_filter("state = CLOSED");
  v1::ListResponse first;
  ASSERT_TRUE(
      coordinator.admin->List(ServedCoordinator::context().get(), request, &first).ok());
  EXPECT_EQ(first.connections_size(), 0);
  EXPECT_GE(first.visited(), kVisitsMax);
  EXPECT_LT(first.visited(), kVisitsMax + kSliceMax);
  ASSERT_NE(first.next_page_token(), "");
  request.set_page_token(first.next_page_token());
  v1::ListResponse rest;
  ASSERT_TRUE(coordinator.admin->List(ServedCoordinator::context().get(), request, &rest).ok());
  EXPECT_EQ(rest.next_page_token(), "");
  EXPECT_EQ(first.visited() + rest.visited(), kRecords) << "each is looked at once";
}
#endif

// 6,000 changes, of which nobody reads one: what is kept for the reader is bounded, and it hears
// of it.
TEST(AdminWatch, AReaderWhoIsSlowIsToldWhatItMissedAndNothingGrows) {
  ServedCoordinator coordinator;
  v1::WatchRequest request;
  // A connection of its own, whose end does not take in more and more by itself.
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto admin = v1::Admin::NewStub(grpc::CreateCustomChannel(
      coordinator.address, grpc::InsecureChannelCredentials(), arguments));
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(240));
  const auto watch = admin->Watch(context.get(), request);
  watch->WaitForInitialMetadata();
  claim_many(coordinator, 6'000);
  // What gRPC holds between the two ends is bounded in bytes; so many responses are far more.
  constexpr int kOnTheWayMax = 2'000;
  int before = 0;
  v1::WatchResponse response;
  while (watch->Read(&response) && !response.missed()) ++before;
  EXPECT_TRUE(response.missed());
  EXPECT_GE(before, 100);
  RecordProperty("shown_before_the_gap", before);
  EXPECT_LE(before, static_cast<int>(kWatchQueueMax) + kOnTheWayMax);
  // It goes on: what happens from here on is shown.
  coordinator.claim("bob:s", kGatewayB);
  while (watch->Read(&response) && response.changed().key() != "bob:s") {
  }
  EXPECT_EQ(response.changed().key(), "bob:s");
  context->TryCancel();
  while (watch->Read(&response)) {
  }
  watch->Finish();
}

TEST(AdminSteering, AKickStopsWhenItsOperatorLeaves) {
  ServedCoordinator coordinator;
  constexpr int kConnections = 3'000;
  for (int i = 0; i < kConnections; ++i) coordinator.claim("alice:s" + std::to_string(i));
  v1::KickRequest request;
  request.set_all(true);
  request.set_reason("a test");
  auto context = ServedCoordinator::context();
  const auto reader = coordinator.admin->Kick(context.get(), request);
  v1::KickResponse response;
  ASSERT_TRUE(reader->Read(&response));
  context->TryCancel();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // It comes to rest, and not because everybody is gone.
  const auto live = [&] {
    return stats(coordinator).connections_by_state().at("PROCESSING_READY");
  };
  std::uint64_t left = live();
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int same = 0; same < 200 && std::chrono::steady_clock::now() < until;) {
    const std::uint64_t now = live();
    same = now == left ? same + 1 : 0;
    left = now;
  }
  EXPECT_GT(left, 0u);
  EXPECT_LT(left, static_cast<std::uint64_t>(kConnections));
}

}  // namespace
}  // namespace interlock
