#include "common/one_poller.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <chrono>
#include <functional>
#include <utility>

namespace interlock {
namespace {

constexpr unsigned kProcessorsMax = 3;  // with more of them gRPC's own number is right
constexpr std::chrono::milliseconds kAwakeEvery(500);

// Lives until its answer, which comes on a thread of gRPC's.
struct Call {
  grpc::ClientContext context;
  grpc::Slice nothing;
  grpc::ByteBuffer request{&nothing, 1};
  grpc::ByteBuffer response;
};

}  // namespace

// A channel without credentials is one that refuses every call.
OnePoller::OnePoller()
    : nowhere_(grpc::CreateCustomChannel("", nullptr, grpc::ChannelArguments())) {
  if (std::thread::hardware_concurrency() <= kProcessorsMax) {
    on_grpc_thread([this](std::unique_lock<std::mutex>& lock) {
      changed_.wait(lock, [this] { return ending_; });
    });
  }
  clock_ = std::thread([this] { keep_awake(); });
}

OnePoller::~OnePoller() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  clock_.join();
  // The channel's last owner ends gRPC's threads, so it must not be one of them.
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return calls_ == 0; });
}

void OnePoller::on_grpc_thread(Work work) {
  {
    const std::lock_guard lock(mutex_);
    ++calls_;
  }
  auto call = std::make_shared<Call>();
  Call& parts = *call;
  grpc::GenericStub(nowhere_).UnaryCall(
      &parts.context, "/nowhere/nothing", grpc::StubOptions(), &parts.request, &parts.response,
      [this, call = std::move(call), work = std::move(work)](const grpc::Status&) mutable {
        call.reset();
        std::unique_lock lock(mutex_);
        work(lock);
        --calls_;
        changed_.notify_all();
      });
}

void OnePoller::keep_awake() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kAwakeEvery, [this] { return ending_; })) {
    lock.unlock();
    on_grpc_thread([](std::unique_lock<std::mutex>&) {});
    lock.lock();
  }
}

}  // namespace interlock
