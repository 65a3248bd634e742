#include "coordinator/service/translate.h"

#include <algorithm>

#include "common/connection_key.h"
#include "common/json_check.h"
#include "coordinator/service/refusal_message.h"

namespace interlock {
namespace {

constexpr std::size_t kGatewayIdDigits = 32;
constexpr std::size_t kClaimIdBytesMax = 32;
constexpr std::size_t kSubjectBytesMax = 1024;
constexpr std::size_t kEventTypeBytesMax = 64;
constexpr std::size_t kPayloadDepthMax = 64;

Refusal invalid(std::string field, std::string message) {
  return InvalidArgument{std::move(field), std::move(message)};
}

bool valid_type(const std::string& type) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == ':' || c == '-';
  };
  return !type.empty() && type.size() <= kEventTypeBytesMax &&
         std::all_of(type.begin(), type.end(), allowed);
}

bool valid_through(v1::State state) {
  return state == v1::STATE_UNSPECIFIED || (state >= v1::CONNECTING && state <= v1::IDLE &&
                                            state != v1::PROCESSING && state != v1::IDLE) ||
         state == v1::DEGRADED;
}

std::optional<Operation> operation_from(const v1::Operation& in) {
  Operation out{.op = in.op()};
  switch (in.what_case()) {
    case v1::Operation::kAdvance:
      if (in.advance() < v1::CONNECTING || in.advance() > v1::FAILED) return std::nullopt;
      out.kind = Operation::Kind::kAdvance;
      out.to = static_cast<State>(in.advance());
      return out;
    case v1::Operation::kDetach:
      out.kind = Operation::Kind::kDetach;
      out.reason = static_cast<Reason>(in.detach().reason());
      break;
    case v1::Operation::kClose:
      out.kind = Operation::Kind::kClose;
      out.reason = static_cast<Reason>(in.close().reason());
      break;
    case v1::Operation::kFail:
      out.kind = Operation::Kind::kFail;
      out.reason = static_cast<Reason>(in.fail().reason());
      break;
    case v1::Operation::WHAT_NOT_SET: return std::nullopt;
  }
  if (!v1::Reason_IsValid(static_cast<int>(out.reason)) || static_cast<int>(out.reason) == 0) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<Refusal> check_key(const std::string& key) {
  if (valid_connection_key(key)) return std::nullopt;
  return invalid("key", "it must read `<escaped subject>:<session>`");
}

std::optional<Refusal> check_gateway_id(const std::string& gateway_id) {
  const auto hexadecimal = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (gateway_id.size() == kGatewayIdDigits &&
      std::all_of(gateway_id.begin(), gateway_id.end(), hexadecimal)) {
    return std::nullopt;
  }
  return invalid("gateway_id", "it must be 32 hexadecimal digits");
}

Checked<Claim> from_proto(const v1::ClaimRequest& request) {
  if (auto wrong = check_key(request.key())) return *wrong;
  if (auto wrong = check_gateway_id(request.gateway_id())) return *wrong;
  if (request.claim_id().empty() || request.claim_id().size() > kClaimIdBytesMax) {
    return invalid("claim_id", "it must be 1 to 32 random bytes");
  }
  if (request.subject().empty() || request.subject().size() > kSubjectBytesMax) {
    return invalid("subject", "it must be 1 to 1024 bytes");
  }
  if (!valid_through(request.through())) {
    return invalid("through", "only CONNECTING to PROCESSING_READY, or DEGRADED");
  }
  Claim claim{.subject = request.subject(),
              .gateway_id = request.gateway_id(),
              .claim_id = request.claim_id()};
  if (request.has_attempt()) {
    claim.attempt = Attempt{request.attempt().generation(), request.attempt().tries()};
  }
  claim.policy = request.policy() == v1::REJECT ? Policy::kReject : Policy::kTakeOver;
  if (request.through() != v1::STATE_UNSPECIFIED) {
    claim.through = static_cast<State>(request.through());
  }
  if (request.has_position()) {
    claim.position = ClientPosition{request.position().last_seq(), request.position().generation()};
  }
  claim.has_backend = request.has_backend();
  return claim;
}

Checked<Abandon> from_proto(const v1::AbandonRequest& request) {
  if (auto wrong = check_key(request.key())) return *wrong;
  if (auto wrong = check_gateway_id(request.gateway_id())) return *wrong;
  if (request.claim_id().empty() || request.claim_id().size() > kClaimIdBytesMax) {
    return invalid("claim_id", "it must be 1 to 32 random bytes");
  }
  return Abandon{request.gateway_id(), request.claim_id()};
}

Checked<Operate> from_proto(const v1::OperateRequest& request) {
  if (auto wrong = check_key(request.key())) return *wrong;
  if (auto wrong = check_gateway_id(request.gateway_id())) return *wrong;
  Operate operate{.gateway_id = request.gateway_id(),
                  .generation = request.generation(),
                  .operations = {},
                  .acknowledged = request.acknowledged()};
  for (const v1::Operation& in : request.operations()) {
    std::optional<Operation> operation = operation_from(in);
    if (!operation) return invalid("operations", "one has no kind, no state or no reason");
    operate.operations.push_back(*operation);
  }
  return operate;
}

Checked<Acknowledge> from_proto(const v1::AcknowledgeRequest& request) {
  if (auto wrong = check_key(request.key())) return *wrong;
  return Acknowledge{request.gateway_id(), request.generation(), request.sequence()};
}

Checked<Publish> from_proto(const v1::PublishRequest& request) {
  if (auto wrong = check_key(request.key())) return *wrong;
  if (!valid_type(request.type())) {
    return invalid("type", "it must be 1 to 64 of [A-Za-z0-9_.:-]");
  }
  if (request.payload().size() <= AuthorityLimits{}.payload_bytes_max &&
      check_json(request.payload(), kPayloadDepthMax)) {
    return invalid("payload", "it must be one JSON value in UTF-8");
  }
  return Publish{.type = request.type(),
                 .payload = request.payload(),
                 .run = request.run(),
                 .number = request.number(),
                 .idempotency_key = request.idempotency_key(),
                 .ttl_ms = request.ttl_ms()};
}

// ---- answers ----

void to_proto(const std::string& key, const std::string& claim_id, const Granted& granted,
              v1::Granted* out) {
  out->set_key(key);
  out->set_claim_id(claim_id);
  out->set_generation(granted.generation);
  out->set_resumed(granted.resumed);
  out->set_next_seq(granted.next_sequence);
  out->set_last_seq(granted.last_sequence);
  out->set_state(static_cast<v1::State>(granted.state));
  for (State step : granted.steps) out->add_steps(static_cast<v1::State>(step));
  out->set_sequence_since(granted.sequence_since);
  out->set_position_lost(granted.position_lost);
}

void to_proto(const std::string& key, Generation generation, const Done& done, v1::Done* out) {
  out->set_key(key);
  out->set_generation(generation);
  out->set_last_op(done.last_op);
  out->set_state(static_cast<v1::State>(done.state));
  out->set_owner(done.owner);
  for (State step : done.steps) out->add_steps(static_cast<v1::State>(step));
  for (const RefusedOperation& refused : done.refused) {
    v1::RefusedOperation* one = out->add_refused();
    one->set_op(refused.op);
    *one->mutable_refusal() = to_proto(refused.refusal);
  }
  out->set_last_seq(done.last_sequence);
}

void to_proto(const Receipt& receipt, v1::Receipt* out) {
  out->set_sequence(receipt.sequence);
  out->set_sequence_since(receipt.sequence_since);
  out->set_state(static_cast<v1::State>(receipt.state));
  out->set_repeated(receipt.repeated);
}

void to_proto(const OutboxEvent& event, v1::Event* out) {
  out->set_sequence(event.sequence);
  out->set_type(event.type);
  out->set_run(event.run);
  out->set_number(event.number);
  out->set_id(event.id);
  out->set_payload(event.payload);
  out->set_expired(event.expired);
}

void to_proto(const Transition& entry, std::uint64_t number, v1::HistoryEntry* out) {
  out->set_number(number);
  out->set_from(static_cast<v1::State>(entry.from));
  out->set_to(static_cast<v1::State>(entry.to));
  out->set_actor(static_cast<v1::Actor>(entry.actor));
  out->set_reason(static_cast<v1::Reason>(entry.reason));
  out->set_generation(entry.generation);
  out->set_time_unix_ms(entry.time_unix_ms);
  out->set_tick(entry.tick);
  out->set_count(entry.count);
  out->set_note(entry.note.str());
}

void to_proto(const std::vector<Transition>& newest, std::uint64_t transitions_total,
              google::protobuf::RepeatedPtrField<v1::HistoryEntry>* entries) {
  std::uint64_t steps = 0;
  for (const Transition& entry : newest) steps += steps_of(entry);
  std::uint64_t number = transitions_total - steps;
  for (const Transition& entry : newest) {
    number += steps_of(entry);
    to_proto(entry, number, entries->Add());
  }
}

void to_proto(const SeenConnection& seen, v1::Consistency consistency, v1::Connection* out) {
  const Record& record = seen.record;
  out->set_key(seen.key);
  out->set_subject(record.subject);
  out->set_state(static_cast<v1::State>(record.state));
  out->set_generation(record.generation);
  out->set_owner(record.owner);
  out->set_owner_attached(seen.owner_attached);
  out->set_orphaned(seen.orphaned);
  out->set_barred(is_barred(record));
  out->set_last_op(record.last_op);
  out->set_last_seq(record.last_sequence);
  out->set_acknowledged(record.acknowledged);
  out->set_outbox_events(record.outbox_sizes.size());
  std::uint64_t bytes = 0;
  for (std::uint32_t size : record.outbox_sizes) bytes += size;
  out->set_outbox_bytes(bytes);
  out->set_open_runs(open_runs(record));
  out->set_sequence_since(record.sequence_since);
  out->set_revision(seen.revision);
  out->set_transitions_total(record.transitions_total);
  if (!record.transitions.empty()) {
    out->set_changed_unix_ms(record.transitions.back().time_unix_ms);
  }
  out->set_consistency(consistency);
  out->set_unacknowledged_ms(seen.unacknowledged_ms);
}

void to_proto(const Explained& explained, v1::ExplainResponse* out) {
  std::string text;
  for (const Finding& finding : explained.findings) {
    v1::Finding* one = out->add_findings();
    one->set_why(static_cast<v1::Why>(finding.why));
    one->set_text(finding.text);
    text += (text.empty() ? "" : "\n") + finding.text;
  }
  out->set_text(text);
  if (explained.connection) {
    to_proto(*explained.connection, v1::OBSERVED, out->mutable_connection());
    const Record& record = explained.connection->record;
    to_proto(record.transitions, record.transitions_total,
             out->mutable_connection()->mutable_transitions());
  }
}

void to_proto(const SeenGateway& gateway, std::uint64_t tick_ms, v1::GatewayInfo* out) {
  out->set_gateway_id(gateway.gateway_id);
  out->set_address(gateway.lease.address);
  out->set_connections(gateway.connections);
  out->set_attached(gateway.attached);
  out->set_expired(gateway.lease.expired);
  out->set_lease_age_ms(gateway.lease_age_ticks * tick_ms);
  out->set_first_seen_unix_ms(gateway.lease.first_seen_unix_ms);
  out->set_draining_per_s(gateway.lease.draining_per_s);
  // What cannot be read was said by another build: it is left out.
  v1::GatewayLoad load;
  if (!gateway.lease.load.empty() && load.ParseFromString(gateway.lease.load)) {
    *out->mutable_load() = std::move(load);
  }
}

void to_proto(const OutboxEvent& event, v1::OutboxEntry* out) {
  constexpr std::size_t kPayloadShownBytes = 4'096;
  out->set_sequence(event.sequence);
  out->set_type(event.type);
  out->set_run(event.run);
  out->set_number(event.number);
  out->set_id(event.id);
  out->set_payload(event.payload.substr(0, kPayloadShownBytes));
  out->set_payload_bytes(event.payload.size());
  out->set_time_unix_ms(event.time_unix_ms);
  out->set_ttl_ms(event.ttl_ms);
}

Checked<std::string> steering_note(const std::string& who, const std::string& reason) {
  constexpr std::size_t kReasonBytesMax = 200;
  constexpr std::size_t kWhoBytesMax = 64;
  if (reason.empty()) {
    return invalid("reason", "say why: it goes into the log and the connection's history");
  }
  if (reason.size() > kReasonBytesMax) return invalid("reason", "at most 200 bytes");
  return who.substr(0, kWhoBytesMax) + ": " + reason;
}

std::optional<Refusal> check_filter(const std::string& text,
                                    std::shared_ptr<const ConnectionFilter>& filter) {
  absl::StatusOr<ConnectionFilter> parsed = ConnectionFilter::parse(text);
  if (!parsed.ok()) return InvalidArgument{"filter", std::string(parsed.status().message())};
  filter = parsed->matches_all()
               ? nullptr
               : std::make_shared<const ConnectionFilter>(*std::move(parsed));
  return std::nullopt;
}

}  // namespace interlock
