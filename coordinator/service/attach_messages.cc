#include "coordinator/service/attach_messages.h"

#include "common/version.h"
#include "coordinator/service/refusal_message.h"
#include "coordinator/service/translate.h"

namespace interlock {
namespace {

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::size_t kLoadBytesMax = 4'096;

void fill(const ReleasedFor& why, v1::Released* out) {
  out->set_reason(static_cast<v1::Reason>(why.reason));
  out->set_close_code(why.close_code);
}

struct AddNotice {
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
  void operator()(const AttachAgain&) { out.mutable_drain()->set_within_ms(0); }
  void operator()(const GatewayToDrain& drain) { out.set_drain_gateway_per_s(drain.per_s); }
  void operator()(const LeaseExpired&) { out.set_lease_expired(true); }
  void operator()(const ClosedToTell& closed) {
    v1::ClosedToDeliver* to = out.add_closed_to_deliver();
    to->set_key(closed.key);
    to->set_generation(closed.generation);
    to->set_subject(closed.subject);
    to->set_reason(static_cast<v1::Reason>(closed.reason));
  }
  void operator()(const EventsDelivered&) {}
};

}  // namespace

// ---- requests ----

std::string AttachReader::take(const v1::AttachRequest& request, AttachInputs& inputs) {
  if (gateway_id_.empty()) {
    std::string wrong = take_hello(request, inputs);
    if (!wrong.empty()) return wrong;
  }
  if (!list_ended_) {
    std::string wrong = take_list(request, inputs);
    if (!wrong.empty() || !list_ended_) return wrong;
  }
  take_claims(request, inputs);
  take_operations(request, inputs);
  take_rest(request, inputs);
  return {};
}

std::string AttachReader::take_hello(const v1::AttachRequest& request, AttachInputs& inputs) {
  if (!request.has_hello()) return "the first message must carry `hello`";
  if (request.hello().protocol_version() != kProtocolVersion) {
    return "this coordinator speaks protocol version 1; start a gateway of the same version, or "
           "one version away from it";
  }
  if (check_gateway_id(request.hello().gateway_id())) {
    return "gateway_id must be 32 hexadecimal digits";
  }
  gateway_id_ = request.hello().gateway_id();
  inputs.hello = request.hello();
  return {};
}

std::string AttachReader::take_list(const v1::AttachRequest& request, AttachInputs& inputs) {
  if (!request.held_end() && (request.claims_size() > 0 || request.operations_size() > 0)) {
    return "nothing but the reconcile list may come before held_end";
  }
  StreamListed listed{.stream = 0, .held = {}, .pending_claims = {}, .end = false};
  for (const v1::Held& held : request.held()) {
    if (check_key(held.key())) return "the reconcile list names what is no connection key";
    listed.held.push_back({held.key(), held.generation(), held.last_op(),
                           held.last_sequence_sent(), held.acknowledged()});
  }
  for (const v1::PendingClaim& claim : request.pending_claims()) {
    listed.pending_claims.push_back({claim.key(), claim.claim_id()});
  }
  listed.end = list_ended_ = request.held_end();
  inputs.listed = std::move(listed);
  return {};
}

void AttachReader::take_claims(const v1::AttachRequest& request, AttachInputs& inputs) const {
  for (const v1::ClaimRequest& asked : request.claims()) {
    Checked<Claim> claim = from_proto(asked);
    if (asked.gateway_id() != gateway_id_) {
      claim = Refusal{InvalidArgument{"gateway_id", "it must be the stream's own"}};
    }
    Addressee to{Addressee::Kind::kClaim, asked.key(), asked.claim_id(), 0};
    if (auto* refusal = std::get_if<Refusal>(&claim)) {
      inputs.refused.emplace_back(std::move(to), std::move(*refusal));
    } else {
      inputs.commands.push_back(
          {asked.key(), std::get<Claim>(std::move(claim)), std::move(to), asked.traceparent()});
    }
  }
  for (const v1::AbandonRequest& asked : request.abandons()) {
    Checked<Abandon> abandon = from_proto(asked);
    if (auto* command = std::get_if<Abandon>(&abandon)) {
      inputs.commands.push_back({asked.key(), std::move(*command), {}});
    }
  }
}

void AttachReader::take_operations(const v1::AttachRequest& request, AttachInputs& inputs) const {
  for (const v1::OperateRequest& asked : request.operations()) {
    Checked<Operate> operate = from_proto(asked);
    if (asked.gateway_id() != gateway_id_) {
      operate = Refusal{InvalidArgument{"gateway_id", "it must be the stream's own"}};
    }
    Addressee to{Addressee::Kind::kOperation, asked.key(), {}, asked.generation()};
    if (auto* refusal = std::get_if<Refusal>(&operate)) {
      inputs.refused.emplace_back(std::move(to), std::move(*refusal));
    } else {
      inputs.commands.push_back(
          {asked.key(), std::get<Operate>(std::move(operate)), std::move(to), asked.traceparent()});
    }
  }
}

void AttachReader::take_rest(const v1::AttachRequest& request, AttachInputs& inputs) const {
  for (const v1::AcknowledgeRequest& asked : request.acknowledgements()) {
    Checked<Acknowledge> acknowledge = from_proto(asked);
    auto* command = std::get_if<Acknowledge>(&acknowledge);
    if (command == nullptr) continue;
    command->gateway_id = gateway_id_;
    inputs.commands.push_back({asked.key(), std::move(*command), {}});
  }
  for (const v1::ClosedDelivered& told : request.closed_delivered()) {
    if (check_key(told.key())) continue;
    inputs.commands.push_back({told.key(), ClosedTold{told.generation()}, {}});
  }
  inputs.credit_bytes = request.event_credit_bytes();
  if (!request.has_heartbeat()) return;
  inputs.heartbeat = request.heartbeat().number();
  const v1::GatewayLoad& load = request.heartbeat().load();
  // A gateway that says too much of itself still lives.
  if (load.ByteSizeLong() <= kLoadBytesMax) inputs.load = load.SerializeAsString();
}

// ---- responses ----

void add_hello(std::string_view coordinator_id, std::uint64_t lease_ttl_ms,
               std::uint64_t heartbeat_ms, v1::AttachResponse& out) {
  v1::CoordinatorHello& hello = *out.mutable_hello();
  hello.set_protocol_version(kProtocolVersion);
  hello.set_coordinator_id(std::string(coordinator_id));
  hello.set_lease_ttl_ms(lease_ttl_ms);
  hello.set_heartbeat_ms(heartbeat_ms);
  hello.set_build(std::string(version()));
}

void add_answer(const Addressee& to, const Answer& answer, v1::AttachResponse& out) {
  const auto* refusal = std::get_if<Refusal>(&answer);
  if (to.kind == Addressee::Kind::kClaim) {
    v1::ClaimAnswer& said = *out.add_claims();
    said.set_key(to.key);
    said.set_claim_id(to.claim_id);
    if (const auto* granted = std::get_if<Granted>(&answer)) {
      to_proto(to.key, to.claim_id, *granted, said.mutable_granted());
    } else if (refusal != nullptr) {
      *said.mutable_refusal() = to_proto(*refusal);
    }
  } else if (to.kind == Addressee::Kind::kOperation) {
    v1::OperateAnswer& said = *out.add_operations();
    said.set_key(to.key);
    said.set_generation(to.generation);
    if (const auto* done = std::get_if<Done>(&answer)) {
      to_proto(to.key, to.generation, *done, said.mutable_done());
    } else if (refusal != nullptr) {
      *said.mutable_refusal() = to_proto(*refusal);
    }
  }
}

void add_notice(const Notice& notice, v1::AttachResponse& out) {
  std::visit(AddNotice{out}, notice);
}

v1::Delivery to_proto(const EventsDelivered& delivered) {
  v1::Delivery delivery;
  delivery.set_key(delivered.key);
  delivery.set_generation(delivered.generation);
  delivery.set_payload_bytes(delivered.payload_bytes);
  for (const OutboxEvent& event : delivered.events) to_proto(event, delivery.add_events());
  return delivery;
}

}  // namespace interlock
