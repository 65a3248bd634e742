#include "gateway/session_trace.h"

#include <algorithm>
#include <utility>

namespace interlock {
namespace {

SpanKind kind_of(HandshakeStep step) {
  const bool asks = step == HandshakeStep::kClaim || step == HandshakeStep::kOpen;
  return asks ? SpanKind::kClient : SpanKind::kInternal;
}

}  // namespace

SessionTrace::SessionTrace(Tracer& tracer, GatewayMetrics& metrics, const std::string& key,
                           std::string_view traceparent, Clock::time_point accepted_at)
    : tracer_(tracer), metrics_(metrics), key_(key), connect_(tracer.enter(traceparent)) {
  if (!connect_) return;
  const auto since =
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - accepted_at);
  connect_->start_unix_ns -= static_cast<std::uint64_t>(since.count());
}

bool SessionTrace::under_way(HandshakeStep which) const {
  return steps_ != nullptr &&
         (*steps_)[static_cast<std::size_t>(which)].progress == Progress::kUnderWay;
}

void SessionTrace::begin(HandshakeStep which) {
  if (!connecting_ || at(which).progress != Progress::kAhead) return;
  Step& step = at(which);
  step.progress = Progress::kUnderWay;
  step.begun = Clock::now();
  if (connect_) step.span = tracer_.step(*connect_);
}

void SessionTrace::end(HandshakeStep which, std::string_view failure) {
  if (!under_way(which)) return;
  Step& step = at(which);
  step.progress = Progress::kOver;
  if (failure.empty()) {
    metrics_.handshake_step(which,
                            std::chrono::duration<double>(Clock::now() - step.begun).count());
  }
  if (step.span && step.span->recorded) {
    tracer_.end(*step.span, {.name = to_string(which),
                             .kind = kind_of(which),
                             .attributes = {{"interlock.key", key_}},
                             .failure = std::string(failure)});
  }
  drop_steps_when_over();
}

// A session lasts much longer than its handshake.
void SessionTrace::drop_steps_when_over() {
  const auto busy = [](const Step& step) { return step.progress == Progress::kUnderWay; };
  if (!connecting_ && steps_ != nullptr && std::ranges::none_of(*steps_, busy)) steps_.reset();
}

void SessionTrace::accepted(bool written) {
  end(HandshakeStep::kAccept, written ? "" : "the client has gone");
  if (written && connecting_ && at(HandshakeStep::kOpen).progress == Progress::kAhead) {
    begin(HandshakeStep::kReady);
  }
}

void SessionTrace::opened(bool taken) {
  end(HandshakeStep::kOpen, taken ? "" : "not taken");
  begin(HandshakeStep::kReady);
}

void SessionTrace::ready(std::uint64_t generation) {
  if (!connecting_) return;
  end(HandshakeStep::kReady, "");
  end_connect("", generation);
}

void SessionTrace::give_up(std::string_view why) {
  if (!connecting_) return;
  for (std::size_t step = 0; step < handshake_steps; ++step) {
    end(static_cast<HandshakeStep>(step), why);
  }
  end_connect(why, 0);
}

void SessionTrace::end_connect(std::string_view failure, std::uint64_t generation) {
  connecting_ = false;
  drop_steps_when_over();
  if (!connect_ || !connect_->recorded) return;
  Span said{.name = "connect", .kind = SpanKind::kServer, .failure = std::string(failure)};
  said.attributes.push_back({"interlock.key", key_});
  if (generation != 0) {
    said.attributes.push_back({"interlock.generation", static_cast<std::int64_t>(generation)});
  }
  tracer_.end(*connect_, std::move(said));
}

std::optional<OpenSpan> SessionTrace::begin_message() {
  if (!connect_) return std::nullopt;
  return tracer_.step(*connect_);
}

void SessionTrace::end_message(const std::optional<OpenSpan>& span, std::string_view failure) {
  if (!span || !span->recorded) return;
  tracer_.end(*span, {.name = "receive",
                      .kind = SpanKind::kClient,
                      .attributes = {{"interlock.key", key_}},
                      .failure = std::string(failure)});
}

std::string SessionTrace::traceparent(HandshakeStep which) const {
  if (!connect_) return {};
  if (!under_way(which)) return connect_->traceparent();
  return (*steps_)[static_cast<std::size_t>(which)].span->traceparent();
}

}  // namespace interlock
