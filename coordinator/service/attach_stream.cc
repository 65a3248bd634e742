#include "coordinator/service/attach_stream.h"

#include "common/log.h"

namespace interlock {
namespace {

constexpr std::size_t kNoticeBytes = 128;  // about, for the bound of what is queued

}  // namespace

std::shared_ptr<AttachStream> AttachStream::start(EngineThread& engine, Workers& workers,
                                                  CommandTraces* traces,
                                                  const std::string& coordinator_id,
                                                  const AttachLimits& limits,
                                                  std::function<grpc::Status()> still_allowed,
                                                  std::function<void(AttachStream*)> ended) {
  std::shared_ptr<AttachStream> stream(new AttachStream(engine, workers, traces, coordinator_id,
                                                        limits, std::move(still_allowed),
                                                        std::move(ended)));
  stream->self_ = stream;
  stream->StartRead(&stream->request_);
  return stream;
}

AttachStream::AttachStream(EngineThread& engine, Workers& workers, CommandTraces* traces,
                           const std::string& coordinator_id, const AttachLimits& limits,
                           std::function<grpc::Status()> still_allowed,
                           std::function<void(AttachStream*)> ended)
    : engine_(engine),
      workers_(workers),
      traces_(traces),
      coordinator_id_(coordinator_id),
      limits_(limits),
      still_allowed_(std::move(still_allowed)),
      ended_(std::move(ended)) {}

// ---- reading ----

void AttachStream::OnReadDone(bool ok) {
  if (!ok) {
    leave();
    end(grpc::Status::OK);
    return;
  }
  grpc::Status status = look_at(request_);
  if (!status.ok()) {
    leave();
    end(std::move(status));
    return;
  }
  request_.Clear();
  StartRead(&request_);
}

// What a token allows ends with the token, though the stream was opened before.
grpc::Status AttachStream::look_at(const v1::AttachRequest& request) {
  if (request.has_heartbeat()) {
    grpc::Status allowed = still_allowed_();
    if (!allowed.ok() && allowed.error_code() != grpc::StatusCode::UNAVAILABLE) return allowed;
  }
  std::string wrong = take(request);
  if (wrong.empty()) return grpc::Status::OK;
  return {grpc::StatusCode::INVALID_ARGUMENT, std::move(wrong)};
}

std::string AttachStream::take(const v1::AttachRequest& request) {
  AttachInputs inputs;
  std::string wrong = reader_.take(request, inputs);
  if (!wrong.empty()) return wrong;
  if (inputs.hello) open(*inputs.hello);
  if (inputs.listed) {
    inputs.listed->stream = stream_;
    engine_.list(*std::move(inputs.listed));
  }
  for (const auto& [to, refusal] : inputs.refused) answer(to, refusal);
  std::vector<EngineThread::Asked> commands;
  commands.reserve(inputs.commands.size());
  for (AttachCommand& asked : inputs.commands) {
    EngineThread::AnswerTo answer_to;
    if (asked.answer_to.kind != Addressee::Kind::kNobody) {
      answer_to = [self = weak_from_this(), to = std::move(asked.answer_to)](Answer result,
                                                                             Revision) {
        if (const auto stream = self.lock()) stream->answer(to, result);
      };
      if (traces_ != nullptr) {
        const bool claims = std::holds_alternative<Claim>(asked.command);
        answer_to = traces_->around(claims ? TracedCommand::kClaim : TracedCommand::kOperate,
                                    asked.key, asked.traceparent, std::move(answer_to));
      }
    }
    commands.push_back({std::move(asked.key), std::move(asked.command), std::move(answer_to)});
  }
  std::optional<StreamHeartbeat> heartbeat;
  if (inputs.heartbeat) heartbeat = {stream_, *inputs.heartbeat, std::move(inputs.load)};
  engine_.ask(std::move(commands), inputs.credit_bytes, stream_, std::move(heartbeat));
  return {};
}

void AttachStream::open(const v1::GatewayHello& hello) {
  stream_ = engine_.open_stream({.gateway_id = hello.gateway_id(),
                                 .credit_bytes = hello.event_credit_bytes(),
                                 .address = hello.address(),
                                 .has_backend = hello.has_backend()},
                                [self = weak_from_this()](Notice notice) {
                                  if (auto stream = self.lock()) stream->notify(std::move(notice));
                                });
  log_info("Gateway attached.", {{"gateway", hello.gateway_id()}, {"address", hello.address()}});
  queue(kNoticeBytes, [&](v1::AttachResponse& out) {
    add_hello(coordinator_id_, limits_.lease_ttl_ms, limits_.heartbeat_ms, out);
  });
}

// ---- what the engine says ----

void AttachStream::answer(const Addressee& to, const Answer& answer) {
  queue(kNoticeBytes, [&](v1::AttachResponse& out) { add_answer(to, answer, out); });
}

void AttachStream::notify(Notice notice) {
  const auto* delivered = std::get_if<EventsDelivered>(&notice);
  if (delivered == nullptr) {
    return queue(kNoticeBytes, [&](v1::AttachResponse& out) { add_notice(notice, out); });
  }
  v1::Delivery delivery = to_proto(*delivered);
  std::unique_lock lock(mutex_);
  queued_bytes_ += delivered->payload_bytes;
  deliveries_.push_back(std::move(delivery));
  wake(lock);
}

void AttachStream::drain(std::uint64_t within_ms) {
  queue(kNoticeBytes,
        [&](v1::AttachResponse& out) { out.mutable_drain()->set_within_ms(within_ms); });
}

// ---- writing ----

template <class Add>
void AttachStream::queue(std::size_t bytes, Add add) {
  std::unique_lock lock(mutex_);
  if (finished_) return;
  add(urgent_);
  queued_bytes_ += bytes;
  wake(lock);
}

// The message is packed and encoded behind the engine's step.
void AttachStream::wake(std::unique_lock<std::mutex>& lock) {
  if (queued_bytes_ > limits_.queued_bytes_max) {
    lock.unlock();
    end({grpc::StatusCode::RESOURCE_EXHAUSTED, "the gateway does not read its stream"});
    return;
  }
  if (writing_ || woken_ || finished_) return;
  woken_ = true;
  lock.unlock();
  workers_.post([self = shared_from_this()] { self->write(); });
}

void AttachStream::write() {
  const std::lock_guard lock(mutex_);
  woken_ = false;
  if (writing_ || finished_ || queued_bytes_ == 0) return;
  response_ = std::move(urgent_);
  urgent_ = v1::AttachResponse();
  std::size_t bytes = 0;
  while (!deliveries_.empty() && bytes < limits_.response_bytes_max) {
    bytes += deliveries_.front().payload_bytes();
    *response_.add_deliveries() = std::move(deliveries_.front());
    deliveries_.pop_front();
  }
  queued_bytes_ = 0;
  for (const v1::Delivery& delivery : deliveries_) queued_bytes_ += delivery.payload_bytes();
  writing_ = true;
  StartWrite(&response_);
}

void AttachStream::OnWriteDone(bool ok) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  if (finish_after_write_) {
    finish_after_write_ = false;
    const grpc::Status status = final_status_;
    lock.unlock();
    Finish(status);
    return;
  }
  if (!ok || finished_ || queued_bytes_ == 0) return;
  lock.unlock();
  write();
}

void AttachStream::end(grpc::Status status) {
  std::unique_lock lock(mutex_);
  if (finished_) return;
  finished_ = true;
  if (writing_) {
    finish_after_write_ = true;
    final_status_ = std::move(status);
    return;
  }
  lock.unlock();
  Finish(std::move(status));
}

void AttachStream::leave() {
  if (stream_ == 0) return;
  engine_.close_stream(stream_);
  log_info("Gateway's stream ended.", {{"gateway", reader_.gateway_id()}});
  stream_ = 0;
}

void AttachStream::OnCancel() { end({grpc::StatusCode::CANCELLED, "the stream was cut"}); }

void AttachStream::OnDone() {
  leave();
  ended_(this);
  const std::shared_ptr<AttachStream> keep = std::move(self_);
}

}  // namespace interlock
