// What every BackendClient promises, as tests that each of them runs.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "gateway/memory_backend_client.h"
#include "tests/gateway/notice_box.h"

namespace interlock {

inline v1::OpenRequest make_open(const std::string& key, std::uint64_t generation) {
  v1::OpenRequest request;
  request.set_key(key);
  request.set_subject("alice");
  request.set_generation(generation);
  return request;
}

inline v1::ReceiveRequest make_message(const std::string& key, std::uint64_t generation,
                                       const std::string& id) {
  v1::ReceiveRequest request;
  request.set_key(key);
  request.set_subject("alice");
  request.set_generation(generation);
  request.set_message_id(id);
  request.set_data("{}");
  return request;
}

inline v1::ClosedRequest make_closed(const std::string& key, std::uint64_t generation) {
  v1::ClosedRequest request;
  request.set_key(key);
  request.set_generation(generation);
  return request;
}

// A client of one MemoryBackend, by whatever way it reaches it.
struct BackendClientMaker {
  virtual ~BackendClientMaker() = default;
  virtual BackendClient& client() = 0;
  virtual void end() = 0;  // destroys the client
  virtual void run(const std::function<void(MemoryBackend&)>& what) = 0;
  virtual bool has_transients() const { return true; }
};

class BackendClientContract
    : public testing::TestWithParam<std::function<std::unique_ptr<BackendClientMaker>()>> {
 protected:
  BackendClientContract() : maker_(GetParam()()) {}
  ~BackendClientContract() override { maker_.reset(); }

  BackendAnswer answer(const std::function<void(std::function<void(BackendAnswer)>)>& call) {
    const std::size_t before = answers_.items().size();
    call(answers_.putter());
    if (!answers_.wait_for(before + 1)) return {BackendResult::kRejected, "no answer"};
    return answers_.items().back();
  }
  BackendAnswer open(const v1::OpenRequest& request) {
    return answer([&](auto done) { maker_->client().open(request, std::move(done)); });
  }
  BackendAnswer receive(const v1::ReceiveRequest& request) {
    return answer(
        [&](auto done) { maker_->client().receive(request, std::move(done), events_.putter()); });
  }
  BackendAnswer closed(const v1::ClosedRequest& request) {
    return answer([&](auto done) { maker_->client().closed(request, std::move(done)); });
  }

  Box<BackendAnswer> answers_;  // outlive the client
  Box<v1::Transient> events_;
  std::unique_ptr<BackendClientMaker> maker_;
};

}  // namespace interlock
