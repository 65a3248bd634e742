// What an Attachment makes of what the coordinator says.
#include <algorithm>
#include <utility>

#include "gateway/attachment.h"

namespace interlock {
namespace {

constexpr std::uint32_t protocol_version = 1;

template <typename Message>
GenerationId generation_of(const Message& message) {
  return {message.key(), message.generation()};
}

// Whoever asks under an id that has expired is told so with every answer.
bool says_expired(const v1::AttachResponse& message) {
  const auto expired = [](const auto& answer) { return answer.refusal().has_gateway_expired(); };
  return message.lease_expired() || std::ranges::any_of(message.claims(), expired) ||
         std::ranges::any_of(message.operations(), expired);
}

// What the session would have been told, had the answer not been lost with its stream. Which steps
// were written, and whether one was refused, nobody knows any more.
v1::OperateAnswer lost_answer(const v1::Reconciled& entry, const std::string& gateway_id) {
  v1::OperateAnswer answer;
  answer.set_key(entry.key());
  answer.set_generation(entry.generation());
  v1::Done& done = *answer.mutable_done();
  done.set_key(entry.key());
  done.set_generation(entry.generation());
  done.set_last_op(entry.keep().last_op());
  done.set_state(entry.keep().state());
  done.set_owner(gateway_id);
  done.set_last_seq(entry.keep().last_seq());
  return answer;
}

}  // namespace

void Attachment::received(std::uint64_t stream, const v1::AttachResponse& message,
                          std::uint64_t now_ms) {
  if (stream != stream_ || phase_ == Phase::kClosed || deaf_) return;
  look_at_lease(now_ms);  // first: it may have waited here while this process stood still
  if (says_expired(message)) return release_all(IdentityEnd::kExpired);
  if (phase_ == Phase::kGreeting && !take_hello(message, now_ms)) return;
  schedule_.heard(now_ms);
  lease_.heard(now_ms);
  take_list(message);
  take_answers(message, now_ms);
  take_changes(message);
  if (message.heartbeat_confirmed() > heartbeat_confirmed_ &&
      message.heartbeat_confirmed() <= heartbeat_) {
    heartbeat_confirmed_ = message.heartbeat_confirmed();
    claims_.heartbeat_confirmed(heartbeat_confirmed_);
    lease_.heartbeat_confirmed(heartbeat_confirmed_);
  }
  if (message.has_store_away()) {
    store_away_ = message.store_away().away();
    schedule_.store_away(store_away_, now_ms);
    if (!store_away_) held_.retry();
  }
  if (message.drain_gateway_per_s() > 0) drain_per_s_ = message.drain_gateway_per_s();
  if (message.has_drain()) {
    draining_ = true;
    cut("drain");
  }
  look_at_lease(now_ms);
}

bool Attachment::take_hello(const v1::AttachResponse& message, std::uint64_t now_ms) {
  if (!message.has_hello() || message.hello().protocol_version() != protocol_version) {
    cut("protocol");
    return false;
  }
  phase_ = Phase::kListing;
  store_away_ = false;  // until this one says so itself
  // One that came as seldom as it holds would let it hold between any two.
  const v1::CoordinatorHello& hello = message.hello();
  lease_.ttl_named(hello.lease_ttl_ms());
  const std::uint64_t often_ms = std::max<std::uint64_t>(lease_.hold_after_ms() / 2, 1);
  const std::uint64_t wish_ms =
      hello.heartbeat_ms() > 0 ? hello.heartbeat_ms() : limits_.heartbeat_ms;
  schedule_.greeted(now_ms, std::min(wish_ms, often_ms));
  return true;
}

void Attachment::take_list(const v1::AttachResponse& message) {
  for (const v1::Reconciled& entry : message.reconciled()) take_reconciled(entry);
  if (!message.reconciled_end()) return;
  if (phase_ == Phase::kListing) {
    cut("protocol");  // it cannot have answered what it has not seen
    return;
  }
  held_.keep_unanswered();
  reconciled_ = true;
}

void Attachment::take_reconciled(const v1::Reconciled& entry) {
  const GenerationId id = generation_of(entry);
  if (entry.has_keep()) {
    const auto kept = held_.keep(id, entry.keep().last_op());
    if (kept.answered_operations) tell(kept.connection, lost_answer(entry, gateway_id_));
  } else if (entry.has_released()) {
    tell(held_.lost_in_list(id), entry.released());
  } else if (entry.superseded_by() > entry.generation()) {
    v1::Superseded superseded;
    superseded.set_key(entry.key());
    superseded.set_generation(entry.generation());
    superseded.set_by_generation(entry.superseded_by());
    tell(held_.lost_in_list(id), std::move(superseded));
  }
}

void Attachment::take_answers(const v1::AttachResponse& message, std::uint64_t now_ms) {
  for (const v1::ClaimAnswer& answer : message.claims()) take_claim_answer(answer);
  for (const v1::OperateAnswer& answer : message.operations()) {
    tell(held_.answered(answer, now_ms), answer);
  }
}

void Attachment::take_claim_answer(const v1::ClaimAnswer& answer) {
  const auto connection = claims_.answered(answer.key(), answer.claim_id());
  if (answer.has_granted()) {
    const GenerationId id(answer.key(), answer.granted().generation());
    if (connection) {
      held_.granted(id, *connection, answer.granted().next_seq());
      granted_[*connection] = id;
    } else {
      held_.granted_to_nobody(id);
    }
  }
  if (connection) tell(*connection, answer);
}

void Attachment::take_changes(const v1::AttachResponse& message) {
  for (const v1::Superseded& superseded : message.superseded()) {
    if (superseded.by_generation() <= superseded.generation()) continue;
    tell(held_.lost(generation_of(superseded)), superseded);
  }
  for (const v1::Released& released : message.released()) {
    tell(held_.lost(generation_of(released)), released);
  }
  for (const v1::StateNotice& state : message.states()) {
    tell(held_.connection_of(generation_of(state)), state);
  }
  closed_.insert(closed_.end(), message.closed_to_deliver().begin(),
                 message.closed_to_deliver().end());
  for (const v1::Delivery& delivery : message.deliveries()) {
    credit_.delivered(delivery.payload_bytes());
    const std::uint64_t connection = held_.connection_of(generation_of(delivery));
    if (connection == 0) credit_.give_back(delivery.payload_bytes());
    tell(connection, delivery);
  }
}

}  // namespace interlock
