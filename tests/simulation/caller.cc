#include "tests/simulation/caller.h"

#include "coordinator/service/translate.h"

namespace interlock::sim {

void Caller::begin_anew() {
  gateway_ = run_.dice.hex(32);
  generation_ = 0;
  unanswered_.clear();
  answered_.clear();
  claim();
}

void Caller::claim() {
  claim_.Clear();
  claim_.set_key(key_);
  claim_.set_subject("alice");
  claim_.set_gateway_id(gateway_);
  claim_.set_claim_id(run_.dice.hex(16));
  if (run_.dice.chance(0.5)) {
    claim_.mutable_attempt()->set_generation(generation_);
    claim_.mutable_attempt()->set_tries(++tries_ % 3);
  }
  if (run_.dice.chance(0.3)) claim_.set_policy(v1::REJECT);
  if (run_.dice.chance(0.5)) claim_.set_through(v1::PROCESSING_READY);
  generation_ = 0;
  last_op_ = 0;
  unanswered_.clear();
  answered_.clear();
  said_.claim(claim_);
}

void Caller::act() {
  if (run_.calm) return leave();
  if (generation_ == 0) {
    ask_claim();
  } else if (run_.dice.chance(0.1)) {
    claim();
  } else if (run_.dice.chance(0.03)) {
    begin_anew();
  } else {
    if (unanswered_.size() < 4 && run_.dice.chance(0.7)) operate();
    ask_operations();
  }
}

void Caller::leave() {
  if (generation_ == 0) return;
  if (unanswered_.empty() || !Said::ends(unanswered_.rbegin()->second)) {
    v1::Operation detach;
    detach.set_op(++last_op_);
    detach.mutable_detach()->set_reason(v1::GATEWAY_LEFT);
    unanswered_[last_op_] = detach;
  }
  ask_operations();
}

void Caller::ask_claim() {
  auto command = std::get<Claim>(from_proto(claim_));
  network_.call(network_.some_coordinator(), key_, command,
                [this, id = claim_.claim_id()](const Answer& answer, Revision) {
                  if (id == claim_.claim_id()) claim_answered(answer);
                });
}

void Caller::claim_answered(const Answer& answer) {
  if (const auto* granted = std::get_if<Granted>(&answer)) {
    generation_ = granted->generation;
    return;
  }
  const auto* refusal = std::get_if<Refusal>(&answer);
  if (refusal == nullptr || generation_ != 0) return;
  if (std::holds_alternative<GatewayExpired>(*refusal)) {
    begin_anew();
  } else if (!std::holds_alternative<StoreAway>(*refusal) &&
             !std::holds_alternative<NotNow>(*refusal)) {
    claim();
  }
}

// Most steps are legal; some are not, and their numbers are taken all the same.
void Caller::operate() {
  static const v1::State kSteps[] = {v1::ACCEPTED,         v1::AUTHENTICATED, v1::SERVICES_READY,
                                     v1::PROCESSING_READY, v1::IDLE,          v1::DEGRADED,
                                     v1::PROCESSING,       v1::CLOSING};
  v1::Operation operation;
  operation.set_op(++last_op_);
  const std::uint64_t what = run_.dice.below(20);
  if (what == 0) {
    operation.mutable_detach()->set_reason(v1::SOCKET_LOST);
  } else if (what == 1) {
    operation.mutable_close()->set_reason(v1::CLIENT_DONE);
  } else if (what == 2) {
    operation.mutable_fail()->set_reason(v1::SETUP_FAILED);
  } else {
    operation.set_advance(kSteps[run_.dice.below(std::size(kSteps))]);
  }
  unanswered_[last_op_] = operation;
}

void Caller::ask_operations() {
  v1::OperateRequest request;
  request.set_key(key_);
  request.set_gateway_id(gateway_);
  request.set_generation(generation_);
  // Now and then an old one alone, which has long been decided.
  if (!answered_.empty() && run_.dice.chance(0.3)) {
    auto old = answered_.begin();
    std::advance(old, run_.dice.below(answered_.size()));
    *request.add_operations() = old->second;
  } else {
    for (const auto& [op, operation] : unanswered_) *request.add_operations() = operation;
  }
  if (request.operations().empty()) return;
  said_.operate(request);
  network_.call(network_.some_coordinator(), key_, std::get<Operate>(from_proto(request)),
                [this, generation = generation_](const Answer& answer, Revision) {
                  if (generation == generation_) operations_answered(answer);
                });
}

void Caller::operations_answered(const Answer& answer) {
  if (const auto* done = std::get_if<Done>(&answer)) {
    while (!unanswered_.empty() && unanswered_.begin()->first <= done->last_op) {
      answered_.insert(unanswered_.extract(unanswered_.begin()));
    }
    if (answered_.size() > 6) answered_.erase(answered_.begin());
    if (done->owner != gateway_) claim();
    return;
  }
  const auto* refusal = std::get_if<Refusal>(&answer);
  if (refusal == nullptr || std::holds_alternative<StoreAway>(*refusal) ||
      std::holds_alternative<NotNow>(*refusal)) {
    return;
  }
  claim();
}

}  // namespace interlock::sim
