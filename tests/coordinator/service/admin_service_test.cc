#include <thread>

#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

TEST(AdminService, ListPagesByKeyAndCanLeaveFinalRecordsOut) {
  ServedCoordinator coordinator;
  std::vector<std::string> keys;
  for (int i = 0; i < 25; ++i) keys.push_back("alice:s" + std::to_string(100 + i));
  for (const std::string& key : keys) coordinator.claim(key);
  v1::OperateRequest close;
  close.set_key(keys[3]);
  close.set_gateway_id(kGatewayA);
  v1::GetRequest get;
  get.set_key(keys[3]);
  v1::Connection found;
  ASSERT_TRUE(coordinator.admin->Get(coordinator.context().get(), get, &found).ok());
  close.set_generation(found.generation());
  close.add_operations()->set_op(1);
  close.mutable_operations(0)->mutable_close()->set_reason(v1::CLIENT_DONE);
  v1::Done done;
  ASSERT_TRUE(coordinator.gateway->Operate(coordinator.context().get(), close, &done).ok());

  for (bool live_only : {false, true}) {
    std::vector<std::string> listed;
    v1::ListRequest request;
    request.set_page_size(10);
    request.set_live_only(live_only);
    do {
      v1::ListResponse page;
      ASSERT_TRUE(coordinator.admin->List(coordinator.context().get(), request, &page).ok());
      EXPECT_LE(page.connections_size(), 10);
      for (const v1::Connection& one : page.connections()) listed.push_back(one.key());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    std::vector<std::string> expected = keys;
    if (live_only) expected.erase(expected.begin() + 3);
    EXPECT_EQ(listed, expected);
  }
  v1::ListRequest huge;
  huge.set_page_size(201);
  v1::ListResponse page;
  EXPECT_EQ(coordinator.admin->List(coordinator.context().get(), huge, &page).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST(AdminService, HistoryTellsEveryStepWithItsReasonAndGeneration) {
  ServedCoordinator coordinator;
  const v1::Granted first = coordinator.claim("alice:s", kGatewayA);
  const v1::Granted second = coordinator.claim("alice:s", kGatewayB);
  v1::HistoryRequest request;
  request.set_key("alice:s");
  v1::HistoryResponse history;
  ASSERT_TRUE(coordinator.admin->History(coordinator.context().get(), request, &history).ok());
  ASSERT_EQ(history.entries_size(), 7);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(history.entries(i).number(), i + 1u);
  EXPECT_EQ(history.entries(0).reason(), v1::CLAIMED);
  EXPECT_EQ(history.entries(4).generation(), first.generation());
  EXPECT_EQ(history.entries(5).reason(), v1::TAKEN_OVER);
  EXPECT_EQ(history.entries(5).to(), v1::RECONNECTING);
  EXPECT_EQ(history.entries(5).generation(), second.generation());
  EXPECT_EQ(history.entries(6).to(), v1::PROCESSING_READY);
}

TEST(AdminService, AnEntryThatStandsForPairsHasTheNumberOfItsLastStep) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:s");  // five steps
  for (const char* run : {"r1", "r2", "r3"}) {
    for (std::uint64_t number : {1, 2}) {
      v1::PublishRequest publish;
      publish.set_key("alice:s");
      publish.set_type(number == 1 ? "agent_started" : "agent_completed");
      publish.set_payload("{}");
      publish.set_run(run);
      publish.set_number(number);
      v1::Receipt receipt;
      ASSERT_TRUE(coordinator.events->Publish(coordinator.context().get(), publish, &receipt).ok());
    }
  }
  v1::HistoryRequest request;
  request.set_key("alice:s");
  v1::HistoryResponse history;
  ASSERT_TRUE(coordinator.admin->History(coordinator.context().get(), request, &history).ok());
  ASSERT_EQ(history.entries_size(), 7);
  EXPECT_EQ(history.entries(4).number(), 5u);
  EXPECT_EQ(history.entries(5).count(), 3u);
  EXPECT_EQ(history.entries(5).number(), 10u);
  EXPECT_EQ(history.entries(6).number(), 11u);
}

TEST(AdminService, WatchShowsTheStepsOfItsKeyOnly) {
  ServedCoordinator coordinator;
  auto context = ServedCoordinator::context();
  v1::WatchRequest request;
  request.set_key("alice:seen");
  const auto watch = coordinator.admin->Watch(context.get(), request);
  watch->WaitForInitialMetadata();  // it stands
  coordinator.claim("alice:other");
  coordinator.claim("alice:seen");
  v1::WatchResponse response;
  ASSERT_TRUE(watch->Read(&response));
  EXPECT_EQ(response.changed().key(), "alice:seen");
  EXPECT_EQ(response.changed().transitions_size(), 5);
  EXPECT_EQ(response.changed().transitions(4).to(), v1::PROCESSING_READY);
  EXPECT_EQ(response.changed().transitions(4).number(), 5u);
  context->TryCancel();
  EXPECT_FALSE(watch->Read(&response));
  watch->Finish();
}

}  // namespace
}  // namespace interlock
