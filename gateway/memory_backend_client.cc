#include "gateway/memory_backend_client.h"

#include <algorithm>
#include <future>
#include <utility>

#include "gateway/client_thread.h"

namespace interlock {

bool MemoryBackend::below(const std::string& key, std::uint64_t generation) {
  std::uint64_t& highest = generations_[key];
  if (generation < highest) return true;
  highest = generation;
  return false;
}

BackendAnswer MemoryBackend::open(const v1::OpenRequest& request) {
  BackendAnswer answer = on_open ? on_open(request) : BackendAnswer{};
  if (answer.result != BackendResult::kOk) return answer;
  if (below(request.key(), request.generation())) {
    return {BackendResult::kRefused, "a higher generation was seen"};
  }
  opened.push_back(request);
  return answer;
}

BackendAnswer MemoryBackend::receive(const v1::ReceiveRequest& request,
                                     std::vector<v1::Transient>& events) {
  BackendAnswer answer = on_receive ? on_receive(request) : BackendAnswer{};
  if (answer.result != BackendResult::kOk) return answer;
  if (below(request.key(), request.generation())) {
    return {BackendResult::kRefused, "a higher generation was seen"};
  }
  const bool again = std::any_of(received.begin(), received.end(), [&](const auto& before) {
    return before.key() == request.key() && before.message_id() == request.message_id();
  });
  if (again) return answer;
  received.push_back(request);
  if (transients) events = transients(request);
  return answer;
}

BackendAnswer MemoryBackend::closed(const v1::ClosedRequest& request) {
  BackendAnswer answer = on_closed ? on_closed(request) : BackendAnswer{};
  if (answer.result == BackendResult::kOk && !below(request.key(), request.generation())) {
    ended.push_back(request);
  }
  return answer;
}

class MemoryBackendClient::Owner {
 public:
  ~Owner() {
    thread.post([this] {
      stopping_ = true;
      set_holding(false);
      thread.release();
    });
    thread.join();
  }

  // Once, and at the latest when the client ends.
  template <typename Call>
  void call(Call carry_out) {
    thread.post([this, carry_out = std::move(carry_out)]() mutable {
      if (!holding_) return carry_out(stopping_);
      held_.push_back(std::move(carry_out));
    });
  }

  void set_holding(bool holding) {
    holding_ = holding;
    if (holding) return;
    for (const auto& carry_out : std::exchange(held_, {})) carry_out(stopping_);
  }

  MemoryBackend backend;
  ClientThread thread;

 private:
  bool holding_ = false;
  bool stopping_ = false;
  std::vector<std::function<void(bool stopping)>> held_;
};

namespace {

const BackendAnswer stops{BackendResult::kUnavailable, "the gateway stops"};

}  // namespace

MemoryBackendClient::MemoryBackendClient() : owner_(std::make_unique<Owner>()) {}

MemoryBackendClient::~MemoryBackendClient() = default;

void MemoryBackendClient::run(const std::function<void(MemoryBackend&)>& what) {
  std::promise<void> promise;
  const std::future<void> done = promise.get_future();
  owner_->thread.post([this, &what, promise = std::move(promise)]() mutable {
    what(owner_->backend);
    promise.set_value();
  });
  done.wait();
}

void MemoryBackendClient::hold(bool holding) {
  owner_->thread.post([owner = owner_.get(), holding] { owner->set_holding(holding); });
}

void MemoryBackendClient::open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
                               std::string traceparent) {
  owner_->call([owner = owner_.get(), request = std::move(request), done = std::move(done),
                traceparent = std::move(traceparent)](bool stopping) {
    if (!traceparent.empty()) owner->backend.traceparents.push_back(traceparent);
    done(stopping ? stops : owner->backend.open(request));
  });
}

void MemoryBackendClient::receive(v1::ReceiveRequest request,
                                  std::function<void(BackendAnswer)> accepted,
                                  std::function<void(v1::Transient)> transient,
                                  std::string traceparent) {
  owner_->call([owner = owner_.get(), request = std::move(request), accepted = std::move(accepted),
                transient = std::move(transient),
                traceparent = std::move(traceparent)](bool stopping) {
    if (!traceparent.empty()) owner->backend.traceparents.push_back(traceparent);
    std::vector<v1::Transient> events;
    accepted(stopping ? stops : owner->backend.receive(request, events));
    for (v1::Transient& event : events) transient(std::move(event));
  });
}

void MemoryBackendClient::closed(v1::ClosedRequest request,
                                 std::function<void(BackendAnswer)> done) {
  owner_->call([owner = owner_.get(), request = std::move(request), done = std::move(done)](
                   bool stopping) { done(stopping ? stops : owner->backend.closed(request)); });
}

}  // namespace interlock
