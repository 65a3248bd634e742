#include <optional>

#include "tests/coordinator/service/served_coordinator.h"

namespace interlock {
namespace {

// A gateway that speaks by hand.
class Attached {
 public:
  explicit Attached(ServedCoordinator& coordinator)
      : context_(ServedCoordinator::context()),
        stream_(coordinator.gateway->Attach(context_.get())) {}
  ~Attached() {
    if (stream_ == nullptr) return;
    context_->TryCancel();
    stream_->Finish();
  }

  void write(const v1::AttachRequest& request) { ASSERT_TRUE(stream_->Write(request)); }
  // Nothing: the stream has ended.
  std::optional<v1::AttachResponse> read() {
    v1::AttachResponse response;
    if (!stream_->Read(&response)) return std::nullopt;
    return response;
  }
  // Reads until `what` has come; what came before is added up.
  template <class Has>
  v1::AttachResponse read_until(Has has) {
    v1::AttachResponse all;
    while (!has(all)) {
      v1::AttachResponse one;
      if (!stream_->Read(&one)) {
        ADD_FAILURE() << "the stream ended before it came: " << all.ShortDebugString();
        return all;
      }
      all.MergeFrom(one);
    }
    return all;
  }
  grpc::Status end() {
    v1::AttachResponse rest;
    while (stream_->Read(&rest)) {
    }
    grpc::Status status = stream_->Finish();
    stream_.reset();
    return status;
  }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>> stream_;
};

v1::AttachRequest hello(const std::string& gateway_id = kGatewayA) {
  v1::AttachRequest request;
  request.mutable_hello()->set_protocol_version(1);
  request.mutable_hello()->set_gateway_id(gateway_id);
  request.mutable_hello()->set_event_credit_bytes(1 << 20);
  request.set_held_end(true);
  return request;
}

TEST(AttachStream, AnswersTheListThenTheRest) {
  ServedCoordinator coordinator;
  const v1::Granted kept = coordinator.claim("alice:kept");
  const v1::Granted lost = coordinator.claim("alice:lost");
  coordinator.claim("alice:lost", kGatewayB);
  coordinator.claim("alice:forgotten");  // of gateway A, which does not know it any more

  Attached gateway(coordinator);
  v1::AttachRequest request = hello();
  for (const auto& [key, generation] :
       {std::pair{"alice:kept", kept.generation()}, {"alice:lost", lost.generation()},
        {"alice:unknown", std::uint64_t{7}}}) {
    v1::Held* held = request.add_held();
    held->set_key(key);
    held->set_generation(generation);
  }
  gateway.write(request);
  const v1::AttachResponse answer =
      gateway.read_until([](const v1::AttachResponse& all) { return all.reconciled_end(); });
  EXPECT_EQ(answer.hello().coordinator_id(), "coordinator");
  ASSERT_EQ(answer.reconciled_size(), 3);
  for (const v1::Reconciled& one : answer.reconciled()) {
    if (one.key() == "alice:kept") {
      EXPECT_EQ(one.keep().state(), v1::PROCESSING_READY);
    } else if (one.key() == "alice:lost") {
      EXPECT_GT(one.superseded_by(), lost.generation());
    } else {
      EXPECT_EQ(one.released().close_code(), 4005u);
    }
  }
  // What it owned and did not list is detached, so that its client is not waited for in vain.
  v1::GetRequest get;
  get.set_key("alice:forgotten");
  get.set_consistency(v1::LATEST);
  v1::Connection connection;
  ASSERT_TRUE(coordinator.admin->Get(coordinator.context().get(), get, &connection).ok());
  EXPECT_EQ(connection.state(), v1::RECONNECTING);
  EXPECT_EQ(connection.owner(), "");
}

TEST(AttachStream, ClaimsOperationsHeartbeatsAndEventsTravelInBatches) {
  ServedCoordinator coordinator;
  Attached gateway(coordinator);
  v1::AttachRequest request = hello();
  *request.add_claims() =
      ServedCoordinator::claim_request("alice:s", kGatewayA, v1::AUTHENTICATED);
  request.mutable_heartbeat()->set_number(4);
  gateway.write(request);
  const v1::AttachResponse first = gateway.read_until([](const v1::AttachResponse& all) {
    return all.claims_size() == 1 && all.heartbeat_confirmed() == 4;
  });
  const v1::Granted& granted = first.claims(0).granted();
  EXPECT_EQ(granted.state(), v1::AUTHENTICATED);

  // An event that is published now waits: the generation is not operational yet.
  v1::PublishRequest publish;
  publish.set_key("alice:s");
  publish.set_type("note");
  publish.set_payload("{\"n\":1}");
  publish.set_idempotency_key("k1");
  v1::Receipt receipt;
  ASSERT_TRUE(coordinator.events->Publish(coordinator.context().get(), publish, &receipt).ok());

  v1::AttachRequest steps;
  v1::OperateRequest* operate = steps.add_operations();
  operate->set_key("alice:s");
  operate->set_gateway_id(kGatewayA);
  operate->set_generation(granted.generation());
  for (v1::State state : {v1::SERVICES_READY, v1::PROCESSING_READY}) {
    v1::Operation* operation = operate->add_operations();
    operation->set_op(static_cast<std::uint64_t>(operate->operations_size()));
    operation->set_advance(state);
  }
  gateway.write(steps);
  v1::AttachResponse all;
  bool operational = false;
  while (all.deliveries_size() == 0) {
    const std::optional<v1::AttachResponse> one = gateway.read();
    ASSERT_TRUE(one) << "the stream ended before the event came: " << all.ShortDebugString();
    operational = operational || one->operations_size() > 0;
    if (one->deliveries_size() > 0) {
      EXPECT_TRUE(operational) << "an event came before PROCESSING_READY was durable";
    }
    all.MergeFrom(*one);
  }
  EXPECT_EQ(all.operations(0).done().last_op(), 2u);
  EXPECT_EQ(all.operations(0).done().last_seq(), 1u);
  EXPECT_EQ(all.deliveries(0).generation(), granted.generation());
  EXPECT_EQ(all.deliveries(0).events(0).payload(), "{\"n\":1}");
  EXPECT_EQ(all.deliveries(0).events(0).id(), "k1");
}

TEST(AttachStream, BothKindsOfLookSayWhetherTheOwnerIsAttachedHere) {
  ServedCoordinator coordinator;
  coordinator.claim("alice:here");
  coordinator.claim("alice:elsewhere", kGatewayB);
  Attached gateway(coordinator);
  v1::AttachRequest request = hello();
  *request.add_claims() = ServedCoordinator::claim_request("alice:here", kGatewayA);
  gateway.write(request);
  gateway.read_until([](const v1::AttachResponse& all) { return all.claims_size() == 1; });
  for (v1::Consistency consistency : {v1::OBSERVED, v1::LATEST}) {
    const std::pair<std::string, bool> expected[] = {{"alice:here", true},
                                                     {"alice:elsewhere", false}};
    for (const auto& [key, attached] : expected) {
      v1::GetRequest get;
      get.set_key(key);
      get.set_consistency(consistency);
      v1::Connection connection;
      ASSERT_TRUE(
          coordinator.admin->Get(ServedCoordinator::context().get(), get, &connection).ok());
      EXPECT_EQ(connection.owner_attached(), attached) << key;
    }
  }
}

TEST(AttachStream, TheOldOwnerHearsOfATakeover) {
  ServedCoordinator coordinator;
  const v1::Granted first = coordinator.claim("alice:s");
  Attached gateway(coordinator);
  v1::AttachRequest request = hello();
  request.add_held()->set_key("alice:s");
  request.mutable_held(0)->set_generation(first.generation());
  gateway.write(request);
  gateway.read_until([](const v1::AttachResponse& all) { return all.reconciled_end(); });
  const v1::Granted second = coordinator.claim("alice:s", kGatewayB);
  const v1::AttachResponse notice =
      gateway.read_until([](const v1::AttachResponse& all) { return all.superseded_size() > 0; });
  EXPECT_EQ(notice.superseded(0).generation(), first.generation());
  EXPECT_EQ(notice.superseded(0).by_generation(), second.generation());
}

TEST(AttachStream, WhoDoesNotFollowTheProtocolIsToldWhatIsWrong) {
  ServedCoordinator coordinator;
  const auto refused = [&](const v1::AttachRequest& request) {
    Attached gateway(coordinator);
    gateway.write(request);
    const grpc::Status status = gateway.end();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_FALSE(status.error_message().empty());
  };
  refused(v1::AttachRequest{});
  v1::AttachRequest version = hello();
  version.mutable_hello()->set_protocol_version(99);
  refused(version);
  refused(hello("not an id"));
  v1::AttachRequest early = hello();
  early.set_held_end(false);
  *early.add_claims() = ServedCoordinator::claim_request("alice:s", kGatewayA);
  refused(early);
  v1::AttachRequest nonsense = hello();
  nonsense.add_held()->set_key("no key");
  refused(nonsense);
}

TEST(AttachStream, AClaimForAnotherGatewayIsRefused) {
  ServedCoordinator coordinator;
  Attached gateway(coordinator);
  v1::AttachRequest request = hello();
  *request.add_claims() = ServedCoordinator::claim_request("alice:s", kGatewayB);
  gateway.write(request);
  const v1::AttachResponse answer =
      gateway.read_until([](const v1::AttachResponse& all) { return all.claims_size() > 0; });
  EXPECT_EQ(answer.claims(0).refusal().invalid_argument().field(), "gateway_id");
}

// Until somebody says that the backend was told, whoever attaches with a backend is asked.
TEST(AttachStream, TheEndOfAConnectionIsToldToABackendThroughAGatewayThatHasOne) {
  ServedCoordinator coordinator;
  v1::ClaimRequest claim = ServedCoordinator::claim_request("alice:s", kGatewayA);
  claim.set_has_backend(true);
  v1::Granted granted;
  ASSERT_TRUE(
      coordinator.gateway->Claim(ServedCoordinator::context().get(), claim, &granted).ok());
  Attached without(coordinator);
  v1::AttachRequest holds = hello(kGatewayA);
  holds.add_held()->set_key("alice:s");
  holds.mutable_held(0)->set_generation(granted.generation());
  without.write(holds);
  without.read_until([](const v1::AttachResponse& all) { return all.reconciled_end(); });
  Attached with(coordinator);
  v1::AttachRequest has_backend = hello(kGatewayB);
  has_backend.mutable_hello()->set_has_backend(true);
  with.write(has_backend);
  with.read_until([](const v1::AttachResponse& all) { return all.reconciled_end(); });

  v1::OperateRequest close;
  close.set_key("alice:s");
  close.set_gateway_id(kGatewayA);
  close.set_generation(granted.generation());
  close.add_operations()->set_op(1);
  close.mutable_operations(0)->mutable_close()->set_reason(v1::CLIENT_DONE);
  v1::Done done;
  ASSERT_TRUE(
      coordinator.gateway->Operate(ServedCoordinator::context().get(), close, &done).ok());
  const v1::AttachResponse told = with.read_until(
      [](const v1::AttachResponse& all) { return all.closed_to_deliver_size() > 0; });
  ASSERT_EQ(told.closed_to_deliver_size(), 1);
  EXPECT_EQ(told.closed_to_deliver(0).key(), "alice:s");
  EXPECT_EQ(told.closed_to_deliver(0).reason(), v1::CLIENT_DONE);
  EXPECT_EQ(told.closed_to_deliver(0).generation(), granted.generation());
  EXPECT_EQ(told.closed_to_deliver(0).subject(), "alice");
}

}  // namespace
}  // namespace interlock
