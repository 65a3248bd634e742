// One call to the backend, with its attempts, whatever carries them. Private to the clients.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <unordered_set>

#include "gateway/backend_attempts.h"
#include "gateway/backend_client.h"
#include "gateway/backend_counters.h"
#include "gateway/call_deadlines.h"
#include "gateway/turn_thread.h"

namespace interlock {

class BackendCall;

struct BackendCallSettings {
  std::uint32_t calls_max = 20'000;  // under way; one more is kUnavailable at once
  AttemptLimits attempts;
  // Asked before each attempt, in a turn of the client's: one that may not be made waits, within
  // its call's time. Empty: always.
  std::function<bool()> may_act;
};

// What all calls share; all of it is used in a turn of the client's only, but for `thread.post`.
struct BackendCalls {
  explicit BackendCalls(const BackendCallSettings& with);

  double random() { return distribution(generator); }
  void count(BackendResult result);
  void stop();
  void ended(const std::shared_ptr<BackendCall>& call);

  BackendCallSettings call_settings;
  BackendAttempts attempts;
  BackendCounters counters;
  std::unordered_set<std::shared_ptr<BackendCall>> under_way;
  bool stopping = false;
  std::mt19937_64 generator{std::random_device{}()};
  std::uniform_real_distribution<double> distribution{0.0, 1.0};
  TurnThread thread;
  CallDeadlines deadlines{thread};

 private:
  void release();
};

// How an attempt ended.
struct AttemptEnd {
  AttemptOutcome outcome = AttemptOutcome::kAnswered;
  BackendAnswer answer;
  std::uint64_t after_ms = 0;  // at least so long until the next attempt, should there be one
};

// Lives until its last attempt has ended and its answer is given.
class BackendCall : public std::enable_shared_from_this<BackendCall> {
 public:
  BackendCall(BackendCalls& calls, std::uint64_t timeout_ms,
              std::function<void(BackendAnswer)> done);
  virtual ~BackendCall() = default;

  void start();
  // The client ends: answers now, if it has not yet.
  void stop();

 protected:
  // Begins one attempt; each ends with attempt_ended(), later.
  virtual void attempt() = 0;
  virtual void cancel_attempt() = 0;
  // The answer is there before the end, which then says nothing more.
  void attempt_answered(BackendAnswer answer);
  void attempt_ended(AttemptEnd end);
  bool is_answered() const { return !done_; }

  std::uint64_t left_ms() const;  // until the deadline
  // Runs `what` after the time, unless another one is set or it is cancelled before.
  void after(std::uint64_t ms, std::function<void()> what);
  void cancel_deadline();

  BackendCalls& calls_;

 private:
  bool put_off();
  void try_now();
  void answer(BackendAnswer answer);
  void finish();

  BackendAttempts::Call call_;
  std::function<void(BackendAnswer)> done_;  // empty: the answer is given
  bool attempting_ = false;
  std::optional<CallDeadlines::Handle> deadline_;
};

}  // namespace interlock
