// What a change of a record means to gateways and watchers, and the reconciling of an attach.
#include <algorithm>

#include "coordinator/engine/engine.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {
namespace {

ReleasedFor released_for(const Record& record) {
  ReleasedFor why;
  if (!record.transitions.empty()) why.reason = record.transitions.back().reason;
  if (record.kick && record.kick->code != 0) why.close_code = record.kick->code;
  return why;
}

// Whether the owner itself let go: it knows already.
bool left_by_itself(const Record& before, const Record& after) {
  return after.last_op != before.last_op || is_spent(after, before.claim_id);
}

// Whether the last step was the owner's own, which its answer tells it about.
bool moved_by_owner(const Record& record) {
  if (record.transitions.empty()) return false;
  const Actor actor = record.transitions.back().actor;
  return actor == Actor::kOwner || actor == Actor::kClient || actor == Actor::kClaimant;
}

}  // namespace

// The only way in which a record comes to be known, whoever wrote it.
bool Engine::observe(std::string_view store_key, Revision revision,
                     std::optional<std::string> bytes, bool own, RecordRef decoded) {
  newest_ = std::max(newest_, revision);
  const Replica::Slot* slot = replica_.find(store_key);
  // The feed has shown everything up to fed_: what is not here any more was deleted since. The late
  // answer to a commit must not bring it back.
  if (bytes && revision <= fed_.value && slot == nullptr) return false;
  // The feed shows this engine's own writes once more.
  if (slot != nullptr && revision <= slot->revision) return false;
  const std::optional<std::string_view> name = connection_key_of(store_key);
  RecordRef before;
  if (name && slot != nullptr) before = replica_.record(*slot);
  RecordRef after = bytes ? std::move(decoded) : nullptr;
  const Replica::Taken taken = bytes ? replica_.put(store_key, revision, *bytes, after)
                                     : replica_.remove(store_key, revision);
  if (taken == Replica::Taken::kUnreadable) {
    out_.emplace_back(Fatal{"the store holds a record that this build cannot read: " +
                            std::string(store_key) + "; start the build that wrote it"});
    return false;
  }
  if (taken == Replica::Taken::kOld) return false;
  if (!name) {
    observe_upkeep(store_key, bytes);
    return true;
  }
  const std::string key(*name);
  if (!before && !after) return true;
  if (!after) note_removal(key, revision);
  if (own && before) notice_ends(key, *before, after.get());
  if (own && before && after && after->sequence_since == before->sequence_since) {
    tally_.acknowledged += after->acknowledged - before->acknowledged;
  }
  closed_news_.observe(key, after ? after->closed_pending : 0, own, now_.steady_ms);
  if (const auto pending = acknowledgements_.find(key); pending != acknowledgements_.end()) {
    const Acknowledge& what = pending->second.what;
    if (!after || after->generation != what.generation || after->owner != what.gateway_id ||
        after->acknowledged >= what.sequence) {
      acknowledgements_.erase(pending);
    }
  }
  if (before) notify_gateways(key, *before, after.get());
  if (after) {
    attend(key, *after);
    deliveries_.progress(key, *after);
  } else {
    deliveries_.leave(key);
  }
  if (!watchers_.empty()) notify_watchers(key, before.get(), after.get(), revision);
  return true;
}

// What the write ended, besides what its steps say.
void Engine::notice_ends(const std::string& key, const Record& before, const Record* after) {
  for (RunEnded& run : ended_runs(before, after)) out_.emplace_back(RunOver{key, std::move(run)});
  const bool owed = before.closed_pending != 0;
  const bool still = after != nullptr && after->closed_pending != 0;
  const auto until = news_due(before, limits_.authority.deadlines);
  if (owed && !still && clock_.tick() >= *until) {
    out_.emplace_back(ClosedGivenUp{key, before.closed_pending});
  }
}

// Backends are told of ends through whichever attached gateway has one.
void Engine::tell_closed() {
  while (const auto task = closed_news_.next(now_.steady_ms, random_())) {
    const RecordRef record = replica_.record(StoreKey(task->key));
    if (!record) continue;
    out_.emplace_back(
        Notified{task->stream, ClosedToTell{task->key, task->generation, record->subject,
                                            record->closed_pending_reason}});
  }
}

void Engine::notify_gateways(const std::string& key, const Record& before,
                             const Record* after) {
  const auto stream = stream_of_gateway_.find(before.owner);
  if (before.owner.empty() || stream == stream_of_gateway_.end()) return;
  const bool goes_on = after != nullptr && after->generation == before.generation;
  if (after == nullptr || (goes_on && after->owner != before.owner)) {
    deliveries_.leave(key);
    if (after != nullptr && left_by_itself(before, *after)) return;
    const ReleasedFor why = released_for(after != nullptr ? *after : before);
    out_.emplace_back(Notified{stream->second, Released{key, before.generation, why}});
  } else if (after->generation > before.generation) {
    deliveries_.leave(key);
    out_.emplace_back(
        Notified{stream->second, Superseded{key, before.generation, after->generation}});
  } else if (after->state != before.state && !moved_by_owner(*after)) {
    out_.emplace_back(Notified{stream->second, StateMoved{key, after->generation, after->state}});
  }
}

// To whoever watches deliveries: what has been handed to the gateway since, and what has run out.
void Engine::show_deliveries() {
  for (auto& [id, watcher] : watchers_) {
    if (!watcher.deliveries) continue;
    const Sequence sent = std::max(watcher.sent, deliveries_.sent(watcher.key));
    if (sent == watcher.sent && clock_.tick() == watcher.tick) continue;
    watcher.sent = sent;
    watcher.tick = clock_.tick();
    const Replica::Slot* slot = replica_.find(StoreKey(watcher.key));
    if (slot == nullptr || !slot->present()) continue;
    out_.emplace_back(Watched{.watcher = id,
                              .key = watcher.key,
                              .connection = seen(watcher.key, *replica_.record(*slot),
                                                 slot->revision),
                              .steps = {},
                              .sent = sent,
                              .tick = watcher.tick});
  }
}

// Events flow on a stream only after the owner's own generation is durably operational, and behind
// the answer that says so: what the feed shows while a commit is under way waits for its outcome.
void Engine::attend(const std::string& key, const Record& record) {
  const auto stream_id = stream_of_gateway_.find(record.owner);
  if (record.owner.empty() || stream_id == stream_of_gateway_.end()) return;
  if (!is_operational(record.state) || deliveries_.attends(key, record.generation)) return;
  if (const auto work = work_.find(key); work != work_.end() && work->second.under_way) return;
  const Stream& stream = streams_[stream_id->second];
  // What the gateway held when it attached goes on where it says, once its entry is answered.
  if (!stream.list_complete || stream.unanswered.contains(key)) return;
  deliveries_.attend(stream_id->second, key, record.generation, record.sequence_since,
                     record.acknowledged + 1);
}

void Engine::attend_present(const std::string& key) {
  const Replica::Slot* slot = replica_.find(StoreKey(key));
  if (slot == nullptr || !slot->present() || !is_operational(slot->state()) ||
      !attached(std::string(slot->owner()))) {
    return;
  }
  const RecordRef record = replica_.record(*slot);
  if (!record) return;
  attend(key, *record);
  deliveries_.progress(key, *record);
}

// A grant may be answered when the record has moved on already, or once more on a later stream: the
// gateway knows of nothing that was said about this generation before.
void Engine::follow_grant(const std::string& key, const Claim& claim, const Granted& granted) {
  const auto stream = stream_of_gateway_.find(claim.gateway_id);
  if (stream == stream_of_gateway_.end()) return;
  const RecordRef record = replica_.record(StoreKey(key));
  if (record && record->generation > granted.generation) {
    out_.emplace_back(
        Notified{stream->second, Superseded{key, granted.generation, record->generation}});
  } else if (!record || record->owner != claim.gateway_id) {
    const ReleasedFor why = record ? released_for(*record) : ReleasedFor{};
    out_.emplace_back(Notified{stream->second, Released{key, granted.generation, why}});
  } else if (is_operational(record->state)) {
    deliveries_.attend(stream->second, key, record->generation, record->sequence_since,
                       granted.next_sequence);
    deliveries_.progress(key, *record);
  }
}

// ---- streams ----

void Engine::take(StreamOpened input) {
  if (const auto old = stream_of_gateway_.find(input.gateway_id); old != stream_of_gateway_.end()) {
    take(StreamClosed{old->second});
  }
  Stream& stream = streams_[input.stream];
  stream.gateway_id = input.gateway_id;
  if (phase_ == Phase::kServing) stream.began = newest_;
  stream_of_gateway_[input.gateway_id] = input.stream;
  deliveries_.open(input.stream, input.credit_bytes);
  if (input.has_backend) closed_news_.open(input.stream);
  leases_.begin(input.gateway_id, std::move(input.address), now_.unix_us / 1000);
  if (store_away_) out_.emplace_back(Notified{input.stream, StoreIsAway{true}});
  tell_drain(stream.gateway_id);
}

void Engine::take(StreamClosed input) {
  const auto stream = streams_.find(input.stream);
  if (stream == streams_.end()) return;
  const auto current = stream_of_gateway_.find(stream->second.gateway_id);
  if (current != stream_of_gateway_.end() && current->second == input.stream) {
    stream_of_gateway_.erase(current);
  }
  deliveries_.close(input.stream);
  closed_news_.close(input.stream);
  streams_.erase(stream);
}

void Engine::take(StreamCredit input) { deliveries_.add_credit(input.stream, input.bytes); }

void Engine::take(StreamHeartbeat input) {
  const auto stream = streams_.find(input.stream);
  if (stream == streams_.end()) return;
  leases_.heartbeat(stream->second.gateway_id, {input.stream, input.number},
                    std::move(input.load));
}

void Engine::take(ReadAnswered input) {
  if (input.read > kOutboxReads) return outbox_read(input);
  deliveries_.read_answered(input.read, input.result, now_.steady_ms, out_);
}

// ---- reconciling ----

void Engine::take(StreamListed input) {
  const auto found = streams_.find(input.stream);
  if (found == streams_.end() || found->second.list_complete) return;
  Stream& stream = found->second;
  for (const ListedClaim& claim : input.pending_claims) stream.claim_ids.insert(claim.claim_id);
  for (const ListedConnection& entry : input.held) {
    stream.held.insert({entry.key, entry.generation});
    ++stream.unanswered[entry.key];
  }
  stream.list_complete = input.end;
  for (ListedConnection& entry : input.held) {
    Waiting waiting;
    waiting.listed = input.stream;
    waiting.command = Lookup{};
    const std::string key = entry.key;
    waiting.entry = std::move(entry);
    enqueue(key, std::move(waiting));
  }
  if (stream.list_complete && stream.unanswered.empty()) end_listing(input.stream);
}

// The lookup was checked; what is known by now is not older than what it found, and may be newer.
void Engine::reconcile(StreamId id, const ListedConnection& entry) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  Stream& stream = found->second;
  const auto unanswered = stream.unanswered.find(entry.key);
  if (--unanswered->second == 0) stream.unanswered.erase(unanswered);
  ListAnswered listed{entry.key, entry.generation, ReleasedFor{}};
  if (const RecordRef record = replica_.record(StoreKey(entry.key))) {
    if (record->generation > entry.generation) {
      listed.answer = SupersededBy{record->generation};
    } else if (leases_.fate(stream.gateway_id) == LeaseFate::kExpired) {
      listed.answer = ReleasedFor{.reason = Reason::kGatewayExpired};
    } else if (record->generation == entry.generation && record->owner == stream.gateway_id) {
      listed.answer =
          Kept{record->state, record->last_op, record->acknowledged, record->last_sequence};
      if (is_operational(record->state)) {
        const Sequence next = std::max(entry.last_sent, record->acknowledged) + 1;
        deliveries_.attend(id, entry.key, record->generation, record->sequence_since, next);
        deliveries_.progress(entry.key, *record);
      }
    } else {
      listed.answer = released_for(*record);
    }
  }
  const bool kept = std::holds_alternative<Kept>(listed.answer);
  out_.emplace_back(Notified{id, std::move(listed)});
  if (kept && entry.acknowledged > 0) {
    note_acknowledgement(entry.key, {stream.gateway_id, entry.generation, entry.acknowledged});
  }
  if (stream.list_complete && stream.unanswered.empty()) end_listing(id);
}

// What the store says that this gateway owns and that it did not list, it has lost: its clients
// must not wait for it. What was granted after the list began is not judged by it.
void Engine::end_listing(StreamId id) {
  Stream& stream = streams_.at(id);
  if (stream.reconciled || phase_ != Phase::kServing) return;
  stream.reconciled = true;
  out_.emplace_back(Notified{id, ListEnded{}});
  for (const std::string& owned : replica_.owned_by(stream.gateway_id)) {
    const std::string key(*connection_key_of(owned));
    const Replica::Slot* slot = replica_.find(owned);
    const RecordRef record = replica_.record(*slot);
    if (!record || record->generation > replica_.base() + stream.began) continue;
    if (stream.held.contains({key, record->generation})) continue;
    if (stream.claim_ids.contains(record->claim_id)) continue;
    Operate detach{.gateway_id = stream.gateway_id, .generation = record->generation};
    detach.operations.push_back({.op = record->last_op + 1,
                                 .kind = Operation::Kind::kDetach,
                                 .reason = Reason::kGatewayLeft});
    enqueue(key, Waiting{.command = Command{std::move(detach)}});
  }
  stream.held.clear();
  stream.claim_ids.clear();
}

}  // namespace interlock
