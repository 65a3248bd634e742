// What operators see: answered from memory, in slices of bounded work.
#include <algorithm>

#include "coordinator/engine/connection_filter.h"
#include "coordinator/engine/engine.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {
namespace {

// The last entries of the history that say something of the last `fresh` transitions.
std::vector<Transition> newest_steps(const Record& record, std::uint64_t fresh) {
  auto first = record.transitions.end();
  for (std::uint64_t told = 0; told < fresh && first != record.transitions.begin();) {
    --first;
    told += steps_of(*first);
  }
  return {first, record.transitions.end()};
}

// What was acknowledged while it was read is left out.
absl::StatusOr<std::vector<OutboxEvent>> decode_held(const Record& record,
                                                     const std::vector<Attachment>& read) {
  std::vector<OutboxEvent> events;
  for (const Attachment& attachment : read) {
    if (attachment.number <= record.acknowledged) continue;
    absl::StatusOr<OutboxEvent> event = decode_event(attachment.number, attachment.bytes);
    if (!event.ok()) return event.status();
    events.push_back(*std::move(event));
  }
  return events;
}

}  // namespace

SeenConnection Engine::seen(const std::string& key, Record record, Revision revision) const {
  SeenConnection connection{.key = key, .record = std::move(record), .revision = revision};
  connection.owner_attached = attached(connection.record.owner);
  connection.orphaned =
      !connection.record.owner.empty() && !owner_lives(connection.record.owner, revision);
  const Record& now = connection.record;
  if (outbox_events(now) > 0 && clock_.tick() > now.outbox_since_tick) {
    connection.unacknowledged_ms = (clock_.tick() - now.outbox_since_tick) * limits_.tick_ms;
  }
  return connection;
}

std::optional<SeenConnection> Engine::look_at(const std::string& key) const {
  const Replica::Slot* slot = replica_.find(StoreKey(key));
  if (slot == nullptr || !slot->present()) return std::nullopt;
  return seen(key, *replica_.record(*slot), slot->revision);
}

bool Engine::matches(const ConnectionFilter* filter, const SeenConnection& connection) const {
  return filter == nullptr || filter->matches(connection, now_.unix_us / 1000);
}

void Engine::take(ObserveAsked input) {
  out_.emplace_back(Observed{input.ticket, look_at(input.key)});
}

void Engine::take(ScanAsked input) {
  Scanned scanned{.ticket = input.ticket, .connections = {}, .next = {}, .through = fed_.value};
  const std::uint32_t limit = std::min(std::max(input.limit, 1u), limits_.scan_records_max);
  const ConnectionFilter* filter = input.filter.get();
  const std::string prefix = filter != nullptr ? filter->key_prefix() : "";
  const auto gateway = filter != nullptr ? filter->gateway() : std::nullopt;
  std::string last;
  const auto look = [&](const Replica::Slot& slot) {
    if (input.live_only && is_final(slot.state())) return;
    if (slot.revision <= input.newer_than || (gateway && slot.owner() != *gateway)) return;
    SeenConnection connection = seen(last, *replica_.record(slot), slot.revision);
    // Whoever resumes a watch may know it as one that matches.
    if (input.newer_than > 0 || matches(filter, connection)) {
      scanned.connections.push_back(std::move(connection));
    }
  };
  const auto visit = [&](const Replica::Slot& slot) {
    const auto key = connection_key_of(slot.key());
    if (!key || !key->starts_with(prefix)) return false;
    if (scanned.connections.size() == limit || scanned.visited == limits_.scan_visits_max) {
      scanned.next = last;
      return false;
    }
    ++scanned.visited;
    last = *key;
    look(slot);
    return true;
  };
  // The first key that has the prefix may be the prefix itself.
  if (!prefix.empty() && input.after < prefix) {
    const Replica::Slot* exact = replica_.find(StoreKey(prefix));
    if (exact != nullptr && exact->present()) visit(*exact);
  }
  replica_.scan(store_key(std::max(input.after, prefix)), visit);
  out_.emplace_back(std::move(scanned));
}

void Engine::take(ExplainAsked input) {
  Explained explained{.ticket = input.ticket, .connection = look_at(input.key), .findings = {}};
  ExplainContext context;
  context.tick = clock_.tick();
  context.tick_ms = limits_.tick_ms;
  context.store_away = store_away_;
  context.no_room = no_room_;
  context.takeover_after_ms = damper_.wait_ms(input.key, now_.steady_ms);
  context.limits = limits_.authority;
  if (explained.connection) {
    if (const Lease* lease = leases_.find(explained.connection->record.owner)) {
      context.owner_lease = *lease;
    }
  }
  explained.findings = explain(explained.connection, context);
  out_.emplace_back(std::move(explained));
}

void Engine::take(GatewaysAsked input) {
  GatewaysSeen all{.ticket = input.ticket, .gateways = {}};
  for (const std::string& gateway : leases_.gateways()) {
    const Lease& lease = *leases_.find(gateway);
    const Tick age = clock_.tick() - std::min(lease.renewed_tick, clock_.tick());
    all.gateways.push_back({gateway, lease, age, replica_.owned_count(gateway), attached(gateway)});
  }
  out_.emplace_back(std::move(all));
}

EngineTally Engine::tally() const {
  EngineTally tally = tally_;
  tally.outbox_events = replica_.outbox_events();
  tally.outbox_bytes = replica_.outbox_bytes();
  tally.watchers = watchers_.size();
  return tally;
}

// ---- what waits in an outbox ----

void Engine::take(OutboxAsked input) {
  const std::optional<SeenConnection> connection = look_at(input.key);
  if (!connection || outbox_events(connection->record) == 0) {
    out_.emplace_back(OutboxSeen{input.ticket, connection, std::vector<OutboxEvent>{}});
    return;
  }
  input.after = std::max(input.after, connection->record.acknowledged);
  ReadRequest request{store_key(input.key), input.after + 1, input.limit};
  const std::uint64_t read = ++last_outbox_read_;
  outbox_reads_.emplace(read, std::move(input));
  out_.emplace_back(StartRead{read, {std::move(request)}});
}

void Engine::outbox_read(const ReadAnswered& input) {
  const auto asked = outbox_reads_.extract(input.read);
  if (asked.empty()) return;
  OutboxSeen seen{.ticket = asked.mapped().ticket,
                  .connection = look_at(asked.mapped().key),
                  .events = std::vector<OutboxEvent>{}};
  if (!input.result.ok()) {
    seen.events = input.result.status();
  } else if (seen.connection && !input.result->empty()) {
    seen.events = decode_held(seen.connection->record, input.result->front());
  }
  out_.emplace_back(std::move(seen));
}

// ---- draining a gateway ----

void Engine::take(DrainAsked input) {
  const LeaseFate fate = leases_.fate(input.gateway_id);
  if (fate != LeaseFate::kAlive) {
    const Refusal refusal =
        fate == LeaseFate::kExpired ? Refusal{GatewayExpired{}} : Refusal{NotFound{}};
    out_.emplace_back(Answered{input.ticket, input.gateway_id, refusal, 0});
  } else if (store_stays_away()) {
    out_.emplace_back(Answered{input.ticket, input.gateway_id,
                               Refusal{StoreAway{limits_.store_away_after_ms}}, 0});
  } else {
    leases_.drain(input.gateway_id, input.per_s);
    drains_[input.gateway_id].push_back(input.ticket);
  }
}

void Engine::answer_drains(const std::string& gateway, const Answer& answer) {
  const auto waiting = drains_.extract(gateway);
  if (waiting.empty()) return;
  for (const Ticket ticket : waiting.mapped()) {
    out_.emplace_back(Answered{ticket, gateway, answer, 0});
  }
}

// Said when it becomes known, and once more on each new stream.
void Engine::tell_drain(const std::string& gateway) {
  const Lease* lease = leases_.find(gateway);
  const auto stream = stream_of_gateway_.find(gateway);
  if (lease == nullptr || lease->draining_per_s == 0 || stream == stream_of_gateway_.end()) return;
  out_.emplace_back(Notified{stream->second, GatewayToDrain{lease->draining_per_s}});
}

// ---- watching ----

void Engine::take(WatchOpened input) {
  delivery_watchers_ += input.deliveries ? 1 : 0;
  Watched first{.watcher = input.watcher, .key = {}, .connection = {}, .steps = {}};
  first.through = fed_.value;
  if (input.resume_from != 0) {
    if (input.resume_from < removals_since_) {
      first.missed = true;
      out_.emplace_back(first);
      first.missed = false;
    }
    for (const auto& [revision, key] : removals_) {
      if (revision <= input.resume_from || (!input.key.empty() && key != input.key)) continue;
      first.key = key;
      out_.emplace_back(first);
    }
  }
  watchers_[input.watcher] = Watcher{.key = std::move(input.key),
                                     .deliveries = input.deliveries,
                                     .filter = std::move(input.filter),
                                     .bookmarks = input.bookmarks};
}

void Engine::tell_bookmarks() {
  for (const auto& [id, watcher] : watchers_) {
    if (!watcher.bookmarks) continue;
    Watched watched{.watcher = id, .key = {}, .connection = {}, .steps = {}, .bookmark = true};
    watched.through = fed_.value;
    out_.emplace_back(std::move(watched));
  }
}

void Engine::take(WatchClosed input) {
  const auto watcher = watchers_.find(input.watcher);
  if (watcher == watchers_.end()) return;
  delivery_watchers_ -= watcher->second.deliveries ? 1 : 0;
  watchers_.erase(watcher);
}

void Engine::note_removal(const std::string& key, Revision revision) {
  removals_.emplace_back(revision, key);
  if (removals_.size() <= limits_.removals_kept_max) return;
  removals_since_ = std::max(removals_since_, removals_.front().first);
  removals_.pop_front();
}

void Engine::notify_watchers(const std::string& key, const Record* before, const Record* after,
                             Revision revision) {
  Watched watched{.key = key, .connection = {}, .steps = {}, .sent = 0, .tick = 0};
  if (after) {
    const std::uint64_t known = before ? before->transitions_total : 0;
    watched.steps = newest_steps(*after, after->transitions_total - known);
    watched.connection = seen(key, *after, revision);
  }
  const auto is_shown = [&](const Watcher& watcher) {
    if (!watcher.key.empty() && watcher.key != key) return false;
    watched.left = false;
    if (watcher.filter == nullptr || matches(watcher.filter.get(), *watched.connection)) {
      return true;
    }
    watched.left = before && matches(watcher.filter.get(), seen(key, *before, revision));
    return watched.left;
  };
  const auto is_told_of_removal = [&](const Watcher& watcher) {
    return (watcher.key.empty() || watcher.key == key) &&
           (watcher.filter == nullptr ||
            (before && matches(watcher.filter.get(), seen(key, *before, revision))));
  };
  for (auto& [id, watcher] : watchers_) {
    if (after ? !is_shown(watcher) : !is_told_of_removal(watcher)) continue;
    watched.watcher = id;
    watched.sent = watcher.sent;
    watched.tick = clock_.tick();
    watched.through = fed_.value;
    out_.emplace_back(watched);
  }
}

}  // namespace interlock
