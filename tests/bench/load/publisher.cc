#include "tests/bench/load/publisher.h"

#include <fmt/format.h>
#include <grpcpp/create_channel.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

namespace interlock::bench {
namespace {

constexpr std::uint64_t kUnansweredMax = 256;  // of one stream

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "a publisher: %s\n", why.c_str());
  std::exit(1);
}

}  // namespace

Publisher::Publisher(int coordinator)
    : stub_(v1::Events::NewStub(grpc::CreateChannel(fmt::format("127.0.0.1:{}", coordinator),
                                                    grpc::InsecureChannelCredentials()))) {
  stub_->async()->PublishStream(&context_, this);
  StartRead(&response_);
  AddHold();
  StartCall();
}

Publisher::~Publisher() {
  {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
  }
  context_.TryCancel();
  RemoveHold();
  over_.get_future().wait();
}

void Publisher::publish(v1::PublishRequest event, bool from_callback) {
  std::unique_lock lock(mutex_);
  if (!from_callback) answered_.wait(lock, [this] { return unanswered_ < kUnansweredMax; });
  ++unanswered_;
  v1::PublishStreamRequest& request = waiting_.emplace_back();
  request.set_id(++last_);
  event.set_idempotency_key(std::to_string(last_));
  *request.mutable_event() = std::move(event);
  if (!std::exchange(writing_, true)) StartWrite(&waiting_.front());
}

void Publisher::until_answered() {
  std::unique_lock lock(mutex_);
  answered_.wait(lock, [this] { return unanswered_ == 0; });
}

void Publisher::OnReadDone(bool ok) {
  if (!ok) return;
  if (!response_.answer().has_receipt()) {
    give_up("refused: " + response_.answer().refusal().ShortDebugString());
  }
  {
    const std::lock_guard lock(mutex_);
    --unanswered_;
    answered_.notify_all();
  }
  StartRead(&response_);
}

void Publisher::OnWriteDone(bool ok) {
  const std::lock_guard lock(mutex_);
  waiting_.pop_front();
  writing_ = ok && !waiting_.empty();
  if (writing_) StartWrite(&waiting_.front());
}

void Publisher::OnDone(const grpc::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (!leaving_) give_up("its stream ended: " + status.error_message());
  }
  over_.set_value();
}

}  // namespace interlock::bench
