#include "gateway/memory_coordinator.h"

#include <algorithm>
#include <utility>

namespace interlock {
namespace {

constexpr std::size_t spent_claim_ids_max = 8;

bool is_final(v1::State state) { return state == v1::CLOSED || state == v1::FAILED; }

bool is_operational(v1::State state) {
  return state >= v1::PROCESSING_READY && state <= v1::DEGRADED;
}

bool was_operational(v1::State state) { return is_operational(state) || state == v1::RECONNECTING; }

void spend(std::deque<std::string>& spent, const std::string& claim_id) {
  spent.push_back(claim_id);
  if (spent.size() > spent_claim_ids_max) spent.pop_front();
}

}  // namespace

const MemoryCoordinator::Record* MemoryCoordinator::find(const std::string& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

v1::ClaimAnswer MemoryCoordinator::claim(Stream& stream, const v1::ClaimRequest& request) {
  v1::ClaimAnswer answer;
  answer.set_key(request.key());
  answer.set_claim_id(request.claim_id());
  if (expired(request.gateway_id())) {
    answer.mutable_refusal()->mutable_gateway_expired();
    return answer;
  }
  if (store_away) {
    answer.mutable_refusal()->mutable_store_away();
    return answer;
  }
  if (refuse_claim) {
    if (auto refusal = refuse_claim(request)) {
      *answer.mutable_refusal() = std::move(*refusal);
      return answer;
    }
  }
  std::deque<std::string>& spent = spent_[request.key()];
  const auto known = records_.find(request.key());
  if (std::find(spent.begin(), spent.end(), request.claim_id()) != spent.end()) {
    answer.mutable_refusal()->mutable_stale()->set_current_generation(
        known == records_.end() ? 0 : known->second.generation);
    return answer;
  }
  Record& record = records_[request.key()];
  const bool again = record.claim_id == request.claim_id();
  if (again && record.owner != request.gateway_id()) {  // it was granted, and let go since
    answer.mutable_refusal()->mutable_stale()->set_current_generation(record.generation);
    return answer;
  }
  if (!again) {
    if (!record.claim_id.empty()) spend(spent, record.claim_id);
    displace(request.key(), record);
  }
  *answer.mutable_granted() = grant(record, request);
  stream.sent[request.key()] = answer.granted().next_seq() - 1;
  return answer;
}

// The same claim again gets the same grant.
v1::Granted MemoryCoordinator::grant(Record& record, const v1::ClaimRequest& request) {
  v1::Granted granted;
  const bool resumed = was_operational(record.state);
  if (record.claim_id != request.claim_id()) {
    if (record.state == v1::CLOSED) {
      record.outbox.clear();
      record.acknowledged = record.last_sequence;
    }
    record.generation = record.revision = ++revision_;
    record.owner = request.gateway_id();
    record.subject = request.subject();
    record.claim_id = request.claim_id();
    record.last_op = 0;
    record.taken.clear();
    record.state = resumed ? v1::RECONNECTING : v1::CONNECTING;
    granted.add_steps(record.state);
    for (int step = record.state + 1; !resumed && step <= request.through(); ++step) {
      granted.add_steps(static_cast<v1::State>(step));
    }
    if (request.through() != v1::STATE_UNSPECIFIED) {
      if (resumed) granted.add_steps(request.through());
      record.state = request.through();
    }
  }
  const std::uint64_t seen = request.position().last_seq();
  const bool counts = request.has_position() && seen <= record.last_sequence;
  if (counts) acknowledge(record, record.generation, seen);
  granted.set_key(request.key());
  granted.set_claim_id(record.claim_id);
  granted.set_generation(record.generation);
  granted.set_resumed(counts && seen > 0);
  granted.set_position_lost(request.has_position() && !counts);
  granted.set_next_seq(record.acknowledged + 1);
  granted.set_last_seq(record.last_sequence);
  granted.set_state(record.state);
  granted.set_sequence_since(1);
  return granted;
}

// The owner until now learns that a higher generation is coming.
void MemoryCoordinator::displace(const std::string& key, Record& record) {
  Stream* const loser = stream_of(record.owner);
  if (loser == nullptr) return;
  v1::Superseded& superseded = *loser->out.add_superseded();
  superseded.set_key(key);
  superseded.set_generation(record.generation);
  superseded.set_by_generation(revision_ + 1);
  loser->said = true;
}

void MemoryCoordinator::abandon(const v1::AbandonRequest& request) {
  const auto found = records_.find(request.key());
  if (found != records_.end() && found->second.claim_id == request.claim_id()) {
    if (found->second.owner != request.gateway_id()) return;
    release(request.key(), v1::ABANDONED, 0);
    return;
  }
  std::deque<std::string>& spent = spent_[request.key()];
  if (std::find(spent.begin(), spent.end(), request.claim_id()) != spent.end()) return;
  spend(spent, request.claim_id());
}

v1::OperateAnswer MemoryCoordinator::operate(const v1::OperateRequest& request) {
  v1::OperateAnswer answer;
  answer.set_key(request.key());
  answer.set_generation(request.generation());
  if (store_away) {
    answer.mutable_refusal()->mutable_store_away();
    return answer;
  }
  if (refuse_operations) {
    if (auto refusal = refuse_operations(request)) {
      *answer.mutable_refusal() = std::move(*refusal);
      return answer;
    }
  }
  const auto found = records_.find(request.key());
  if (found == records_.end()) {
    answer.mutable_refusal()->mutable_not_found();
    return answer;
  }
  Record& record = found->second;
  v1::Done done;
  for (const v1::Operation& operation : request.operations()) {
    const bool newer = request.generation() != record.generation || operation.op() > record.last_op;
    if (newer &&
        (request.generation() != record.generation || record.owner != request.gateway_id())) {
      answer.mutable_refusal()->mutable_stale_generation()->set_current_generation(
          record.generation);
      return answer;
    }
    if (newer) take_operation(record, operation, done);
  }
  acknowledge(record, request.generation(), request.acknowledged());
  done.set_key(request.key());
  done.set_generation(request.generation());
  done.set_last_op(record.last_op);
  done.set_state(record.state);
  done.set_owner(record.owner);
  done.set_last_seq(record.last_sequence);
  *answer.mutable_done() = std::move(done);
  return answer;
}

void MemoryCoordinator::take_operation(Record& record, const v1::Operation& operation,
                                       v1::Done& done) {
  record.last_op = operation.op();
  record.taken.push_back(operation);
  record.revision = ++revision_;
  if (operation.has_advance()) {
    record.state = operation.advance();
  } else {
    record.owner.clear();
    if (operation.has_close()) {
      done.add_steps(v1::CLOSING);
      record.state = v1::CLOSED;
    } else {
      record.state =
          operation.has_detach() && was_operational(record.state) ? v1::RECONNECTING : v1::FAILED;
    }
  }
  done.add_steps(record.state);
}

void MemoryCoordinator::acknowledge(Record& record, std::uint64_t generation,
                                    std::uint64_t sequence) {
  if (generation != record.generation || sequence > record.last_sequence) return;
  record.acknowledged = std::max(record.acknowledged, sequence);
  while (!record.outbox.empty() && record.outbox.front().sequence() <= record.acknowledged) {
    record.outbox.pop_front();
  }
}

std::uint64_t MemoryCoordinator::publish(const std::string& key, const std::string& type,
                                         const std::string& payload) {
  const auto found = records_.find(key);
  if (found == records_.end()) return 0;
  v1::Event event;
  event.set_sequence(++found->second.last_sequence);
  event.set_type(type);
  event.set_payload(payload);
  found->second.outbox.push_back(std::move(event));
  if (Stream* const owner = stream_of(found->second.owner)) deliver(*owner);
  return found->second.last_sequence;
}

void MemoryCoordinator::take_over(const std::string& key, const std::string& gateway_id) {
  Stream elsewhere;
  v1::ClaimRequest request;
  request.set_key(key);
  request.set_gateway_id(gateway_id);
  request.set_claim_id(gateway_id + std::to_string(revision_));
  claim(elsewhere, request);
}

void MemoryCoordinator::release(const std::string& key, v1::Reason reason,
                                std::uint32_t close_code) {
  const auto found = records_.find(key);
  if (found == records_.end() || found->second.owner.empty()) return;
  Record& record = found->second;
  Stream* const owner = stream_of(record.owner);
  record.owner.clear();
  record.revision = ++revision_;
  if (!is_final(record.state)) {
    record.state = was_operational(record.state) ? v1::RECONNECTING : v1::FAILED;
  }
  if (owner == nullptr || close_code == 0) return;
  v1::Released& released = *owner->out.add_released();
  released.set_key(key);
  released.set_generation(record.generation);
  released.set_reason(reason);
  released.set_close_code(close_code);
  owner->said = true;
}

void MemoryCoordinator::move(const std::string& key, v1::State state) {
  Record& record = records_[key];
  record.state = state;
  record.revision = ++revision_;
  Stream* const owner = stream_of(record.owner);
  if (owner == nullptr) return;
  v1::StateNotice& notice = *owner->out.add_states();
  notice.set_key(key);
  notice.set_generation(record.generation);
  notice.set_state(state);
  owner->said = true;
}

}  // namespace interlock
