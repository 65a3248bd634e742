// Kick, ForceRelease, DrainGateway, Explain, ListGateways, Stats and filters, through real calls.
#include <set>

#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

using testing::HasSubstr;

struct Kicked {
  grpc::Status status;
  std::vector<v1::KickResponse::Kicked> each;
  std::optional<v1::KickResponse::Totals> totals;
};

Kicked kick(ServedCoordinator& coordinator, v1::KickRequest request) {
  if (request.reason().empty()) request.set_reason("a test");
  Kicked kicked;
  auto context = ServedCoordinator::context();
  const auto reader = coordinator.admin->Kick(context.get(), request);
  v1::KickResponse response;
  while (reader->Read(&response)) {
    if (response.has_kicked()) kicked.each.push_back(response.kicked());
    if (response.has_done()) kicked.totals = response.done();
  }
  kicked.status = reader->Finish();
  return kicked;
}

v1::ExplainResponse explain(ServedCoordinator& coordinator, const std::string& key) {
  v1::ExplainRequest request;
  request.set_key(key);
  v1::ExplainResponse response;
  const grpc::Status status =
      coordinator.admin->Explain(ServedCoordinator::context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

v1::ListResponse list(ServedCoordinator& coordinator, const std::string& filter) {
  v1::ListRequest request;
  request.set_filter(filter);
  v1::ListResponse response;
  const grpc::Status status =
      coordinator.admin->List(ServedCoordinator::context().get(), request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

TEST(AdminSteering, AKickByKeyEndsItAndKeepsItsClientOut) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s");
  v1::KickRequest request;
  request.set_key("alice:s");
  const Kicked kicked = kick(coordinator, request);
  ASSERT_TRUE(kicked.status.ok()) << kicked.status.error_message();
  ASSERT_EQ(kicked.each.size(), 1u);
  EXPECT_FALSE(kicked.each[0].has_refusal());
  EXPECT_EQ(kicked.totals->kicked(), 1u);
  const v1::ExplainResponse why = explain(coordinator, "alice:s");
  EXPECT_TRUE(why.connection().barred());
  EXPECT_EQ(why.findings(0).why(), v1::ENDED);
  EXPECT_EQ(why.findings(1).why(), v1::BARRED);
  const auto& steps = why.connection().transitions();
  EXPECT_EQ(steps[steps.size() - 1].note(), "anonymous: a test");
  v1::Granted granted;
  EXPECT_EQ(coordinator.gateway
                ->Claim(ServedCoordinator::context().get(),
                        ServedCoordinator::claim_request("alice:s", kGatewayB), &granted)
                .error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST(AdminSteering, AKickByFilterTakesThoseThatMatchAndADryRunNobody) {
  ServedCoordinator coordinator;
  for (int i = 0; i < 450; ++i) coordinator.claim("alice:s" + std::to_string(1000 + i));
  coordinator.claim("bob:s");
  v1::KickRequest request;
  request.set_filter("key = alice:*");
  request.set_may_return(true);
  request.set_dry_run(true);
  EXPECT_EQ(kick(coordinator, request).totals->kicked(), 450u);
  EXPECT_EQ(list(coordinator, "waiting").connections_size(), 0);
  request.set_dry_run(false);
  const Kicked kicked = kick(coordinator, request);
  ASSERT_TRUE(kicked.status.ok()) << kicked.status.error_message();
  EXPECT_EQ(kicked.each.size(), 450u);
  EXPECT_EQ(kicked.totals->kicked(), 450u);
  std::set<std::string> keys;
  for (const auto& one : kicked.each) keys.insert(one.key());
  EXPECT_EQ(keys.size(), 450u) << "each once";
  EXPECT_EQ(list(coordinator, "operational").connections(0).key(), "bob:s");
  request.clear_filter();
  request.set_all(true);
  request.set_may_return(false);
  EXPECT_EQ(kick(coordinator, request).totals->kicked(), 451u);
  EXPECT_EQ(list(coordinator, "live").connections_size(), 0);
}

TEST(AdminSteering, AKickThatDoesNotSayWhomOrWhyIsRefused) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s");
  const auto refusal = [&](const std::function<void(v1::KickRequest&)>& make) {
    v1::KickRequest request;
    make(request);
    const Kicked kicked = kick(coordinator, request);
    EXPECT_EQ(kicked.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return refusal_of(kicked.status).invalid_argument().message();
  };
  EXPECT_THAT(refusal([](auto&) {}), HasSubstr("to kick every connection, say all"));
  EXPECT_THAT(refusal([](auto& request) {
                request.set_all(true);
                request.set_key("alice:s");
              }),
              HasSubstr("only one of"));
  EXPECT_THAT(refusal([](auto& request) {
                request.set_key("alice:s");
                request.set_code(4001);
              }),
              HasSubstr("4500 to 4999"));
  EXPECT_THAT(refusal([](auto& request) {
                request.set_key("alice:s");
                request.set_may_return(true);
                request.set_code(4502);
              }),
              HasSubstr("4000 to 4199"));
  EXPECT_THAT(refusal([](auto& request) { request.set_filter("state = NO"); }),
              HasSubstr("there is no such state"));
  EXPECT_THAT(refusal([](auto& request) {
                request.set_key("alice:s");
                request.set_reason(std::string(201, 'x'));
              }),
              HasSubstr("at most 200 bytes"));
  v1::KickRequest silent;
  silent.set_key("alice:s");
  auto context = ServedCoordinator::context();
  const auto reader = coordinator.admin->Kick(context.get(), silent);
  v1::KickResponse response;
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_THAT(reader->Finish().error_message(), HasSubstr("say why"));
  EXPECT_EQ(list(coordinator, "operational").connections_size(), 1) << "nobody was hurt";
}

TEST(AdminSteering, WhatHasMovedOnIsNotKickedAndWhatDoesNotExistIsSaid) {
  ServedCoordinator coordinator;
  const v1::Granted seen = coordinator.claim("alice:s");
  coordinator.claim("alice:s", kGatewayB);
  v1::KickRequest request;
  request.set_key("alice:s");
  request.set_generation(seen.generation());
  const Kicked moved = kick(coordinator, request);
  ASSERT_EQ(moved.each.size(), 1u);
  EXPECT_TRUE(moved.each[0].refusal().has_stale_generation());
  EXPECT_EQ(moved.totals->refused(), 1u);
  request.set_key("alice:nobody");
  EXPECT_EQ(kick(coordinator, request).status.error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST(AdminSteering, ForceReleaseNeedsTheGenerationThatWasSeen) {
  ServedCoordinator coordinator;
  const v1::Granted granted = coordinator.claim("alice:s");
  v1::ForceReleaseRequest request;
  request.set_key("alice:s");
  request.set_reason("stuck");
  v1::ForceReleaseResponse response;
  const auto release = [&] {
    return coordinator.admin->ForceRelease(ServedCoordinator::context().get(), request, &response);
  };
  EXPECT_EQ(release().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request.set_generation(granted.generation() + 1);
  EXPECT_EQ(release().error_code(), grpc::StatusCode::ABORTED);
  request.set_generation(granted.generation());
  EXPECT_TRUE(release().ok());
  EXPECT_EQ(explain(coordinator, "alice:s").findings(0).why(), v1::WAITING_FOR_CLIENT);
}

TEST(AdminSteering, GatewaysAreListedAndDrained) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s", kGatewayA);
  coordinator.claim("alice:t", kGatewayA);
  coordinator.claim("alice:u", kGatewayB);
  const auto gateways = [&] {
    v1::ListGatewaysResponse response;
    EXPECT_TRUE(
        coordinator.admin
            ->ListGateways(ServedCoordinator::context().get(), v1::ListGatewaysRequest(), &response)
            .ok());
    return response;
  };
  ASSERT_EQ(gateways().gateways_size(), 2);
  EXPECT_EQ(gateways().gateways(0).gateway_id(), kGatewayA);
  EXPECT_EQ(gateways().gateways(0).connections(), 2u);
  EXPECT_EQ(gateways().gateways(1).connections(), 1u);
  EXPECT_EQ(gateways().gateways(0).draining_per_s(), 0u);

  v1::DrainGatewayRequest request;
  request.set_gateway_id(kGatewayA);
  request.set_reason("new version");
  v1::DrainGatewayResponse response;
  const auto drain = [&] {
    return coordinator.admin->DrainGateway(ServedCoordinator::context().get(), request, &response);
  };
  ASSERT_TRUE(drain().ok());
  EXPECT_EQ(response.connections(), 2u);
  EXPECT_EQ(gateways().gateways(0).draining_per_s(), 100u);
  EXPECT_EQ(explain(coordinator, "alice:s").findings(1).why(), v1::GATEWAY_DRAINING);
  request.set_gateway_id(std::string(32, 'c'));
  EXPECT_EQ(drain().error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_gateway_id(kGatewayA);
  request.set_per_s(100'001);
  EXPECT_EQ(drain().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(AdminSteering, StatsCountByState) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s");
  coordinator.claim("alice:t", kGatewayA, v1::CONNECTING);
  v1::StatsResponse stats;
  ASSERT_TRUE(
      coordinator.admin->Stats(ServedCoordinator::context().get(), v1::StatsRequest(), &stats)
          .ok());
  EXPECT_EQ(stats.records(), 2u);
  EXPECT_EQ(stats.connections_by_state().at("PROCESSING_READY"), 1u);
  EXPECT_EQ(stats.connections_by_state().at("CONNECTING"), 1u);
  EXPECT_EQ(stats.connections_by_state().at("CLOSED"), 0u);
  EXPECT_FALSE(stats.version().empty());
}

TEST(AdminSteering, AKeyThatDoesNotExistIsExplainedToo) {
  ServedCoordinator coordinator;
  const v1::ExplainResponse why = explain(coordinator, "alice:nobody");
  EXPECT_FALSE(why.has_connection());
  ASSERT_EQ(why.findings_size(), 1);
  EXPECT_EQ(why.findings(0).why(), v1::UNKNOWN_KEY);
  EXPECT_EQ(why.text(), why.findings(0).text());
}

TEST(AdminWatch, OneThatIsResumedShowsWhatChangedMeanwhileAndGoesOn) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:old");
  v1::WatchRequest request;
  v1::WatchResponse response;
  {
    auto context = ServedCoordinator::context();
    const auto first = coordinator.admin->Watch(context.get(), request);
    first->WaitForInitialMetadata();
    coordinator.claim("alice:seen");
    ASSERT_TRUE(first->Read(&response));
    // The place to go on from is at most one commit behind what was shown.
    request.set_from_revision(response.changed().revision());
    context->TryCancel();
    while (first->Read(&response)) {
    }
    first->Finish();
  }
  for (int i = 0; i < 5; ++i) coordinator.claim("alice:new" + std::to_string(i));
  auto context = ServedCoordinator::context();
  const auto again = coordinator.admin->Watch(context.get(), request);
  std::set<std::string> shown;
  while (again->Read(&response) && !response.caught_up()) {
    shown.insert(response.changed().key());
    EXPECT_GE(response.revision(), request.from_revision());
  }
  EXPECT_EQ(shown.size(), 5u);
  EXPECT_FALSE(shown.contains("alice:old"));
  coordinator.claim("alice:later");
  ASSERT_TRUE(again->Read(&response));
  EXPECT_EQ(response.changed().key(), "alice:later");
  context->TryCancel();
  while (again->Read(&response)) {
  }
  again->Finish();
}

TEST(AdminWatch, WhileItCatchesUpItNamesThePlaceWhereItBegan) {
  // More than one slice of the scan, and more than a stream takes that nobody reads.
  constexpr int records = 700;
  ServedCoordinator coordinator;
  // Of a subject each: one of them may not have so many sessions.
  const auto claim = [&coordinator](const std::string& subject) {
    auto claiming = ServedCoordinator::claim_request(subject + ":tab", kGatewayA);
    claiming.set_subject(subject);
    v1::Granted granted;
    auto asking = ServedCoordinator::context();
    EXPECT_TRUE(coordinator.gateway->Claim(asking.get(), claiming, &granted).ok());
  };
  for (int i = 0; i < records; ++i) claim("user" + std::to_string(i));
  v1::WatchRequest request;
  request.set_from_revision(1);
  auto context = ServedCoordinator::context();
  const auto watch = coordinator.admin->Watch(context.get(), request);
  watch->WaitForInitialMetadata();
  for (int i = 0; i < 10; ++i) claim("zoe" + std::to_string(i));
  std::set<std::string> shown;
  v1::WatchResponse response;
  bool caught_up = false;
  // Some of what happens meanwhile may come behind the end of the scan.
  while (shown.size() < records + 10u && watch->Read(&response)) {
    if (response.has_changed()) shown.insert(response.changed().key());
    caught_up = caught_up || response.caught_up() > 0;
    if (caught_up) {
      EXPECT_GT(response.revision(), static_cast<std::uint64_t>(records));
    } else {
      EXPECT_EQ(response.revision(), 1u) << response.ShortDebugString();
    }
  }
  EXPECT_EQ(shown.size(), records + 10u);
  context->TryCancel();
  while (watch->Read(&response)) {
  }
  watch->Finish();
}

TEST(AdminWatch, AFilterThatIsWrongIsRefused) {
  ServedCoordinator coordinator;
  v1::WatchRequest request;
  request.set_filter("sate = IDLE");
  auto context = ServedCoordinator::context();
  const auto watch = coordinator.admin->Watch(context.get(), request);
  v1::WatchResponse response;
  EXPECT_FALSE(watch->Read(&response));
  EXPECT_THAT(watch->Finish().error_message(), HasSubstr("there is no such field"));
}

}  // namespace
}  // namespace interlock
