// Whoever posts while nobody has the turn takes it, and the end finds nobody who still has one.
#include "gateway/attachment_shell.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace interlock {
namespace {

// A stream to a coordinator that takes everything and says nothing but hello, on a thread of its
// own, until it is cancelled.
class Stream final : public AttachStream {
 public:
  Stream(Events events, std::atomic<std::thread::id>& written_by)
      : events_(std::move(events)), written_by_(written_by), thread_([this] { run(); }) {}
  ~Stream() override { thread_.join(); }

  void write(v1::AttachRequest) override {
    written_by_ = std::this_thread::get_id();
    unanswered_writes_ += 1;
  }
  void read() override { wants_to_read_ = true; }
  void finish() override { cancelled_ = true; }
  void cancel() override { cancelled_ = true; }
  void close() override { closed_ = true; }

 private:
  void run() {
    int said = 0;
    while (!cancelled_) {
      if (unanswered_writes_.exchange(0) > 0) events_.written();
      std::this_thread::yield();
      if (said == 2 || !wants_to_read_.exchange(false)) continue;
      events_.received(said++ == 0 ? hello() : answer_to_list());
    }
    if (unanswered_writes_.exchange(0) > 0) events_.written();
    while (!wants_to_read_.exchange(false)) std::this_thread::yield();
    events_.received(std::nullopt);
    while (!closed_) std::this_thread::yield();
    events_.ended("cancelled");
  }
  static v1::AttachResponse hello() {
    v1::AttachResponse response;
    response.mutable_hello()->set_protocol_version(1);
    response.mutable_hello()->set_coordinator_id("one");
    response.mutable_hello()->set_lease_ttl_ms(10'000);
    response.mutable_hello()->set_heartbeat_ms(1'000);
    return response;
  }
  static v1::AttachResponse answer_to_list() {
    v1::AttachResponse response;
    response.set_reconciled_end(true);
    return response;
  }

  const Events events_;
  std::atomic<std::thread::id>& written_by_;
  std::atomic<int> unanswered_writes_ = 0;
  std::atomic<bool> wants_to_read_ = false;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> closed_ = false;
  std::thread thread_;
};

class AttachmentShells : public testing::Test {
 protected:
  // A stream is ended on its own thread, so it must outlive the shell.
  std::unique_ptr<AttachmentShell> make() {
    return std::make_unique<AttachmentShell>(
        AttachmentSettings{.gateway_id = std::string(32, 'a'), .address = "here", .limits = {}},
        [this](AttachStream::Events events) {
          const std::lock_guard lock(mutex_);
          streams_.push_back(std::make_shared<Stream>(std::move(events), written_by_));
          return streams_.back();
        });
  }
  static v1::ClaimRequest claim(std::uint64_t number) {
    v1::ClaimRequest request;
    request.set_key("alice:" + std::to_string(number));
    request.set_subject("alice");
    request.set_claim_id(std::to_string(number));
    return request;
  }

  std::atomic<std::thread::id> written_by_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Stream>> streams_;
};

TEST_F(AttachmentShells, WhoeverAsksWhileNobodyIsAtItWritesAtOnce) {
  const auto shell = make();
  while (!shell->counters().is_attached) std::this_thread::yield();
  const std::thread::id self = std::this_thread::get_id();
  // The stream's thread may be put aside in the middle of its turn: it needs time, not attempts.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (std::uint64_t i = 0; written_by_ != self; ++i) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "it never writes on this thread";
    shell->claim(i, claim(i), [](const ConnectionNotice&) {});
    shell->forget(i);
    std::this_thread::yield();
  }
  EXPECT_EQ(written_by_, self);
}

TEST_F(AttachmentShells, ItsEndFindsNobodyAtIt) {
  for (int round = 0; round < 60; ++round) {
    auto shell = make();
    std::vector<std::thread> askers;
    for (std::uint64_t t = 1; t <= 2; ++t) {
      askers.emplace_back([&shell, t] {
        for (std::uint64_t i = 0; i < 200; ++i) {
          shell->claim(t * 1'000 + i, claim(t * 1'000 + i), [](const ConnectionNotice&) {});
          shell->abandon(t * 1'000 + i);
          shell->forget(t * 1'000 + i);
        }
      });
    }
    for (std::thread& asker : askers) asker.join();
    shell.reset();
    const std::lock_guard lock(mutex_);
    streams_.clear();
  }
}

}  // namespace
}  // namespace interlock
