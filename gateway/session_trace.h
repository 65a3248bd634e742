// What a session's handshake is measured by: each step as a metric, and as a span when it is
// traced.
//
//   connect ┬ claim    the claim, until it is answered
//           ├ accept   the 101, until it is written
//           ├ open     the backend's Open, until it is answered
//           └ ready    from there (without a backend: from the 101) until `ready` is said
//
// A span of its own follows for each message that goes to the backend.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/tracer.h"
#include "gateway/gateway_metrics.h"

namespace interlock {

// Used by the session's shell, on its loop. What does not fit the moment changes nothing.
class SessionTrace {
 public:
  using Clock = std::chrono::steady_clock;

  // `traceparent`: as the client says it, or empty. `key` outlives it.
  SessionTrace(Tracer& tracer, GatewayMetrics& metrics, const std::string& key,
               std::string_view traceparent, Clock::time_point accepted_at);

  // ---- the handshake ----
  void begin(HandshakeStep step);
  void claimed(bool granted) { end(HandshakeStep::kClaim, granted ? "" : "refused"); }
  void accepted(bool written);
  void opened(bool taken);
  void ready(std::uint64_t generation);
  // It ends before it was ready. `why` is a word of ours.
  void give_up(std::string_view why);
  bool connecting() const { return connecting_; }

  // ---- messages ----
  std::optional<OpenSpan> begin_message();
  void end_message(const std::optional<OpenSpan>& span, std::string_view failure);

  // What is passed on with what is asked now: of that step, or of the session when the step is not
  // under way. Empty: not traced.
  std::string traceparent(HandshakeStep step) const;
  // For the log; none: not traced.
  const TraceContext* context() const { return connect_ ? &connect_->context : nullptr; }

 private:
  enum class Progress : std::uint8_t { kAhead, kUnderWay, kOver };
  struct Step {
    Progress progress = Progress::kAhead;
    Clock::time_point begun;
    std::optional<OpenSpan> span;
  };

  using Steps = std::array<Step, handshake_steps>;

  Step& at(HandshakeStep step) { return (*steps_)[static_cast<std::size_t>(step)]; }
  bool under_way(HandshakeStep step) const;
  void end(HandshakeStep step, std::string_view failure);
  void end_connect(std::string_view failure, std::uint64_t generation);
  void drop_steps_when_over();

  Tracer& tracer_;
  GatewayMetrics& metrics_;
  const std::string& key_;
  std::optional<OpenSpan> connect_;  // none: not traced
  std::unique_ptr<Steps> steps_ = std::make_unique<Steps>();  // none: the handshake is over
  bool connecting_ = true;
};

}  // namespace interlock
