// A coordinator in this process, over the memory store, behind a real gRPC server and channel.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

#include "coordinator/service/admin_service.h"
#include "coordinator/service/events_service.h"
#include "coordinator/service/gateway_service.h"
#include "coordinator/store/open_store.h"
#include "tests/support/free_port.h"

namespace interlock {

inline const std::string kGatewayA(32, 'a');
inline const std::string kGatewayB(32, 'b');

class FailingObserver final : public EngineObserver {
 public:
  void fatal(const std::string& reason) override { ADD_FAILURE() << reason; }
};

class ServedCoordinator {
 public:
  // Tests give one subject as many sessions as they like.
  static EngineLimits limits() {
    EngineLimits limits;
    limits.authority.sessions_per_subject_max = 0;
    return limits;
  }

  explicit ServedCoordinator(Authorizer authorizer = Authorizer::open(),
                             std::unique_ptr<Store> store = *open_store("memory:"),
                             CommandTraces* traces = nullptr,
                             std::chrono::milliseconds interval = std::chrono::seconds(5))
      : traces_(traces),
        authorizer_(std::move(authorizer)),
        standing_(interval),
        engine_(std::move(store), limits(), [] { return 0.5; }, observer_),
        gateways_(parts(), "coordinator", AttachLimits{}),
        events_(parts()),
        admin_(parts(), [](v1::StatsResponse& stats) { stats.set_coordinator_id("served"); }) {
    engine_.start();
    // A heartbeat that comes before the store is read is not confirmed.
    while (!engine_.ready()) std::this_thread::yield();
    address = "127.0.0.1:" + std::to_string(free_port());
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    for (grpc::Service* service : std::initializer_list<grpc::Service*>{&gateways_, &events_,
                                                                        &admin_}) {
      builder.RegisterService(service);
    }
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
    gateway = v1::Gateway::NewStub(channel_);
    events = v1::Events::NewStub(channel_);
    admin = v1::Admin::NewStub(channel_);
  }

  ~ServedCoordinator() {
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
    engine_.stop();
  }

  // A context with a deadline, so that no test hangs.
  static std::unique_ptr<grpc::ClientContext> context(const std::string& token = {}) {
    auto made = std::make_unique<grpc::ClientContext>();
    made->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    if (!token.empty()) made->AddMetadata("authorization", "Bearer " + token);
    return made;
  }

  static v1::ClaimRequest claim_request(const std::string& key, const std::string& gateway_id,
                                        v1::State through = v1::PROCESSING_READY) {
    v1::ClaimRequest request;
    request.set_key(key);
    request.set_subject("alice");
    request.set_gateway_id(gateway_id);
    request.set_claim_id("claim-" + std::to_string(++claims_));
    request.set_through(through);
    return request;
  }

  v1::Granted claim(const std::string& key, const std::string& gateway_id = kGatewayA,
                    v1::State through = v1::PROCESSING_READY) {
    v1::Granted granted;
    const grpc::Status status =
        gateway->Claim(context().get(), claim_request(key, gateway_id, through), &granted);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return granted;
  }

  Authorizer& authorizer() { return authorizer_; }

  std::string address;
  std::unique_ptr<v1::Gateway::Stub> gateway;
  std::unique_ptr<v1::Events::Stub> events;
  std::unique_ptr<v1::Admin::Stub> admin;

 private:
  ServiceParts parts() { return {engine_, workers_, authorizer_, standing_, traces_}; }

  static inline std::atomic<int> claims_{0};
  CommandTraces* traces_;
  Authorizer authorizer_;
  StandingCalls standing_;
  FailingObserver observer_;
  EngineThread engine_;
  Workers workers_{1};
  GatewayService gateways_;
  EventsService events_;
  AdminService admin_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// The typed reason in a refused call's details.
inline v1::Refusal refusal_of(const grpc::Status& status) {
  v1::ErrorStatus details;
  v1::Refusal refusal;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.details_size(), 1);
  if (details.details_size() == 1) {
    EXPECT_TRUE(details.details(0).UnpackTo(&refusal));
  }
  EXPECT_EQ(details.code(), status.error_code());
  return refusal;
}

}  // namespace interlock
