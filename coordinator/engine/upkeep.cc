// What time makes due: the tick, the leases of gateways, orphans and deadlines.
#include <algorithm>

#include "coordinator/engine/engine.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {
namespace {

constexpr std::size_t kLeasesPerBatchMax = 256;
// Whoever is not authenticated is one subject to us, and any number of people.
constexpr std::string_view kUnlimitedSubject = "anonymous:";

// Everything up to the colon: what all sessions of one subject begin with. Empty: it has none.
std::string_view subject_prefix(std::string_view key) {
  const std::size_t colon = key.rfind(':');
  return colon == std::string_view::npos ? std::string_view() : key.substr(0, colon + 1);
}

}  // namespace

// ---- the tick and the leases ----

void Engine::plan_upkeep() {
  const bool pending = replica_.connections() > 0 || leases_.size() > 0;
  clock_.set_pending(pending || leases_.any_ready() || waiting_ > 0, now_.steady_ms);
  tell_store_away();
  if (std::exchange(owners_changed_, false)) find_dead_owners();
  if (!clock_.old(now_.steady_ms)) plan_sweeps();
}

// Whether something is to be committed for leases now.
bool Engine::leases_wait() const {
  return leases_.any_ready() && now_.steady_ms >= leases_rest_until_ms_ &&
         !clock_.old(now_.steady_ms);
}

void Engine::pack_upkeep(Batch& batch, std::vector<std::string>& keys, std::size_t& bytes) {
  const auto add = [&](Entry entry) {
    bytes += entry_bytes(entry);
    keys.push_back(entry.key);
    upkeep_writes_[entry.key] = entry;
    batch.push_back(std::move(entry));
  };
  const auto revision_of = [this](const std::string& key) {
    const Replica::Slot* slot = replica_.find(key);
    return slot != nullptr && slot->present() ? slot->revision : kAbsent;
  };
  if (clock_.due(now_.steady_ms)) {
    const std::string key(kTickKey);
    TickRecord next = decode_tick(replica_.find(key) ? replica_.find(key)->bytes() : "")
                          .value_or(TickRecord{});
    next.tick = clock_.tick() + 1;
    clock_.asked(now_.steady_ms);
    Entry entry{.key = key, .expected = revision_of(key)};
    if (clock_.only_looks(now_.steady_ms)) {
      entry.write = Write::kCompareOnly;
    } else {
      entry.record = encode(next);
    }
    add(std::move(entry));
  }
  if (!leases_wait()) return;
  for (const std::string& gateway : leases_.ready(kLeasesPerBatchMax)) {
    const std::string key = lease_key(gateway);
    const Revision expected = revision_of(key);
    LeaseBook::Plan plan =
        leases_.plan(gateway, expected, clock_.tick(), store_.single_writer);
    if (plan.settled) {
      lease_settled(gateway, leases_.held(gateway), false);
    } else {
      add({.key = key, .expected = expected, .write = plan.write,
           .record = std::move(plan.record)});
    }
  }
}

// A refusal has been taken in by now: it is decided again over what stands there.
void Engine::settle_upkeep(const std::string& store_key, const Outcome& outcome) {
  const auto at = upkeep_writes_.find(store_key);
  Entry written = std::move(at->second);
  upkeep_writes_.erase(at);
  const auto* done = std::get_if<Applied>(&outcome);
  const bool failed = std::holds_alternative<Failed>(outcome);
  const bool unknown = std::holds_alternative<Unknown>(outcome);
  std::optional<LeaseBook::Result> result;
  const auto name = gateway_id_of(store_key);
  const std::string gateway(name.value_or(""));
  if (!name) {
    clock_.answered(now_.steady_ms, failed || unknown);
  } else if (done != nullptr) {
    result = leases_.held(gateway);
  } else if (failed) {
    leases_.failed(gateway);
    answer_drains(gateway, Refusal{StoreAway{limits_.store_away_after_ms}});
    unpark(gateway, true);
  } else {
    leases_.again(gateway, unknown ? std::optional(written.expected) : std::nullopt);
    if (unknown) leases_rest_until_ms_ = now_.steady_ms + limits_.store_away_after_ms / 2;
  }
  if (done != nullptr && written.write != Write::kCompareOnly) {
    const bool put = written.write == Write::kPut;
    observe(store_key, done->revision,
            put ? std::optional(std::move(written.record)) : std::nullopt);
  }
  // Whoever has just expired was told when it was observed.
  if (result) lease_settled(gateway, *result, written.write == Write::kPut);
}

void Engine::lease_settled(const std::string& gateway, const LeaseBook::Result& result,
                           bool written) {
  if (result.fate == LeaseFate::kAlive) {
    for (const WaitingHeartbeat& heartbeat : result.heartbeats) {
      if (!streams_.contains(heartbeat.stream)) continue;
      out_.emplace_back(Notified{heartbeat.stream, HeartbeatConfirmed{heartbeat.number}});
    }
  }
  if (result.drained) {
    const bool alive = result.fate == LeaseFate::kAlive;
    answer_drains(gateway, alive ? Answer{Settled{}} : Answer{Refusal{GatewayExpired{}}});
  }
  const bool over = result.fate == LeaseFate::kExpired || !result.heartbeats.empty();
  if (result.fate != LeaseFate::kAlive && !written && over) {
    tell_expired(gateway);
  }
  unpark(gateway, false);
}

// Whoever calls without a stream has no heartbeat.
void Engine::note_speaker(const Command& command) {
  const auto* claim = std::get_if<Claim>(&command);
  const auto* operate = std::get_if<Operate>(&command);
  if (claim == nullptr && operate == nullptr) return;
  const std::string& gateway = claim != nullptr ? claim->gateway_id : operate->gateway_id;
  if (!attached(gateway)) leases_.spoke(gateway, clock_.tick());
}

void Engine::tell_expired(const std::string& gateway) {
  const auto stream = stream_of_gateway_.find(gateway);
  if (stream == stream_of_gateway_.end()) return;
  out_.emplace_back(Notified{stream->second, LeaseExpired{}});
}

void Engine::observe_upkeep(std::string_view store_key, const std::optional<std::string>& bytes) {
  const auto unreadable = [this](const absl::Status& status) {
    out_.emplace_back(Fatal{std::string(status.message())});
  };
  if (store_key == kTickKey && bytes) {
    const absl::StatusOr<TickRecord> record = decode_tick(*bytes);
    if (!record.ok()) return unreadable(record.status());
    if (!clock_.seen(record->tick, now_.steady_ms)) return;
    leases_.look_for_overdue(record->tick);
    damper_.forget(now_.steady_ms);
    TakeoverDamper::Flapping flapping = damper_.flapping(now_.steady_ms, kFlappingKeysMax);
    tally_.flapping = flapping.count;
    tally_.flapping_keys = std::move(flapping.keys);
    tally_.oldest_lease_ticks = leases_.oldest_age(record->tick);
    if (record->tick % limits_.bookmark_every_ticks == 0) tell_bookmarks();
    owners_changed_ = true;
  }
  const auto gateway = gateway_id_of(store_key);
  if (!gateway) return;
  if (!bytes) return leases_.observe(*gateway, std::nullopt);
  absl::StatusOr<Lease> lease = decode_lease(*bytes);
  if (!lease.ok()) return unreadable(lease.status());
  const bool news = lease->expired && leases_.fate(*gateway) != LeaseFate::kExpired;
  const Lease* before = leases_.find(*gateway);
  const bool drains = (before ? before->draining_per_s : 0) != lease->draining_per_s;
  leases_.observe(*gateway, *std::move(lease));
  if (drains) tell_drain(std::string(*gateway));
  if (!news) return;
  owners_changed_ = true;
  tell_expired(std::string(*gateway));
}

// An owner that has no lease is dead too, at a position at which its lease would have been seen:
// it was there before the first claim was granted.
bool Engine::owner_lives(const std::string& owner, Revision revision) const {
  const LeaseFate fate = leases_.fate(owner);
  if (fate == LeaseFate::kUnknown) return revision > fed_.value;
  return fate == LeaseFate::kAlive;
}

// ---- claims that wait for their gateway's lease ----

// A claim of a gateway without a lease waits until there is one. What may have been granted already
// does not: it had one.
bool Engine::park(const std::string& key, Waiting& waiting) {
  const auto* claim = std::get_if<Claim>(&waiting.command);
  if (claim == nullptr || waiting.in_doubt) return false;
  if (leases_.fate(claim->gateway_id) != LeaseFate::kUnknown) return false;
  const std::string gateway = claim->gateway_id;
  leases_.begin(gateway, {}, now_.unix_us / 1000);
  parked_[gateway].emplace_back(key, std::move(waiting));
  return true;
}

void Engine::unpark(const std::string& gateway, bool failed) {
  const auto found = parked_.find(gateway);
  if (found == parked_.end()) return;
  auto waiting = std::move(found->second);
  parked_.erase(found);
  for (auto& [key, one] : waiting) {
    --waiting_;
    if (failed) {
      answer(key, one, Refusal{StoreAway{limits_.store_away_after_ms}}, 0);
    } else {
      enqueue(key, std::move(one));
    }
  }
}

// ---- sweeps ----

void Engine::find_dead_owners() {
  dead_owners_.clear();
  for (std::string& owner : replica_.owners()) {
    if (leases_.fate(owner) != LeaseFate::kAlive) dead_owners_.push_back(std::move(owner));
  }
}

// Paced, and behind what clients wait for: each coordinator takes what is left in its own random
// order, and what another has done drops off.
void Engine::plan_sweeps() {
  sweep_at_ms_.reset();
  const std::size_t max = limits_.sweeps_under_way_max;
  if (ready_.size() >= max) return;
  for (std::size_t tries = 2 * max; tries > 0 && sweeps_waiting_ < max; --tries) {
    const Replica::Slot* slot = pick_for_sweep();
    if (slot == nullptr) return;
    const std::string key(*connection_key_of(slot->key()));
    if (work_.contains(key)) continue;
    if (!sweep_pace_.take(now_.steady_ms)) {
      sweep_at_ms_ = sweep_pace_.next_ms();
      return;
    }
    sweep(key, slot->revision, false);
  }
}

const Replica::Slot* Engine::pick_for_sweep() {
  const Replica::Slot* due = replica_.due_at_random(clock_.tick(), random_());
  while (!dead_owners_.empty()) {
    const auto at = static_cast<std::size_t>(random_() * static_cast<double>(dead_owners_.size()));
    const std::string& owner = dead_owners_[at];
    if (replica_.owned_count(owner) > 0) {
      if (due != nullptr && random_() < 0.5) return due;
      const Replica::Slot& slot = replica_.owned_at_random(owner, random_());
      return owner_lives(owner, slot.revision) ? due : &slot;
    }
    std::swap(dead_owners_[at], dead_owners_.back());
    dead_owners_.pop_back();
  }
  return due;
}

void Engine::sweep(const std::string& key, Revision seen, bool capped) {
  ++sweeps_waiting_;
  enqueue(key, Waiting{.upkeep = true, .command = Command{Sweep{seen, capped}}});
}

// ---- what a claim adds to ----

Engine::SubjectUse Engine::look_at_subject(std::string_view key) const {
  SubjectUse use;
  use.admission.records = replica_.connections();
  const std::string_view prefix = subject_prefix(key);
  if (prefix.empty() || prefix == kUnlimitedSubject) return use;
  std::uint32_t visited = 0;
  replica_.scan(store_key(prefix), [&](const Replica::Slot& slot) {
    const auto other = connection_key_of(slot.key());
    if (!other || !other->starts_with(prefix)) return false;
    const auto older = [&slot](const Replica::Slot* than) {
      return than == nullptr || slot.due() < than->due();
    };
    ++use.admission.subject_records;
    if (is_final(slot.state())) {
      ++use.final_records;
      if (older(use.oldest_final)) use.oldest_final = &slot;
    } else {
      ++use.admission.subject_live;
      if (slot.state() == State::kReconnecting && slot.owned_by == nullptr) {
        ++use.admission.subject_waiting;
        if (older(use.oldest_waiting)) use.oldest_waiting = &slot;
      }
    }
    return ++visited < limits_.scan_visits_max;
  });
  return use;
}

// For a session that has begun the oldest one of its subject that waits makes room; for one that
// has ended the oldest final record, past their limit.
void Engine::make_room(const std::string& key, bool session_begun) {
  const SubjectUse use = look_at_subject(key);
  const std::uint64_t max = limits_.final_records_per_subject_max;
  const Replica::Slot* slot = session_begun                       ? use.oldest_waiting
                              : max > 0 && use.final_records > max ? use.oldest_final
                                                                  : nullptr;
  if (slot == nullptr) return;
  sweep(std::string(*connection_key_of(slot->key())), slot->revision, true);
}

// ---- what the authority is told of the world ----

Context Engine::context_of(const std::string& key, const Record* record,
                           Revision revision) const {
  Context context;
  context.tick = clock_.tick();
  context.time_unix_ms = now_.unix_us / 1000;
  context.revision = revision;
  context.owner_lives = record && !record->owner.empty() && owner_lives(record->owner, revision);
  context.takeover_after_ms = damper_.wait_ms(key, now_.steady_ms);
  context.no_room = no_room_;
  context.limits = limits_.authority;
  return context;
}

void Engine::complete(Context& context, const std::string& key, const Claim& claim,
                      const Record* record) const {
  context.claimant_expired = leases_.fate(claim.gateway_id) == LeaseFate::kExpired;
  context.admission.reset();
  if (!record || is_final(record->state)) context.admission = look_at_subject(key).admission;
}

}  // namespace interlock
