// The clients over real gRPC: what the contract cannot say about servers, ports and deadlines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "gateway/grpc_backend_client.h"
#include "gateway/grpc_coordinator_client.h"
#include "tests/gateway/backend_client_contract.h"
#include "tests/gateway/coordinator_client_contract.h"
#include "tests/gateway/fake_services.h"
#include "tests/support/free_port.h"

namespace interlock {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// Takes connections and never says a word.
class BlackHole {
 public:
  BlackHole() : acceptor_(io_, {boost::asio::ip::address_v4::loopback(), 0}) {}
  std::string target() { return target_of(acceptor_.local_endpoint().port()); }

 private:
  boost::asio::io_context io_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

struct GrpcCoordinatorMaker final : CoordinatorClientMaker {
  std::unique_ptr<AttachmentShell> make(const AttachmentSettings& settings) override {
    return std::make_unique<GrpcCoordinatorClient>(
        GrpcCoordinatorSettings{{target_of(port)}, "secret", settings});
  }
  int port = free_port();
  FakeGateway gateway{server};
  std::unique_ptr<TestServer> grpc =
      std::make_unique<TestServer>(port, std::vector<grpc::Service*>{&gateway});
};

INSTANTIATE_TEST_SUITE_P(Grpc, CoordinatorClientContract,
                         testing::Values([] { return std::make_unique<GrpcCoordinatorMaker>(); }));

struct GrpcBackendMaker final : BackendClientMaker {
  explicit GrpcBackendMaker(GrpcBackendSettings settings = {}) {
    settings.target = target_of(port);
    client_ = std::make_unique<GrpcBackendClient>(settings);
  }
  BackendClient& client() override { return *client_; }
  void end() override { client_.reset(); }
  void run(const std::function<void(MemoryBackend&)>& what) override { backend.run(what); }

  int port = free_port();
  FakeBackend backend;
  std::unique_ptr<TestServer> grpc =
      std::make_unique<TestServer>(port, std::vector<grpc::Service*>{&backend});
  std::unique_ptr<GrpcBackendClient> client_;
};

INSTANTIATE_TEST_SUITE_P(Grpc, BackendClientContract,
                         testing::Values([] { return std::make_unique<GrpcBackendMaker>(); }));

// ---- the coordinator ----

class GrpcCoordinator : public testing::Test {
 protected:
  std::unique_ptr<GrpcCoordinatorClient> client_to(std::vector<std::string> targets,
                                                   const AttachmentLimits& limits = {}) {
    return std::make_unique<GrpcCoordinatorClient>(
        GrpcCoordinatorSettings{
            std::move(targets),
            "secret",
            {.gateway_id = test_gateway_id, .address = "test", .limits = limits}});
  }
  GrpcCoordinatorMaker coordinator_;
  Box<ConnectionNotice> box_;
};

TEST_F(GrpcCoordinator, ItsTokenGoesAlong) {
  auto client = client_to({target_of(coordinator_.port)});
  ASSERT_TRUE(eventually([&] { return client->counters().is_attached.load(); }));
  EXPECT_EQ(coordinator_.gateway.authorization(), "Bearer secret");
}

TEST_F(GrpcCoordinator, AServerThatDiesAndComesBackOnItsPortIsFoundAgain) {
  auto client = client_to({target_of(coordinator_.port)}, {.unreachable_after_ms = 300});
  client->claim(1, make_claim("alice:1", "id"), all_but_holds(box_));
  ASSERT_TRUE(box_.wait_for(1));
  const std::uint64_t generation =
      std::get<v1::ClaimAnswer>(box_.items()[0].what).granted().generation();
  coordinator_.grpc.reset();
  client->operate(1, generation, advance_to(v1::ACCEPTED));
  client->claim(2, make_claim("bob:1", "another"), all_but_holds(box_));
  ASSERT_TRUE(eventually([&] { return !client->reachable(); }));
  EXPECT_EQ(client->counters().unanswered_operations, 1u);

  coordinator_.grpc = std::make_unique<TestServer>(
      coordinator_.port, std::vector<grpc::Service*>{&coordinator_.gateway});
  EXPECT_TRUE(client->drain(10'000));
  EXPECT_TRUE(box_.wait_for(3));  // the operation's answer and the second grant
  EXPECT_TRUE(client->reachable());
}

TEST_F(GrpcCoordinator, TheNextTargetIsTriedAfterAFailedAttempt) {
  BlackHole silent;
  auto client = client_to({target_of(free_port()), silent.target(), target_of(coordinator_.port)},
                          {.hello_timeout_ms = 200});
  EXPECT_TRUE(eventually([&] { return client->counters().is_attached.load(); }));
}

TEST_F(GrpcCoordinator, ItEndsSoonWhoeverDoesNotAnswer) {
  BlackHole silent;
  for (const std::string& target :
       {silent.target(), target_of(free_port()), std::string("nowhere.invalid:1")}) {
    for (const std::uint64_t streams : {0, 1, 2, 3}) {
      auto client = client_to({target}, {.hello_timeout_ms = 50});
      client->claim(1, make_claim("alice:1", "id"), all_but_holds(box_));
      EXPECT_TRUE(eventually([&] { return client->counters().streams_opened >= streams; }));
      const auto before = std::chrono::steady_clock::now();
      client.reset();
      EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(1)) << target;
    }
  }
}

TEST(SplitTargets, AtCommas) {
  EXPECT_THAT(split_targets("a:1"), ElementsAre("a:1"));
  EXPECT_THAT(split_targets("a:1,b:2,,c:3,"), ElementsAre("a:1", "b:2", "c:3"));
  EXPECT_THAT(split_targets(""), SizeIs(0));
}

// ---- the backend ----

class GrpcBackend : public testing::Test {
 protected:
  BackendAnswer open(GrpcBackendMaker& maker, std::uint64_t generation = 1) {
    const std::size_t before = answers_.items().size();
    maker.client().open(make_open("alice:1", generation), answers_.putter());
    if (!answers_.wait_for(before + 1)) return {BackendResult::kRejected, "no answer"};
    return answers_.items().back();
  }
  // The status that the server gives to the first `count` calls.
  void fail_first(GrpcBackendMaker& maker, int count, grpc::StatusCode code) {
    maker.backend.before = [this, count, code](grpc::ServerContext&) {
      return calls_++ < count ? grpc::Status(code, "as the test wants") : grpc::Status::OK;
    };
  }
  std::atomic<int> calls_ = 0;
  Box<BackendAnswer> answers_;  // outlive the clients
  Box<v1::Transient> events_;
};

TEST_F(GrpcBackend, UnavailableIsTriedAgain) {
  GrpcBackendMaker maker;
  fail_first(maker, 3, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(open(maker).result, BackendResult::kOk);
  EXPECT_EQ(calls_, 4);
  maker.client().receive(make_message("alice:1", 1, "m"), answers_.putter(), events_.putter());
  ASSERT_TRUE(answers_.wait_for(2));
  EXPECT_EQ(answers_.items()[1].result, BackendResult::kOk);
}

TEST_F(GrpcBackend, NothingIsAttemptedWhileTheGatewayMayNotAct) {
  std::atomic<bool> may_act = false;
  std::atomic<int> asked = 0;
  GrpcBackendSettings settings{.open_timeout_ms = 200};
  settings.may_act = [&] {
    ++asked;
    return may_act.load();
  };
  GrpcBackendMaker maker(settings);
  fail_first(maker, 1, grpc::StatusCode::UNAVAILABLE);
  maker.client().receive(make_message("alice:1", 1, "m"), answers_.putter(), events_.putter());
  EXPECT_TRUE(eventually([&] { return asked >= 3; }));
  EXPECT_EQ(calls_, 0);
  EXPECT_THAT(answers_.items(), SizeIs(0));
  may_act = true;
  ASSERT_TRUE(answers_.wait_for(1));
  EXPECT_EQ(answers_.items()[0].result, BackendResult::kOk);
  // Not beyond the call's time.
  may_act = false;
  EXPECT_EQ(open(maker).message, "the gateway holds");
  EXPECT_EQ(calls_, 2);
}

TEST_F(GrpcBackend, EachStatusHasItsMeaning) {
  GrpcBackendMaker maker({.attempts = {.retries_per_call = 0, .retries_burst = 0}});
  const std::vector<std::pair<grpc::StatusCode, BackendResult>> meanings = {
      {grpc::StatusCode::ABORTED, BackendResult::kRefused},
      {grpc::StatusCode::UNAVAILABLE, BackendResult::kUnavailable},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, BackendResult::kUnavailable},
      {grpc::StatusCode::INVALID_ARGUMENT, BackendResult::kRejected},
      {grpc::StatusCode::UNAUTHENTICATED, BackendResult::kRejected},
      {grpc::StatusCode::INTERNAL, BackendResult::kRejected}};
  for (const auto& [code, result] : meanings) {
    calls_ = 0;
    fail_first(maker, 1, code);
    EXPECT_EQ(open(maker).result, result) << code;
    calls_ = 0;
    maker.client().receive(make_message("alice:1", 1, "m"), answers_.putter(), events_.putter());
    ASSERT_TRUE(eventually([this] { return answers_.items().size() % 2 == 0; }));
    EXPECT_EQ(answers_.items().back().result, result) << code;
  }
}

TEST_F(GrpcBackend, ACallEndsAtItsDeadline) {
  GrpcBackendMaker maker({.open_timeout_ms = 100, .accept_timeout_ms = 100});
  maker.backend.before = [](grpc::ServerContext& context) {
    eventually([&context] { return context.IsCancelled(); });
    return grpc::Status::CANCELLED;
  };
  EXPECT_EQ(open(maker).result, BackendResult::kUnavailable);
  maker.client().receive(make_message("alice:1", 1, "m"), answers_.putter(), events_.putter());
  ASSERT_TRUE(answers_.wait_for(2));
  EXPECT_EQ(answers_.items()[1].result, BackendResult::kUnavailable);
  EXPECT_EQ(maker.client_->counters().attempts, 2u);  // a deadline is not tried again
}

TEST_F(GrpcBackend, AnOpenBreakerAnswersAtOnceAndAProbeClosesIt) {
  GrpcBackendMaker maker(
      {.attempts = {.retries_burst = 0, .breaker = {.failures_max = 3, .open_initial_ms = 200}}});
  maker.grpc.reset();
  for (std::uint64_t each = 0; each < 3; ++each) {
    EXPECT_EQ(open(maker).result, BackendResult::kUnavailable);
  }
  EXPECT_EQ(maker.client_->counters().breaker_opened, 1u);
  EXPECT_EQ(open(maker).message, "the backend's breaker is open");
  EXPECT_EQ(maker.client_->counters().attempts, 3u);

  maker.grpc =
      std::make_unique<TestServer>(maker.port, std::vector<grpc::Service*>{&maker.backend});
  EXPECT_TRUE(eventually([&] { return open(maker).result == BackendResult::kOk; }));
}

TEST_F(GrpcBackend, AStreamThatFallsSilentBehindItsAcceptanceIsCut) {
  GrpcBackendMaker maker({.transient_idle_ms = 100});
  std::atomic<bool> cut = false;
  maker.backend.linger = [&cut](grpc::ServerContext& context) {
    cut = eventually([&context] { return context.IsCancelled(); });
  };
  maker.client().receive(make_message("alice:1", 1, "m"), answers_.putter(), events_.putter());
  EXPECT_TRUE(eventually([&] { return cut.load(); }));
  EXPECT_TRUE(eventually([&] { return maker.client_->counters().calls_under_way == 0; }));
  EXPECT_THAT(answers_.items(), SizeIs(1));
}

TEST_F(GrpcBackend, WhoAcceptsNothingIsRejected) {
  GrpcBackendMaker maker;
  maker.backend.accept = false;
  maker.client().receive(make_message("alice:1", 1, "m1"), answers_.putter(), events_.putter());
  ASSERT_TRUE(answers_.wait_for(1));
  EXPECT_EQ(answers_.items()[0].result, BackendResult::kRejected);
  maker.run([](MemoryBackend& backend) {
    backend.transients = [](const v1::ReceiveRequest&) { return std::vector<v1::Transient>(3); };
  });
  maker.client().receive(make_message("alice:1", 1, "m2"), answers_.putter(), events_.putter());
  ASSERT_TRUE(answers_.wait_for(2));
  EXPECT_EQ(answers_.items()[1].result, BackendResult::kRejected);
  maker.end();
  EXPECT_THAT(events_.items(), SizeIs(0));
}

TEST_F(GrpcBackend, TooManyCallsAreAnsweredAtOnce) {
  GrpcBackendMaker maker({.calls_max = 2});
  std::atomic<bool> go = false;
  maker.backend.before = [&go](grpc::ServerContext&) {
    eventually([&go] { return go.load(); });
    return grpc::Status::OK;
  };
  for (int each = 0; each < 3; ++each) {
    maker.client().open(make_open("alice:1", 1), answers_.putter());
  }
  ASSERT_TRUE(answers_.wait_for(1));
  EXPECT_EQ(answers_.items()[0].message, "calls_max");
  go = true;
  EXPECT_TRUE(answers_.wait_for(3));
}

}  // namespace
}  // namespace interlock
