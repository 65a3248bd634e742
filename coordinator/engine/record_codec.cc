#include "coordinator/engine/record_codec.h"

#include "interlock/v1/connection.pb.h"

namespace interlock {
namespace {

// On the wire 0 says "the generation of this commit"; in memory it is kThisCommit.
std::uint64_t wire(Generation generation) { return generation == kThisCommit ? 0 : generation; }
Generation memory(std::uint64_t value) { return value == 0 ? kThisCommit : value; }

template <class Message>
std::string unknown_of(const Message& message) {
  const auto& fields = message.GetReflection()->GetUnknownFields(message);
  std::string bytes;
  if (!fields.empty()) fields.SerializeToString(&bytes);
  return bytes;
}

template <class Message>
void restore_unknown(const std::string& bytes, Message* message) {
  if (bytes.empty()) return;
  message->GetReflection()->MutableUnknownFields(message)->ParseFromString(bytes);
}

// What an entry of a history builds on: the one before it. Unsigned, so that a clock that was set
// back comes back as it was.
struct Before {
  std::uint32_t state = 0;
  Generation generation = 0;
  Tick tick = 0;
  std::uint64_t time_unix_ms = 0;
};

void put_transition(const Transition& entry, Before& before, v1::Transition* out) {
  const auto from = static_cast<std::uint32_t>(entry.from);
  const auto to = static_cast<std::uint32_t>(entry.to);
  const auto time = static_cast<std::uint64_t>(entry.time_unix_ms);
  out->set_code(to | static_cast<std::uint32_t>(entry.actor) << 4 |
                static_cast<std::uint32_t>(entry.reason) << 8);
  if (from != before.state) out->set_from(from);
  if (entry.generation == kThisCommit) {
    out->set_this_commit(true);
  } else {
    out->set_generation(entry.generation - before.generation);
    before.generation = entry.generation;
  }
  out->set_tick(entry.tick - before.tick);
  out->set_time_unix_ms(static_cast<std::int64_t>(time - before.time_unix_ms));
  if (entry.count > 1) out->set_count(entry.count);
  if (!entry.note.empty()) out->set_note(entry.note.str());
  restore_unknown(entry.unknown.str(), out);
  before = {to, before.generation, entry.tick, time};
}

Transition take_transition(const v1::Transition& in, Before& before) {
  const std::uint32_t from = in.from() == 0 ? before.state : in.from();
  if (!in.this_commit()) before.generation += in.generation();
  before.state = in.code() & 15;
  before.tick += in.tick();
  before.time_unix_ms += static_cast<std::uint64_t>(in.time_unix_ms());
  return {.from = static_cast<State>(from),
          .to = static_cast<State>(before.state),
          .actor = static_cast<Actor>(in.code() >> 4 & 15),
          .reason = static_cast<Reason>(in.code() >> 8 & 255),
          .count = in.count() == 0 ? 1 : in.count(),
          .generation = in.this_commit() ? kThisCommit : before.generation,
          .tick = before.tick,
          .time_unix_ms = static_cast<std::int64_t>(before.time_unix_ms),
          .note = in.note(),
          .unknown = unknown_of(in)};
}

void put_run(const Run& run, v1::Run* out) {
  out->set_name(run.name);
  out->set_last_number(run.last_number);
  out->set_last_sequence(run.last_sequence);
  out->set_tick(run.tick);
  out->set_open(run.open);
  out->set_ended_order(run.ended_order);
  out->set_kinds(run.kinds);
  out->set_silent(run.silent);
  restore_unknown(run.unknown, out);
}

Run take_run(const v1::Run& in) {
  return {in.name(), in.last_number(), in.last_sequence(), in.tick(), in.open(),
          in.ended_order(), in.kinds(), in.silent(), unknown_of(in)};
}

void put_lists(const Record& record, v1::Record& out) {
  for (const std::string& id : record.spent_claim_ids) out.add_spent_claim_ids(id);
  for (std::uint32_t size : record.outbox_sizes) out.add_outbox_sizes(size);
  for (const Run& run : record.runs) put_run(run, out.add_runs());
  Before before;
  for (const Transition& entry : record.transitions) {
    put_transition(entry, before, out.add_transitions());
  }
  for (const PublishKey& known : record.publish_keys) {
    v1::PublishKey* key = out.add_publish_keys();
    key->set_key(known.key);
    key->set_sequence(known.sequence);
    restore_unknown(known.unknown, key);
  }
  for (const TimedEvent& event : record.timed) {
    v1::TimedEvent* timed = out.add_timed();
    timed->set_sequence(event.sequence);
    timed->set_due_tick(event.due);
    restore_unknown(event.unknown, timed);
  }
  for (const Sequence sequence : record.expired) out.add_expired(sequence);
}

void take_lists(const v1::Record& in, Record& record) {
  record.spent_claim_ids.assign(in.spent_claim_ids().begin(), in.spent_claim_ids().end());
  record.outbox_sizes.assign(in.outbox_sizes().begin(), in.outbox_sizes().end());
  for (const v1::Run& run : in.runs()) record.runs.push_back(take_run(run));
  // One more: the next step is written into this very list.
  record.transitions.reserve(static_cast<std::size_t>(in.transitions_size()) + 1);
  Before before;
  for (const v1::Transition& entry : in.transitions()) {
    record.transitions.push_back(take_transition(entry, before));
  }
  for (const v1::PublishKey& known : in.publish_keys()) {
    record.publish_keys.push_back({known.key(), known.sequence(), unknown_of(known)});
  }
  for (const v1::TimedEvent& event : in.timed()) {
    record.timed.push_back({event.sequence(), event.due_tick(), unknown_of(event)});
  }
  record.expired.assign(in.expired().begin(), in.expired().end());
}

}  // namespace

// One message for all: it keeps what it has allocated, which was a third of what a transition cost.
// It is bounded, as records are.
std::string encode(const Record& record) {
  thread_local v1::Record out;
  out.Clear();
  out.set_state(static_cast<v1::State>(record.state));
  out.set_generation(wire(record.generation));
  out.set_subject(record.subject);
  out.set_owner(record.owner);
  out.set_last_op(record.last_op);
  out.set_claim_id(record.claim_id);
  if (record.attempt) {
    out.set_attempt_generation(record.attempt->generation);
    out.set_attempt_tries(record.attempt->tries);
  }
  out.set_sequence_since(wire(record.sequence_since));
  out.set_last_sequence(record.last_sequence);
  out.set_acknowledged(record.acknowledged);
  put_lists(record, out);
  out.set_transitions_total(record.transitions_total);
  out.set_changed_tick(record.changed_tick);
  out.set_closed_pending(record.closed_pending);
  out.set_closed_pending_tick(record.closed_pending_tick);
  if (record.closed_pending_reason != Reason::kStep) {
    out.set_closed_pending_reason(static_cast<std::uint32_t>(record.closed_pending_reason));
  }
  out.set_expired_forgotten(record.expired_forgotten);
  out.set_outbox_since_tick(record.outbox_since_tick);
  out.set_has_backend(record.has_backend);
  if (record.kick) {
    out.mutable_kick()->set_code(record.kick->code);
    out.mutable_kick()->set_may_return(record.kick->may_return);
    out.mutable_kick()->set_generation(wire(record.kick->generation));
    restore_unknown(record.kick->unknown, out.mutable_kick());
  }
  out.set_operational(record.operational);
  restore_unknown(record.unknown, &out);
  return out.SerializeAsString();
}

absl::StatusOr<Record> decode_record(std::string_view bytes, Generation generation) {
  thread_local v1::Record in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.state() < 1 ||
      in.state() > 12 || in.acknowledged() > in.last_sequence()) {
    return absl::DataLossError("the store holds a record that this build cannot read");
  }
  Record record;
  record.state = static_cast<State>(in.state());
  record.generation = memory(in.generation());
  record.subject = in.subject();
  record.owner = in.owner();
  record.last_op = in.last_op();
  record.claim_id = in.claim_id();
  if (in.has_attempt_generation()) {
    record.attempt = Attempt{in.attempt_generation(), in.attempt_tries()};
  }
  record.sequence_since = memory(in.sequence_since());
  record.last_sequence = in.last_sequence();
  record.acknowledged = in.acknowledged();
  take_lists(in, record);
  record.transitions_total = in.transitions_total();
  record.changed_tick = in.changed_tick();
  record.closed_pending = in.closed_pending();
  record.closed_pending_tick = in.closed_pending_tick();
  if (in.closed_pending_reason() != 0) {
    record.closed_pending_reason = static_cast<Reason>(in.closed_pending_reason());
  }
  record.expired_forgotten = in.expired_forgotten();
  record.outbox_since_tick = in.outbox_since_tick();
  record.has_backend = in.has_backend();
  if (in.has_kick()) {
    record.kick = Kick{in.kick().code(), in.kick().may_return(), memory(in.kick().generation()),
                       unknown_of(in.kick())};
  }
  record.operational = in.operational();
  record.unknown = unknown_of(in);
  spell_out(record, generation);
  return record;
}

std::string encode(const OutboxEvent& event) {
  v1::StoredEvent out;
  out.set_type(event.type);
  out.set_run(event.run);
  out.set_number(event.number);
  out.set_id(event.id);
  out.set_payload(event.payload);
  out.set_tick(event.tick);
  out.set_ttl_ms(event.ttl_ms);
  out.set_time_unix_ms(event.time_unix_ms);
  return out.SerializeAsString();
}

absl::StatusOr<OutboxEvent> decode_event(Sequence sequence, std::string_view bytes) {
  v1::StoredEvent in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("the store holds an event that this build cannot read");
  }
  return OutboxEvent{.sequence = sequence, .type = in.type(), .run = in.run(),
                     .number = in.number(), .id = in.id(), .payload = in.payload(),
                     .tick = in.tick(), .ttl_ms = in.ttl_ms(),
                     .time_unix_ms = in.time_unix_ms()};
}

std::string encode_base(std::uint64_t base) {
  v1::BaseRecord out;
  out.set_base(base);
  return out.SerializeAsString();
}

absl::StatusOr<std::uint64_t> decode_base(std::string_view bytes) {
  v1::BaseRecord in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.base() == 0) {
    return absl::DataLossError("the store's base record cannot be read");
  }
  return in.base();
}

std::string encode(const Lease& lease) {
  v1::GatewayRecord out;
  out.set_renewed_tick(lease.renewed_tick);
  out.set_expired(lease.expired);
  out.set_address(lease.address);
  out.set_first_seen_unix_ms(lease.first_seen_unix_ms);
  out.set_draining_per_s(lease.draining_per_s);
  out.set_load(lease.load);
  restore_unknown(lease.unknown, &out);
  std::string bytes = out.SerializeAsString();
  // No bytes at all would be a deletion to the replica.
  return bytes.empty() ? std::string("\x08\x00", 2) : bytes;
}

absl::StatusOr<Lease> decode_lease(std::string_view bytes) {
  v1::GatewayRecord in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("the store holds a gateway's lease that this build cannot read");
  }
  return Lease{in.renewed_tick(), in.expired(), in.address(), in.first_seen_unix_ms(),
               in.draining_per_s(), std::move(*in.mutable_load()), unknown_of(in)};
}

std::string encode(const TickRecord& record) {
  v1::TickRecord out;
  out.set_tick(record.tick);
  restore_unknown(record.unknown, &out);
  return out.SerializeAsString();
}

absl::StatusOr<TickRecord> decode_tick(std::string_view bytes) {
  v1::TickRecord in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.tick() == 0) {
    return absl::DataLossError("the store's tick cannot be read");
  }
  return TickRecord{in.tick(), unknown_of(in)};
}

std::string store_key(std::string_view connection_key) {
  return std::string(std::string_view(StoreKey(connection_key)));
}

StoreKey::StoreKey(std::string_view connection_key)
    : text_(kConnectionPrefix.begin(), kConnectionPrefix.end()) {
  text_.insert(text_.end(), connection_key.begin(), connection_key.end());
}

std::string lease_key(std::string_view gateway_id) {
  return std::string(kGatewayPrefix) + std::string(gateway_id);
}

namespace {

std::optional<std::string_view> behind(std::string_view prefix, std::string_view store_key) {
  if (!store_key.starts_with(prefix)) return std::nullopt;
  return store_key.substr(prefix.size());
}

}  // namespace

std::optional<std::string_view> connection_key_of(std::string_view store_key) {
  return behind(kConnectionPrefix, store_key);
}

std::optional<std::string_view> gateway_id_of(std::string_view store_key) {
  return behind(kGatewayPrefix, store_key);
}

}  // namespace interlock
