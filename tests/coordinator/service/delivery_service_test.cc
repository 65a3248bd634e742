// Many events at a time, and what becomes of each: PublishBatch, PublishStream, GetDelivery,
// WatchDelivery.
#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using Status = v1::DeliveryStatus;

v1::PublishRequest event(const std::string& key, const std::string& run, std::uint64_t number) {
  v1::PublishRequest request;
  request.set_key(key);
  request.set_type("note");
  request.set_payload("{}");
  request.set_run(run);
  request.set_number(number);
  return request;
}

class Delivery : public testing::Test {
 protected:
  Delivery() : granted_(coordinator_.claim("alice:s")) {}

  v1::Receipt publish(const std::string& id, std::uint64_t ttl_ms = 0) {
    v1::PublishRequest request = event("alice:s", "", 0);
    request.set_idempotency_key(id);
    request.set_ttl_ms(ttl_ms);
    v1::Receipt receipt;
    const grpc::Status status =
        coordinator_.events->Publish(ServedCoordinator::context().get(), request, &receipt);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return receipt;
  }
  void acknowledge(std::uint64_t sequence) {
    v1::AcknowledgeRequest request;
    request.set_key("alice:s");
    request.set_gateway_id(kGatewayA);
    request.set_generation(granted_.generation());
    request.set_sequence(sequence);
    v1::AcknowledgeResponse response;
    ASSERT_TRUE(coordinator_.gateway
                    ->Acknowledge(ServedCoordinator::context().get(), request, &response)
                    .ok());
  }
  Status::Status status_of(std::uint64_t sequence, std::uint64_t since) {
    v1::GetDeliveryRequest request;
    request.set_key("alice:s");
    request.set_sequence(sequence);
    request.set_sequence_since(since);
    Status status;
    const grpc::Status answer =
        coordinator_.events->GetDelivery(ServedCoordinator::context().get(), request, &status);
    EXPECT_TRUE(answer.ok()) << answer.error_message();
    EXPECT_EQ(status.sequence(), sequence);
    return status.status();
  }

  ServedCoordinator coordinator_;
  const v1::Granted granted_;
};

TEST_F(Delivery, ABatchIsAnsweredOneByOneInItsOrder) {
  v1::PublishBatchRequest request;
  for (const std::uint64_t number : {1, 2, 4, 3}) {
    *request.add_events() = event("alice:s", "r", number);
  }
  *request.add_events() = event("alice:nobody", "r", 1);
  *request.add_events() = event("no key", "r", 1);
  v1::PublishBatchResponse response;
  ASSERT_TRUE(
      coordinator_.events->PublishBatch(ServedCoordinator::context().get(), request, &response)
          .ok());
  ASSERT_EQ(response.answers_size(), 6);
  EXPECT_EQ(response.answers(0).receipt().sequence(), 1u);
  EXPECT_EQ(response.answers(1).receipt().sequence(), 2u);
  EXPECT_EQ(response.answers(2).refusal().out_of_order().last_number(), 2u);
  EXPECT_EQ(response.answers(3).receipt().sequence(), 3u) << "one refusal holds up nobody";
  EXPECT_TRUE(response.answers(4).refusal().has_not_found());
  EXPECT_EQ(response.answers(5).refusal().invalid_argument().field(), "key");
}

TEST_F(Delivery, ABatchHasALimitAndMayBeEmpty) {
  v1::PublishBatchRequest request;
  v1::PublishBatchResponse response;
  EXPECT_TRUE(
      coordinator_.events->PublishBatch(ServedCoordinator::context().get(), request, &response)
          .ok());
  for (int i = 0; i < 257; ++i) *request.add_events() = event("alice:s", "r", 1);
  const grpc::Status status =
      coordinator_.events->PublishBatch(ServedCoordinator::context().get(), request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// Far more than may be under way, in one go: none is lost, and each keeps its place.
TEST_F(Delivery, AStreamOfPublishesIsAnsweredEachOnceAndInOrder) {
  constexpr std::uint64_t kEvents = 900;
  const auto context = ServedCoordinator::context();
  const auto stream = coordinator_.events->PublishStream(context.get());
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= kEvents; ++i) {
      v1::PublishStreamRequest request;
      request.set_id(1'000 + i);
      *request.mutable_event() = event("alice:s", "r", i);
      if (!stream->Write(request)) return;
    }
    stream->WritesDone();
  });
  v1::PublishStreamResponse response;
  std::uint64_t answers = 0;
  while (stream->Read(&response)) {
    ++answers;
    EXPECT_EQ(response.id(), 1'000 + answers);
    EXPECT_EQ(response.answer().receipt().sequence(), answers);
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers, kEvents);
}

TEST_F(Delivery, ReceiptsCanBeAskedForLater) {
  const v1::Receipt first = publish("a");
  const v1::Receipt second = publish("b");
  acknowledge(first.sequence());
  publish("c");  // writes the acknowledgement with it
  EXPECT_EQ(status_of(first.sequence(), first.sequence_since()), Status::ACKNOWLEDGED);
  EXPECT_EQ(status_of(second.sequence(), second.sequence_since()), Status::ACCEPTED);
  EXPECT_EQ(status_of(99, first.sequence_since()), Status::UNKNOWN);
  EXPECT_EQ(status_of(1, first.sequence_since() + 1), Status::UNKNOWN);
  v1::GetDeliveryRequest unknown;
  unknown.set_key("alice:nobody");
  v1::DeliveryStatus status;
  EXPECT_EQ(coordinator_.events->GetDelivery(ServedCoordinator::context().get(), unknown, &status)
                .error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(Delivery, AWatchShowsWhatBecomesOfAnEventToTheEnd) {
  const v1::Receipt receipt = publish("a");
  v1::WatchDeliveryRequest request;
  request.set_key("alice:s");
  request.set_sequence(receipt.sequence());
  request.set_sequence_since(receipt.sequence_since());
  const auto context = ServedCoordinator::context();
  const auto watch = coordinator_.events->WatchDelivery(context.get(), request);
  v1::DeliveryStatus status;
  ASSERT_TRUE(watch->Read(&status));
  EXPECT_EQ(status.status(), Status::ACCEPTED);
  acknowledge(receipt.sequence());
  publish("b");
  ASSERT_TRUE(watch->Read(&status));
  EXPECT_EQ(status.status(), Status::ACKNOWLEDGED);
  EXPECT_FALSE(watch->Read(&status)) << "nothing more can come";
  EXPECT_TRUE(watch->Finish().ok());
}

TEST_F(Delivery, AWatchOfAnEventWithATimeToLiveEndsWithItsExpiry) {
  const v1::Receipt receipt = publish("a", 1);
  v1::WatchDeliveryRequest request;
  request.set_key("alice:s");
  request.set_sequence(receipt.sequence());
  request.set_sequence_since(receipt.sequence_since());
  const auto context = ServedCoordinator::context();
  const auto watch = coordinator_.events->WatchDelivery(context.get(), request);
  std::vector<int> seen;
  v1::DeliveryStatus status;
  while (watch->Read(&status)) seen.push_back(status.status());
  EXPECT_TRUE(watch->Finish().ok());
  EXPECT_THAT(seen, ElementsAre(Status::ACCEPTED, Status::EXPIRED));
}

TEST_F(Delivery, AWatchOfNothingEndsAtOnce) {
  v1::WatchDeliveryRequest request;
  request.set_key("alice:nobody");
  const auto context = ServedCoordinator::context();
  const auto watch = coordinator_.events->WatchDelivery(context.get(), request);
  v1::DeliveryStatus status;
  EXPECT_FALSE(watch->Read(&status));
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace interlock
