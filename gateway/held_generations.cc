#include "gateway/held_generations.h"

#include <algorithm>
#include <utility>

namespace interlock {
namespace {

constexpr std::uint64_t retry_ms = 500;  // when a refusal does not say when to come back

bool ends(const v1::Operation& operation) {
  return operation.has_detach() || operation.has_close() || operation.has_fail();
}

// Whether the coordinator decided nothing and wants to be asked again; and in how many ms.
std::optional<std::uint64_t> put_off_for(const v1::Refusal& refusal) {
  std::uint64_t after_ms = 0;
  if (refusal.has_store_away()) {
    after_ms = refusal.store_away().after_ms();
  } else if (refusal.has_not_now()) {
    after_ms = refusal.not_now().after_ms();
  } else {
    return std::nullopt;
  }
  return after_ms > 0 ? after_ms : retry_ms;
}

}  // namespace

void HeldGenerations::granted(const GenerationId& id, std::uint64_t connection,
                              std::uint64_t next_sequence) {
  Held& held = held_[id];
  held.connection = connection;
  held.last_sequence_sent = next_sequence > 0 ? next_sequence - 1 : 0;
}

void HeldGenerations::granted_to_nobody(const GenerationId& id) {
  if (held_.contains(id)) return;
  held_[id];
  abandon(id);
}

void HeldGenerations::operate(const GenerationId& id, v1::Operation operation,
                              std::string traceparent) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  Held& held = found->second;
  operation.set_op(++held.last_op);
  held.ending = held.ending || ends(operation);
  held.unanswered.push_back(std::move(operation));
  held.traceparent = std::move(traceparent);
  ++unanswered_;
  queue_operations(id, held);
}

void HeldGenerations::acknowledge(const GenerationId& id, std::uint64_t sequence) {
  const auto found = held_.find(id);
  if (found == held_.end() || sequence <= found->second.acknowledged) return;
  found->second.acknowledged = sequence;
  if (std::exchange(found->second.acknowledgement_queued, true)) return;
  acknowledgements_.push_back(id);
}

void HeldGenerations::events_sent(const GenerationId& id, std::uint64_t sequence) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  found->second.last_sequence_sent = std::max(found->second.last_sequence_sent, sequence);
}

void HeldGenerations::abandon(const GenerationId& id) {
  const auto found = held_.find(id);
  if (found == held_.end() || !found->second.ours || found->second.ending) return;
  v1::Operation detach;
  detach.mutable_detach()->set_reason(v1::ABANDONED);
  operate(id, std::move(detach));
}

void HeldGenerations::forget(const GenerationId& id) {
  const auto found = held_.find(id);
  if (found == held_.end()) return;
  abandon(id);
  found->second.connection = 0;
  if (found->second.unanswered.empty()) held_.erase(found);
}

std::uint64_t HeldGenerations::connection_of(const GenerationId& id) const {
  const auto found = held_.find(id);
  return found == held_.end() ? 0 : found->second.connection;
}

std::uint64_t HeldGenerations::answered(const v1::OperateAnswer& answer, std::uint64_t now_ms) {
  const GenerationId id(answer.key(), answer.generation());
  const auto found = held_.find(id);
  if (found == held_.end()) return 0;
  Held& held = found->second;
  // What a listed generation's operations came to is said by the answer to the list.
  if (held.unreconciled || held.unanswered.empty()) return 0;
  const std::uint64_t connection = held.connection;
  if (answer.has_refusal()) {
    if (const auto after_ms = put_off_for(answer.refusal())) {
      held.said_op = 0;
      if (put_off_.empty()) retry_at_ms_ = now_ms + *after_ms;
      put_off_.push_back(id);
      return 0;
    }
    // No longer ours: nothing that comes behind can fare better. Otherwise only what was asked.
    const bool gone = answer.refusal().has_stale_generation() || answer.refusal().has_not_found();
    if (gone) {
      held.ours = false;
      drop_all(held);
    } else {
      drop_up_to(held, held.said_op);
    }
  } else if (!answer.has_done() || drop_up_to(held, answer.done().last_op()) == 0) {
    return 0;
  }
  if (held.ending && held.unanswered.empty()) held.ours = false;
  settle(found);
  return connection;
}

std::uint64_t HeldGenerations::lost(const GenerationId& id) {
  const auto found = held_.find(id);
  if (found == held_.end() || !std::exchange(found->second.ours, false)) return 0;
  return found->second.connection;
}

HeldGenerations::Kept HeldGenerations::keep(const GenerationId& id, std::uint64_t last_op) {
  const auto found = held_.find(id);
  if (found == held_.end() || !std::exchange(found->second.unreconciled, false)) return {};
  Held& held = found->second;
  Kept kept;
  kept.connection = held.connection;
  kept.answered_operations = drop_up_to(held, last_op) > 0;
  // It was taken and yet the record is ours: the operation that was to end it was refused.
  if (held.unanswered.empty()) held.ending = false;
  if (held.connection == 0) abandon(id);
  settle(found);
  return kept;
}

std::uint64_t HeldGenerations::lost_in_list(const GenerationId& id) {
  const auto found = held_.find(id);
  if (found == held_.end() || !std::exchange(found->second.unreconciled, false)) return 0;
  // Told twice rather than left waiting for an answer.
  const bool news = std::exchange(found->second.ours, false) || !found->second.unanswered.empty();
  const std::uint64_t connection = news ? found->second.connection : 0;
  drop_all(found->second);
  settle(found);
  return connection;
}

void HeldGenerations::keep_unanswered() {
  for (auto& [id, held] : held_) {
    if (std::exchange(held.unreconciled, false)) queue_operations(id, held);
  }
}

// Never drops what was not sent, whatever the coordinator says.
std::uint64_t HeldGenerations::drop_up_to(Held& held, std::uint64_t last_op) {
  const std::uint64_t sent_op = std::min(last_op, held.sent_op);
  const auto kept = std::ranges::find_if(
      held.unanswered, [&](const v1::Operation& operation) { return operation.op() > sent_op; });
  const auto dropped = static_cast<std::uint64_t>(kept - held.unanswered.begin());
  if (kept == held.unanswered.end()) {
    drop_all(held);
    return dropped;
  }
  held.unanswered.erase(held.unanswered.begin(), kept);
  unanswered_ -= dropped;
  return dropped;
}

void HeldGenerations::drop_all(Held& held) {
  unanswered_ -= std::exchange(held.unanswered, {}).size();
}

void HeldGenerations::settle(Map::iterator at) {
  if (!at->second.unanswered.empty()) {
    queue_operations(at->first, at->second);
  } else if (at->second.connection == 0) {
    held_.erase(at);
  }
}

}  // namespace interlock
