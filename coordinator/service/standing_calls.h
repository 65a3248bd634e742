// Calls that go on for as long as their callers may do what they were let in for.
#pragma once

#include <grpcpp/support/status.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

namespace interlock {

// What a token allows ends with the token, though the call was begun before: a watch would
// otherwise go on for days. Streams of gateways have heartbeats instead, and are asked with each.
class StandingCalls {
 public:
  struct Call {
    std::function<grpc::Status()> still_allowed;  // quick; never called after the Place has gone
    std::function<void(grpc::Status)> end;        // perhaps called a little later, and repeatedly
  };

  // Of one call, for as long as it stands; an empty one is of none.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept { *this = std::move(other); }
    Place& operator=(Place&& other) noexcept {
      std::swap(calls_, other.calls_);
      std::swap(number_, other.number_);
      return *this;
    }
    ~Place() { leave(); }
    // Waits for a question that is being asked.
    void leave();

   private:
    friend class StandingCalls;
    Place(StandingCalls& calls, std::uint64_t number) : calls_(&calls), number_(number) {}

    StandingCalls* calls_ = nullptr;
    std::uint64_t number_ = 0;
  };

  explicit StandingCalls(std::chrono::milliseconds interval = default_interval);
  ~StandingCalls();
  StandingCalls(const StandingCalls&) = delete;
  StandingCalls& operator=(const StandingCalls&) = delete;

  // Each interval it is asked, and ended with another answer than OK, or than UNAVAILABLE: keys
  // that cannot be had now are no reason. The StandingCalls outlive the Place.
  [[nodiscard]] Place add(Call call);

  static constexpr std::chrono::milliseconds default_interval{5'000};

 private:
  void run();
  void ask_all(std::unique_lock<std::mutex>& lock);

  const std::chrono::milliseconds interval_;
  std::mutex mutex_;  // of what stands below
  std::map<std::uint64_t, Call> calls_;
  std::uint64_t last_ = 0;
  bool stopping_ = false;
  std::condition_variable news_;
  std::thread thread_;
};

}  // namespace interlock
