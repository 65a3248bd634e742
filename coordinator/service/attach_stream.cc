#include "coordinator/service/attach_stream.h"

#include "common/log.h"
#include "common/version.h"
#include "coordinator/service/refusal.h"
#include "coordinator/service/translate.h"

namespace interlock {
namespace {

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kNoticeBytes = 128;  // about, for the bound of what is queued

void fill(const ReleasedFor& why, v1::Released* out) {
  out->set_reason(static_cast<v1::Reason>(why.reason));
  out->set_close_code(why.close_code);
}

}  // namespace

std::shared_ptr<AttachStream> AttachStream::start(EngineThread& engine, Workers& workers,
                                                  const std::string& coordinator_id,
                                                  const AttachLimits& limits,
                                                  std::function<void(AttachStream*)> ended) {
  std::shared_ptr<AttachStream> stream(
      new AttachStream(engine, workers, coordinator_id, limits, std::move(ended)));
  stream->self_ = stream;
  stream->StartRead(&stream->request_);
  return stream;
}

AttachStream::AttachStream(EngineThread& engine, Workers& workers,
                           const std::string& coordinator_id, const AttachLimits& limits,
                           std::function<void(AttachStream*)> ended)
    : engine_(engine),
      workers_(workers),
      coordinator_id_(coordinator_id),
      limits_(limits),
      ended_(std::move(ended)) {}

// ---- reading ----

void AttachStream::OnReadDone(bool ok) {
  if (!ok) {
    leave();
    end(grpc::Status::OK);
    return;
  }
  const std::string wrong = take(request_);
  if (!wrong.empty()) {
    leave();
    end({grpc::StatusCode::INVALID_ARGUMENT, wrong});
    return;
  }
  request_.Clear();
  StartRead(&request_);
}

std::string AttachStream::take(const v1::AttachRequest& request) {
  if (stream_ == 0) {
    std::string wrong = take_hello(request);
    if (!wrong.empty()) return wrong;
  }
  if (!list_ended_) {
    std::string wrong = take_list(request);
    if (!wrong.empty() || !list_ended_) return wrong;
  }
  take_claims(request);
  take_operations(request);
  take_rest(request);
  return {};
}

std::string AttachStream::take_hello(const v1::AttachRequest& request) {
  if (!request.has_hello()) return "the first message must carry `hello`";
  const v1::GatewayHello& hello = request.hello();
  if (hello.protocol_version() != kProtocolVersion) {
    return "this coordinator speaks protocol version 1; start a gateway of the same version, or "
           "one version away from it";
  }
  if (check_gateway_id(hello.gateway_id())) return "gateway_id must be 32 hexadecimal digits";
  gateway_id_ = hello.gateway_id();
  stream_ = engine_.open_stream(gateway_id_, hello.event_credit_bytes(),
                                [self = weak_from_this()](Notice notice) {
                                  if (auto stream = self.lock()) stream->notify(std::move(notice));
                                });
  log_info("Gateway attached.", {{"gateway", gateway_id_}, {"address", hello.address()}});
  queue(kNoticeBytes, [&](v1::AttachResponse& out) {
    out.mutable_hello()->set_protocol_version(kProtocolVersion);
    out.mutable_hello()->set_coordinator_id(coordinator_id_);
    out.mutable_hello()->set_lease_ttl_ms(limits_.lease_ttl_ms);
    out.mutable_hello()->set_heartbeat_ms(limits_.heartbeat_ms);
    out.mutable_hello()->set_build(std::string(version()));
  });
  return {};
}

std::string AttachStream::take_list(const v1::AttachRequest& request) {
  if (!request.held_end() && (request.claims_size() > 0 || request.operations_size() > 0)) {
    return "nothing but the reconcile list may come before held_end";
  }
  StreamListed listed{.stream = stream_, .held = {}, .pending_claims = {}, .end = false};
  for (const v1::Held& held : request.held()) {
    if (check_key(held.key())) return "the reconcile list names what is no connection key";
    listed.held.push_back({held.key(), held.generation(), held.last_op(),
                           held.last_sequence_sent(), held.acknowledged()});
  }
  for (const v1::PendingClaim& claim : request.pending_claims()) {
    listed.pending_claims.push_back({claim.key(), claim.claim_id()});
  }
  listed.end = list_ended_ = request.held_end();
  engine_.list(std::move(listed));
  return {};
}

void AttachStream::take_claims(const v1::AttachRequest& request) {
  for (const v1::ClaimRequest& asked : request.claims()) {
    Checked<Claim> claim = from_proto(asked);
    if (asked.gateway_id() != gateway_id_) {
      claim = Refusal{InvalidArgument{"gateway_id", "it must be the stream's own"}};
    }
    auto answer = [self = weak_from_this(), key = asked.key(), id = asked.claim_id()](
                      Answer result, Revision) {
      const auto stream = self.lock();
      if (!stream) return;
      stream->queue(kNoticeBytes, [&](v1::AttachResponse& out) {
        v1::ClaimAnswer* to = out.add_claims();
        to->set_key(key);
        to->set_claim_id(id);
        if (const auto* granted = std::get_if<Granted>(&result)) {
          to_proto(key, id, *granted, to->mutable_granted());
        } else if (const auto* refusal = std::get_if<Refusal>(&result)) {
          *to->mutable_refusal() = to_proto(*refusal);
        }
      });
    };
    if (auto* refusal = std::get_if<Refusal>(&claim)) {
      answer(*refusal, 0);
    } else {
      engine_.ask(asked.key(), std::get<Claim>(std::move(claim)), std::move(answer));
    }
  }
  for (const v1::AbandonRequest& asked : request.abandons()) {
    Checked<Abandon> abandon = from_proto(asked);
    if (auto* command = std::get_if<Abandon>(&abandon)) {
      engine_.ask(asked.key(), std::move(*command), {});
    }
  }
}

void AttachStream::take_operations(const v1::AttachRequest& request) {
  for (const v1::OperateRequest& asked : request.operations()) {
    Checked<Operate> operate = from_proto(asked);
    if (asked.gateway_id() != gateway_id_) {
      operate = Refusal{InvalidArgument{"gateway_id", "it must be the stream's own"}};
    }
    auto answer = [self = weak_from_this(), key = asked.key(), generation = asked.generation()](
                      Answer result, Revision) {
      const auto stream = self.lock();
      if (!stream) return;
      stream->queue(kNoticeBytes, [&](v1::AttachResponse& out) {
        v1::OperateAnswer* to = out.add_operations();
        to->set_key(key);
        to->set_generation(generation);
        if (const auto* done = std::get_if<Done>(&result)) {
          to_proto(key, generation, *done, to->mutable_done());
        } else if (const auto* refusal = std::get_if<Refusal>(&result)) {
          *to->mutable_refusal() = to_proto(*refusal);
        }
      });
    };
    if (auto* refusal = std::get_if<Refusal>(&operate)) {
      answer(*refusal, 0);
    } else {
      engine_.ask(asked.key(), std::get<Operate>(std::move(operate)), std::move(answer));
    }
  }
}

void AttachStream::take_rest(const v1::AttachRequest& request) {
  for (const v1::AcknowledgeRequest& asked : request.acknowledgements()) {
    Checked<Acknowledge> acknowledge = from_proto(asked);
    auto* command = std::get_if<Acknowledge>(&acknowledge);
    if (command == nullptr) continue;
    command->gateway_id = gateway_id_;
    engine_.ask(asked.key(), std::move(*command), {});
  }
  if (request.event_credit_bytes() > 0) engine_.add_credit(stream_, request.event_credit_bytes());
  if (request.has_heartbeat()) engine_.heartbeat(stream_, request.heartbeat().number());
}

// ---- what the engine says ----

void AttachStream::notify(Notice notice) {
  if (auto* delivered = std::get_if<EventsDelivered>(&notice)) {
    v1::Delivery delivery;
    delivery.set_key(delivered->key);
    delivery.set_generation(delivered->generation);
    delivery.set_payload_bytes(delivered->payload_bytes);
    for (const OutboxEvent& event : delivered->events) to_proto(event, delivery.add_events());
    std::unique_lock lock(mutex_);
    queued_bytes_ += delivered->payload_bytes;
    deliveries_.push_back(std::move(delivery));
    wake(lock);
    return;
  }
  struct Add {
    v1::AttachResponse& out;
    void operator()(const ListAnswered& listed) {
      v1::Reconciled* to = out.add_reconciled();
      to->set_key(listed.key);
      to->set_generation(listed.generation);
      if (const auto* kept = std::get_if<Kept>(&listed.answer)) {
        to->mutable_keep()->set_state(static_cast<v1::State>(kept->state));
        to->mutable_keep()->set_last_op(kept->last_op);
        to->mutable_keep()->set_acknowledged(kept->acknowledged);
        to->mutable_keep()->set_last_seq(kept->last_sequence);
      } else if (const auto* by = std::get_if<SupersededBy>(&listed.answer)) {
        to->set_superseded_by(by->generation);
      } else {
        to->mutable_released()->set_key(listed.key);
        to->mutable_released()->set_generation(listed.generation);
        fill(std::get<ReleasedFor>(listed.answer), to->mutable_released());
      }
    }
    void operator()(const ListEnded&) { out.set_reconciled_end(true); }
    void operator()(const Superseded& superseded) {
      v1::Superseded* to = out.add_superseded();
      to->set_key(superseded.key);
      to->set_generation(superseded.generation);
      to->set_by_generation(superseded.by);
    }
    void operator()(const Released& released) {
      v1::Released* to = out.add_released();
      to->set_key(released.key);
      to->set_generation(released.generation);
      fill(released.why, to);
    }
    void operator()(const StateMoved& moved) {
      v1::StateNotice* to = out.add_states();
      to->set_key(moved.key);
      to->set_generation(moved.generation);
      to->set_state(static_cast<v1::State>(moved.state));
    }
    void operator()(const HeartbeatConfirmed& confirmed) {
      out.set_heartbeat_confirmed(confirmed.number);
    }
    void operator()(const StoreIsAway& store) { out.mutable_store_away()->set_away(store.away); }
    void operator()(const EventsDelivered&) {}  // above
  };
  queue(kNoticeBytes,
        [&](v1::AttachResponse& out) { std::visit(Add{out}, notice); });
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

// The message is packed and encoded on a worker: the engine's thread goes on.
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
  log_info("Gateway's stream ended.", {{"gateway", gateway_id_}});
  stream_ = 0;
}

void AttachStream::OnCancel() { end({grpc::StatusCode::CANCELLED, "the stream was cut"}); }

void AttachStream::OnDone() {
  leave();
  ended_(this);
  const std::shared_ptr<AttachStream> keep = std::move(self_);
}

}  // namespace interlock
