// The streams of a MemoryCoordinator: hello, reconciliation, and what is delivered.
#include <algorithm>
#include <utility>

#include "gateway/memory_coordinator.h"

namespace interlock {
namespace {

constexpr std::uint32_t released_close_code = 4005;

}  // namespace

void MemoryCoordinator::stream_opened(std::uint64_t stream) { streams_[stream]; }

void MemoryCoordinator::stream_closed(std::uint64_t stream) {
  const auto found = streams_.find(stream);
  if (found != streams_.end()) found->second.open = false;
}

MemoryCoordinator::Stream* MemoryCoordinator::stream_of(const std::string& gateway_id) {
  for (auto at = streams_.rbegin(); at != streams_.rend(); ++at) {
    if (at->second.open && !gateway_id.empty() && at->second.gateway_id == gateway_id) {
      return &at->second;
    }
  }
  return nullptr;
}

void MemoryCoordinator::receive(std::uint64_t number, const v1::AttachRequest& request) {
  Stream& stream = streams_[number];
  if (request.has_hello()) greet(stream, request.hello());
  for (const v1::Held& held : request.held()) reconcile(stream, held);
  for (const v1::PendingClaim& pending : request.pending_claims()) {
    const Record* const record = find(pending.key());
    if (record != nullptr && record->claim_id == pending.claim_id()) {
      stream.kept.insert(pending.key());
    }
  }
  if (request.held_end()) end_list(stream);
  for (const v1::ClaimRequest& each : request.claims()) {
    *stream.out.add_claims() = claim(stream, each);
  }
  for (const v1::AbandonRequest& each : request.abandons()) abandon(each);
  for (const v1::OperateRequest& each : request.operations()) {
    *stream.out.add_operations() = operate(each);
  }
  for (const v1::AcknowledgeRequest& each : request.acknowledgements()) {
    const auto found = records_.find(each.key());
    if (found != records_.end()) acknowledge(found->second, each.generation(), each.sequence());
  }
  if (request.has_heartbeat()) loads[stream.gateway_id] = request.heartbeat().load();
  const bool renews = confirm_heartbeats && !store_away && !expired(stream.gateway_id);
  if (request.has_heartbeat() && renews) {
    stream.out.set_heartbeat_confirmed(request.heartbeat().number());
  }
  stream.credit += request.event_credit_bytes();
  if (stream.out.ByteSizeLong() > 0) stream.said = true;
  deliver(stream);
}

void MemoryCoordinator::greet(Stream& stream, const v1::GatewayHello& hello) {
  stream.gateway_id = hello.gateway_id();
  stream.list_began = revision_;
  stream.credit = hello.event_credit_bytes();
  stream.out.mutable_hello()->set_protocol_version(1);
  stream.out.mutable_hello()->set_coordinator_id("memory");
  stream.out.mutable_hello()->set_heartbeat_ms(heartbeat_ms);
  stream.out.mutable_hello()->set_lease_ttl_ms(lease_ttl_ms);
  if (store_away) stream.out.mutable_store_away()->set_away(true);
  if (expired(hello.gateway_id())) stream.out.set_lease_expired(true);
}

void MemoryCoordinator::reconcile(Stream& stream, const v1::Held& held) {
  v1::Reconciled& entry = *stream.out.add_reconciled();
  entry.set_key(held.key());
  entry.set_generation(held.generation());
  const auto found = records_.find(held.key());
  if (found != records_.end() && found->second.generation > held.generation()) {
    entry.set_superseded_by(found->second.generation);
    return;
  }
  if (found == records_.end() || found->second.owner != stream.gateway_id) {
    v1::Released& released = *entry.mutable_released();
    released.set_key(held.key());
    released.set_generation(held.generation());
    released.set_reason(v1::GATEWAY_EXPIRED);
    released.set_close_code(released_close_code);
    return;
  }
  Record& record = found->second;
  acknowledge(record, held.generation(), held.acknowledged());
  stream.kept.insert(held.key());
  stream.sent[held.key()] = held.last_sequence_sent();
  entry.mutable_keep()->set_state(record.state);
  entry.mutable_keep()->set_last_op(record.last_op);
  entry.mutable_keep()->set_acknowledged(record.acknowledged);
  entry.mutable_keep()->set_last_seq(record.last_sequence);
}

// What this gateway owns and did not list is detached, unless it changed since the list began.
void MemoryCoordinator::end_list(Stream& stream) {
  for (auto& [key, record] : records_) {
    if (record.owner == stream.gateway_id && !stream.kept.contains(key) &&
        record.revision <= stream.list_began) {
      release(key, v1::GATEWAY_LEFT, 0);
    }
  }
  stream.listed = true;
  stream.out.set_reconciled_end(true);
}

void MemoryCoordinator::deliver(Stream& stream) {
  if (!stream.listed) return;
  for (auto& [key, record] : records_) {
    const bool operational = record.state >= v1::PROCESSING_READY && record.state <= v1::DEGRADED;
    if (record.owner != stream.gateway_id || !operational) continue;
    std::uint64_t& sent = stream.sent[key];
    v1::Delivery* delivery = nullptr;
    for (const v1::Event& event : record.outbox) {
      if (event.sequence() <= sent || event.payload().size() > stream.credit) continue;
      if (event.sequence() != std::max(sent, record.acknowledged) + 1) break;
      stream.credit -= event.payload().size();
      sent = event.sequence();
      if (delivery == nullptr || delivery->events_size() >= events_per_delivery) {
        delivery = stream.out.add_deliveries();
        delivery->set_key(key);
        delivery->set_generation(record.generation);
      }
      delivery->set_payload_bytes(delivery->payload_bytes() + event.payload().size());
      *delivery->add_events() = event;
      stream.said = true;
    }
  }
}

std::vector<v1::AttachResponse> MemoryCoordinator::take(std::uint64_t number) {
  std::vector<v1::AttachResponse> taken;
  Stream& stream = streams_[number];
  if (silent) return taken;
  if (std::exchange(stream.said, false)) taken.push_back(std::exchange(stream.out, {}));
  return taken;
}

void MemoryCoordinator::drain() {
  for (auto& [number, stream] : streams_) {
    if (!stream.open) continue;
    stream.out.mutable_drain()->set_within_ms(1'000);
    stream.said = true;
  }
}

void MemoryCoordinator::expire(const std::string& gateway_id) {
  expired_.insert(gateway_id);
  for (auto& [key, record] : records_) {
    if (record.owner == gateway_id) release(key, v1::GATEWAY_EXPIRED, 0);
  }
  for (auto& [number, stream] : streams_) {
    if (!stream.open || stream.gateway_id != gateway_id) continue;
    stream.out.set_lease_expired(true);
    stream.said = true;
  }
}

void MemoryCoordinator::say_store_away(bool away) {
  for (auto& [number, stream] : streams_) {
    if (!stream.open) continue;
    stream.out.mutable_store_away()->set_away(away);
    stream.said = true;
  }
}

}  // namespace interlock
