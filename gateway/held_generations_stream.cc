// What HeldGenerations says on a stream.
#include <algorithm>
#include <utility>

#include "gateway/held_generations.h"

namespace interlock {

void HeldGenerations::start_stream() {
  operations_.clear();
  acknowledgements_.clear();
  put_off_.clear();
  listed_.reset();
  for (auto& [id, held] : held_) {
    held.unreconciled = false;
    held.operations_queued = false;
    held.acknowledgement_queued = false;
    held.said_op = 0;
    held.said_acknowledged = 0;
  }
}

bool HeldGenerations::pack_list(Packing& out) {
  for (auto next = listed_ ? held_.upper_bound(*listed_) : held_.begin(); next != held_.end();
       ++next) {
    if (out.full()) return false;
    auto& [id, held] = *next;
    listed_ = id;
    if (!held.ours && held.unanswered.empty()) continue;
    held.unreconciled = true;
    held.said_acknowledged = held.acknowledged;
    v1::Held& listed = *out.message.add_held();
    listed.set_key(id.first);
    listed.set_generation(id.second);
    listed.set_last_op(held.sent_op);
    listed.set_last_sequence_sent(held.last_sequence_sent);
    listed.set_acknowledged(held.acknowledged);
    out.count(listed);
  }
  return true;
}

bool HeldGenerations::needs_saying(const Held& held) const {
  if (held.unreconciled || held.unanswered.empty()) return false;
  const std::size_t together = std::min(held.unanswered.size(), operations_per_request_max);
  return held.unanswered[together - 1].op() > held.said_op;
}

void HeldGenerations::queue_operations(const GenerationId& id, Held& held) {
  if (held.operations_queued || !needs_saying(held)) return;
  held.operations_queued = true;
  operations_.push_back(id);
}

v1::OperateRequest HeldGenerations::request_of(const GenerationId& id, Held& held) {
  v1::OperateRequest request;
  request.set_key(id.first);
  request.set_gateway_id(gateway_id_);
  request.set_generation(id.second);
  request.set_acknowledged(held.acknowledged);
  request.set_traceparent(held.traceparent);
  held.said_acknowledged = held.acknowledged;
  const std::size_t together = std::min(held.unanswered.size(), operations_per_request_max);
  for (std::size_t at = 0; at < together; ++at) *request.add_operations() = held.unanswered[at];
  held.said_op = held.unanswered[together - 1].op();
  held.sent_op = std::max(held.sent_op, held.said_op);
  return request;
}

void HeldGenerations::pack_operations(Packing& out) {
  for (; !operations_.empty() && !out.full(); operations_.pop_front()) {
    const auto found = held_.find(operations_.front());
    if (found == held_.end()) continue;
    found->second.operations_queued = false;
    if (!needs_saying(found->second)) continue;
    v1::OperateRequest& said = *out.message.add_operations();
    said = request_of(found->first, found->second);
    out.count(said);
  }
}

void HeldGenerations::pack_acknowledgements(Packing& out) {
  for (; !acknowledgements_.empty() && !out.full(); acknowledgements_.pop_front()) {
    const auto found = held_.find(acknowledgements_.front());
    if (found == held_.end()) continue;
    auto& [id, held] = *found;
    held.acknowledgement_queued = false;
    if (!held.ours || held.acknowledged <= held.said_acknowledged) continue;
    held.said_acknowledged = held.acknowledged;
    v1::AcknowledgeRequest& said = *out.message.add_acknowledgements();
    said.set_key(id.first);
    said.set_gateway_id(gateway_id_);
    said.set_generation(id.second);
    said.set_sequence(held.acknowledged);
    out.count(said);
  }
}

std::optional<std::uint64_t> HeldGenerations::retry_at_ms() const {
  if (put_off_.empty()) return std::nullopt;
  return retry_at_ms_;
}

void HeldGenerations::retry() {
  for (const GenerationId& id : std::exchange(put_off_, {})) {
    if (const auto found = held_.find(id); found != held_.end()) {
      queue_operations(id, found->second);
    }
  }
}

}  // namespace interlock
