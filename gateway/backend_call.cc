#include "gateway/backend_call.h"

#include <algorithm>
#include <utility>

#include "gateway/boot_clock.h"

namespace interlock {
BackendCalls::BackendCalls(const BackendCallSettings& with)
    : call_settings(with), attempts(with.attempts) {}

void BackendCalls::count(BackendResult result) {
  switch (result) {
    case BackendResult::kOk:
      ++counters.ok;
      break;
    case BackendResult::kUnavailable:
      ++counters.unavailable;
      break;
    case BackendResult::kRefused:
      ++counters.refused;
      break;
    case BackendResult::kRejected:
      ++counters.rejected;
      break;
  }
}

void BackendCalls::stop() {
  stopping = true;
  const auto calls = under_way;  // those that end at once leave it
  for (const std::shared_ptr<BackendCall>& call : calls) call->stop();
  if (under_way.empty()) release();
}

void BackendCalls::ended(const std::shared_ptr<BackendCall>& call) {
  under_way.erase(call);
  counters.calls_under_way = under_way.size();
  if (stopping && under_way.empty()) release();
}

void BackendCalls::release() {
  deadlines.end();
  thread.release();
}

BackendCall::BackendCall(BackendCalls& calls, std::uint64_t timeout_ms,
                         std::function<void(BackendAnswer)> done)
    : calls_(calls),
      call_(calls.attempts.begin(boot_time_ms(), timeout_ms)),
      done_(std::move(done)) {}

void BackendCall::start() {
  ++calls_.counters.calls;
  if (calls_.stopping) return answer({BackendResult::kUnavailable, "the gateway stops"});
  if (calls_.under_way.size() >= calls_.call_settings.calls_max) {
    return answer({BackendResult::kUnavailable, "calls_max"});
  }
  calls_.under_way.insert(shared_from_this());
  calls_.counters.calls_under_way = calls_.under_way.size();
  try_now();
}

// What was asked for before a hold began is not done in it either; a frozen process may come here.
bool BackendCall::put_off() {
  constexpr std::uint64_t look_again_ms = 100;
  const auto& may_act = calls_.call_settings.may_act;
  if (!may_act || may_act()) return false;
  if (left_ms() > 0) {
    after(std::min(left_ms(), look_again_ms), [this] { try_now(); });
  } else {
    answer({BackendResult::kUnavailable, "the gateway holds"});
    finish();
  }
  return true;
}

void BackendCall::try_now() {
  if (put_off()) return;
  const bool allowed = calls_.attempts.may_try(call_, boot_time_ms());
  calls_.counters.breaker = calls_.attempts.breaker().state(boot_time_ms());
  if (!allowed) {
    answer({BackendResult::kUnavailable, "the backend's breaker is open"});
    return finish();
  }
  ++calls_.counters.attempts;
  attempting_ = true;
  attempt();
}

void BackendCall::attempt_answered(BackendAnswer answer_now) {
  calls_.attempts.tried(call_, AttemptOutcome::kAnswered, boot_time_ms(), 0);
  answer(std::move(answer_now));
}

void BackendCall::attempt_ended(AttemptEnd end) {
  attempting_ = false;
  cancel_deadline();
  if (is_answered()) return finish();
  const std::uint64_t now_ms = boot_time_ms();
  const auto wait_ms =
      calls_.attempts.tried(call_, end.outcome, now_ms, calls_.random(), end.after_ms);
  calls_.counters.breaker = calls_.attempts.breaker().state(now_ms);
  calls_.counters.breaker_opened = calls_.attempts.breaker().times_opened();
  if (wait_ms) {
    ++calls_.counters.retries;
    return after(*wait_ms, [this] { try_now(); });
  }
  answer(std::move(end.answer));
  finish();
}

void BackendCall::stop() {
  calls_.attempts.withdrawn(call_);
  answer({BackendResult::kUnavailable, "the gateway stops"});
  cancel_deadline();
  if (!attempting_) return finish();  // it was between two attempts
  cancel_attempt();                   // and its end follows
}

void BackendCall::answer(BackendAnswer answer) {
  const auto done = std::exchange(done_, nullptr);
  if (!done) return;
  calls_.count(answer.result);
  done(std::move(answer));
}

void BackendCall::finish() { calls_.ended(shared_from_this()); }

std::uint64_t BackendCall::left_ms() const {
  const std::uint64_t now_ms = boot_time_ms();
  return call_.deadline_ms > now_ms ? call_.deadline_ms - now_ms : 0;
}

void BackendCall::after(std::uint64_t ms, std::function<void()> what) {
  cancel_deadline();
  deadline_ = calls_.deadlines.set(ms, [self = shared_from_this(), what = std::move(what)] {
    self->deadline_.reset();
    what();
  });
}

void BackendCall::cancel_deadline() {
  if (deadline_) calls_.deadlines.cancel(*deadline_);
  deadline_.reset();
}

}  // namespace interlock
