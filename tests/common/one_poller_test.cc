#include "common/one_poller.h"

#include <dirent.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "interlock/v1/gateway.grpc.pb.h"

namespace interlock {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

class Grants final : public v1::Gateway::CallbackService {
  grpc::ServerUnaryReactor* Claim(grpc::CallbackServerContext* context, const v1::ClaimRequest*,
                                  v1::Granted*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// A server and a channel to it, both with callbacks.
class Pair {
 public:
  Pair() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::Gateway::NewStub(grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                                     grpc::InsecureChannelCredentials()));
  }
  ~Pair() { server_->Shutdown(); }

  grpc::Status call() {
    grpc::ClientContext context;
    v1::Granted response;
    const v1::ClaimRequest request;
    std::promise<grpc::Status> answered;
    stub_->async()->Claim(&context, &request, &response,
                          [&](grpc::Status status) { answered.set_value(std::move(status)); });
    return answered.get_future().get();
  }

 private:
  Grants service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::Gateway::Stub> stub_;
};

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The value of `what` for each of gRPC's threads for callbacks, by thread id.
template <class What>
std::map<std::string, std::uint64_t> grpc_threads(What what) {
  std::map<std::string, std::uint64_t> found;
  DIR* folder = opendir("/proc/self/task");
  while (const dirent* entry = readdir(folder)) {
    const std::string path = std::string("/proc/self/task/") + entry->d_name;
    if (first_line(path + "/comm") == "nexting_thread") found[entry->d_name] = what(path);
  }
  closedir(folder);
  return found;
}

std::uint64_t times_slept(const std::string& path) {
  std::ifstream status(path + "/status");
  std::string word;
  while (status >> word && word != "voluntary_ctxt_switches:") {
  }
  std::uint64_t times = 0;
  status >> times;
  return times;
}

std::uint64_t is_in_a_pause(const std::string& path) {
  return first_line(path + "/syscall").starts_with(std::to_string(SYS_clock_nanosleep) + " ");
}

// How many of those threads 200 calls have woken more than a few times.
std::size_t threads_at_work(Pair& pair) {
  EXPECT_TRUE(pair.call().ok());
  const auto before = grpc_threads(times_slept);
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(pair.call().ok());
  std::size_t working = 0;
  for (const auto& [id, times] : grpc_threads(times_slept)) working += times > before.at(id) + 20;
  return working;
}

// Looks at the threads for two seconds and a half in which nothing is called.
std::size_t pauses_seen(Pair& pair) {
  EXPECT_TRUE(pair.call().ok());
  std::size_t seen = 0;
  std::promise<void> never;
  const auto nothing = never.get_future();
  for (const auto until = Clock::now() + milliseconds(2'500); Clock::now() < until;) {
    for (const auto& [id, pausing] : grpc_threads(is_in_a_pause)) seen += pausing;
    nothing.wait_for(milliseconds(5));
  }
  return seen;
}

TEST(OnePoller, MessagesWakeOneThread) {
  if (std::thread::hardware_concurrency() > 3) {
    GTEST_SKIP() << "with so many processors gRPC's own number of threads stays";
  }
  const OnePoller poller;
  Pair pair;
  EXPECT_EQ(grpc_threads(times_slept).size(), 2);
  EXPECT_EQ(threads_at_work(pair), 1);
}

TEST(OnePoller, WithoutItMessagesWakeThemAll) {
  Pair pair;
  EXPECT_GE(threads_at_work(pair), 2) << "gRPC has changed, and OnePoller is no longer needed";
}

TEST(OnePoller, WhoHasNothingToDoStillLooks) {
  const OnePoller poller;
  Pair pair;
  EXPECT_EQ(pauses_seen(pair), 0);
}

TEST(OnePoller, WithoutItWhoHasNothingToDoLooksAway) {
  Pair pair;
  EXPECT_GT(pauses_seen(pair), 0) << "gRPC has changed, and OnePoller is no longer needed";
}

TEST(OnePoller, EndsWithItsCallsAnswered) {
  for (int i = 0; i < 200; ++i) {
    const auto poller = std::make_unique<OnePoller>();
    if (i % 2 == 0) continue;
    Pair pair;
    EXPECT_TRUE(pair.call().ok());
  }
}

TEST(OnePoller, ChannelsMayOutliveIt) {
  std::optional<OnePoller> poller(std::in_place);
  Pair pair;
  poller.reset();
  EXPECT_TRUE(pair.call().ok());
}

}  // namespace
}  // namespace interlock
