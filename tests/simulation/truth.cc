#include "tests/simulation/truth.h"

#include <algorithm>

#include "coordinator/engine/record_codec.h"
#include "tests/coordinator/authority/design_table.h"

namespace interlock::sim {
namespace {

// Of its last sixteen runs and keys a record knows what it has accepted: a repetition is answered.
bool accepted_before(const std::vector<OutboxEvent>& events, const std::string& id) {
  const auto remembered = static_cast<std::ptrdiff_t>(std::min(kPublishKeysMax - 1, events.size()));
  return std::any_of(events.end() - remembered, events.end(),
                     [&](const OutboxEvent& event) { return event.id == id; });
}

// The design's own table, not the program's.
bool allowed(State from, State to) {
  static const auto table = [] {
    std::array<std::array<bool, 13>, 13> rows{};
    for (State a : kStates) {
      for (State b : kStates) {
        rows[static_cast<std::size_t>(a)][static_cast<std::size_t>(b)] = design_allows(a, b);
      }
    }
    return rows;
  }();
  return table[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

}  // namespace

Truth::Truth(Run& run, MemoryWorld& world) : run_(run), world_(world) {
  world_.observe([this](const Entry& entry, Revision revision) { take(entry, revision); });
}

const std::vector<Truth::Written>& Truth::of(const std::string& key) const {
  static const std::vector<Written> nothing;
  const auto found = keys_.find(key);
  return found == keys_.end() ? nothing : found->second.written;
}

RecordPtr Truth::present(const std::string& key) const {
  const std::vector<Written>& all = of(key);
  return all.empty() ? nullptr : all.back().record;
}

const Truth::Granted* Truth::generation(const std::string& key, Generation generation) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  const auto granted = found->second.generations.find(generation);
  return granted == found->second.generations.end() ? nullptr : &granted->second;
}

bool Truth::operational(const std::string& key, Generation generation) const {
  const Granted* granted = this->generation(key, generation);
  return granted != nullptr && granted->operational;
}

const OutboxEvent* Truth::event(const std::string& key, Generation since,
                                Sequence sequence) const {
  const auto found = keys_.find(key);
  if (found == keys_.end()) return nullptr;
  const auto life = found->second.events.find(since);
  if (life == found->second.events.end()) return nullptr;
  for (const OutboxEvent& event : life->second) {
    if (event.sequence == sequence) return &event;
  }
  return nullptr;
}

bool Truth::absent_since(const std::string& key, Us from) const {
  const std::vector<Written>& all = of(key);
  for (std::size_t i = all.size(); i-- > 0;) {
    if (!all[i].record) return true;
    if (all[i].at < from) return false;
  }
  return true;
}

std::vector<std::string> Truth::keys() const {
  std::vector<std::string> names;
  for (const auto& [name, key] : keys_) names.push_back(name);
  std::sort(names.begin(), names.end());
  return names;
}

// The claim that was current before would have been spent.
bool Truth::made_anew(const Change& change) {
  return change.before && change.after && is_final(change.before->state) &&
         change.after->generation > change.before->generation &&
         !is_spent(*change.after, change.before->claim_id);
}

// ---- what the store applies ----

void Truth::take(const Entry& entry, Revision revision) {
  ++writes_;
  check_compare(entry, revision);
  if (entry.key == kBaseKey) base_ = decode_base(entry.record).value_or(0);
  const auto name = connection_key_of(entry.key);
  if (!name) {
    if (other_) other_(entry);
    return;
  }
  const std::string key(*name);
  Key& known = keys_[key];
  Change change{key, known.written.empty() ? nullptr : known.written.back().record, nullptr,
                revision};
  if (entry.write == Write::kPut) {
    auto decoded = decode_record(entry.record, base_ + revision);
    if (!decoded.ok()) return run_.wrong("{}: what is written at {} is no record", key, revision);
    change.after = std::make_shared<const Record>(*std::move(decoded));
    run_.line("store {} {} {} {} op {} seq {}..{} at revision {}", key,
              name_of(change.after->state), change.after->generation,
              change.after->owner.substr(0, 4), change.after->last_op,
              change.after->acknowledged, change.after->last_sequence, revision);
    check_generation(change, known);
    check_steps(change);
    check_outbox(change, known, entry);
  } else {
    run_.line("store {} deleted at revision {}", key, revision);
    if (change.before && !is_final(change.before->state)) {
      run_.wrong("{}: a record in {} is deleted", key, name_of(change.before->state));
    }
  }
  check_unknown(change, known);
  known.written.push_back({revision, run_.time.now(), change.after});
  for (const auto& watcher : watchers_) watcher(change);
}

// A store that did not compare, or a coordinator that made it not compare, would show here.
void Truth::check_compare(const Entry& entry, Revision revision) {
  Revision& stands = revisions_[entry.key];
  if (entry.expected != stands) {
    run_.wrong("{} is written over revision {}, expected was {}", entry.key, stands,
               entry.expected);
  }
  stands = entry.write == Write::kDelete ? kAbsent : revision;
}

// Generations rise for ever, are what their commit says, and have one owner.
void Truth::check_generation(const Change& change, Key& key) {
  const Record& record = *change.after;
  if (record.generation < key.highest) {
    run_.wrong("{}: the generation falls from {} to {}", change.key, key.highest,
               record.generation);
  }
  const bool grant = !key.generations.contains(record.generation);
  if (grant && record.generation != base_ + change.revision) {
    run_.wrong("{}: generation {} is not that of its commit", change.key, record.generation);
  }
  key.highest = std::max(key.highest, record.generation);
  Granted& granted = key.generations[record.generation];
  if (grant) {
    granted = {record.owner, record.claim_id, record.sequence_since, run_.time.now(), false, 0};
  } else if (!record.owner.empty() && record.owner != granted.owner) {
    run_.wrong("{}: generation {} has a second owner", change.key, record.generation);
  } else if (!record.owner.empty() && change.before && change.before->owner.empty() &&
             change.before->generation == record.generation) {
    run_.wrong("{}: generation {} gets its owner back", change.key, record.generation);
  }
  if (record.last_op < granted.last_op) {
    run_.wrong("{}: the last operation taken of {} falls from {} to {}", change.key,
               record.generation, granted.last_op, record.last_op);
  }
  granted.last_op = record.last_op;
  if (is_operational(record.state) && !granted.operational) {
    granted.operational = true;
    const bool goes_on = change.before && change.before->sequence_since == record.sequence_since;
    granted.barrier = goes_on ? change.before->last_sequence : 0;
  }
  // A write that many commands share may say of an earlier generation that it has been.
  for (const Transition& step : record.transitions) {
    if (!is_operational(step.to)) continue;
    const auto earlier = key.generations.find(step.generation);
    if (earlier != key.generations.end()) earlier->second.operational = true;
  }
}

// The history goes on from where it was, by the design's steps only.
void Truth::check_steps(const Change& change) {
  const Record& record = *change.after;
  const bool known_before = change.before && !made_anew(change);
  const std::uint64_t known = known_before ? change.before->transitions_total : 0;
  if (record.transitions_total < known) {
    return run_.wrong("{}: the history has lost its count", change.key);
  }
  std::uint64_t fresh = record.transitions_total - known;
  if (fresh == 0) {
    if (known_before && change.before->state != record.state) {
      run_.wrong("{}: the state changes without a step", change.key);
    }
    return;
  }
  State state = record.state;
  for (auto step = record.transitions.rbegin(); step != record.transitions.rend(); ++step) {
    const bool start = step->from == State::kConnecting && step->to == State::kConnecting;
    if (step->to != state) {
      run_.wrong("{}: the history leads to {}, not to {}", change.key, name_of(step->to),
                 name_of(state));
    }
    if (!start && !allowed(step->from, step->to)) {
      run_.wrong("{}: an illegal step from {} to {}", change.key, name_of(step->from),
                 name_of(step->to));
    }
    state = step->from;
    if (start) {
      const auto earlier = step + 1;
      if (earlier == record.transitions.rend()) return;
      if (!is_final(earlier->to)) {
        run_.wrong("{}: a machine starts before the one before it ended", change.key);
      }
      state = earlier->to;
    }
    if (steps_of(*step) >= fresh) break;
    fresh -= steps_of(*step);
  }
}

// Sequences have no gap, and the store holds exactly what is not acknowledged.
void Truth::check_outbox(const Change& change, Key& key, const Entry& entry) {
  const Record& record = *change.after;
  const Record* before = change.before.get();
  const bool same = before != nullptr && before->sequence_since == record.sequence_since;
  if (same && (record.last_sequence < before->last_sequence ||
               record.acknowledged < before->acknowledged)) {
    run_.wrong("{}: a cursor goes back", change.key);
  }
  if (record.acknowledged > record.last_sequence) {
    run_.wrong("{}: acknowledged above what is assigned", change.key);
  }
  std::vector<OutboxEvent>& events = key.events[record.sequence_since];
  for (const Attachment& put : entry.put) {
    auto event = decode_event(put.number, put.bytes);
    if (!event.ok() || put.number > record.last_sequence) {
      run_.wrong("{}: event {} is not one of the record's", change.key, put.number);
    } else if (same && put.number <= before->last_sequence) {
      run_.wrong("{}: sequence {} is given twice", change.key, put.number);
    } else {
      if (accepted_before(events, event->id)) {
        run_.wrong("{}: {} is accepted again, as event {}", change.key, event->id, put.number);
      }
      events.push_back(*std::move(event));
    }
  }
  const auto& held = world_.records().at(entry.key).attachments;
  const bool ended = record.state == State::kClosed;
  const std::uint64_t first = record.acknowledged + 1;
  const std::uint64_t wanted = ended ? 0 : record.last_sequence - record.acknowledged;
  const bool exactly =
      held.size() == wanted &&
      (wanted == 0 || (held.begin()->first == first && held.rbegin()->first == first + wanted - 1));
  if (!exactly) {
    run_.wrong("{}: the store holds {} events, the record counts {} from {} on", change.key,
               held.size(), wanted, first);
  }
  if (!ended && record.outbox_sizes.size() != wanted) {
    run_.wrong("{}: the sizes of the outbox do not fit", change.key);
  }
}

// What a newer build wrote survives whatever this one does, until the record is forgotten.
void Truth::check_unknown(const Change& change, Key& key) {
  if (!change.after || made_anew(change)) {
    key.unknown.clear();
  } else if (!change.after->unknown.starts_with(key.unknown)) {
    run_.wrong("{}: fields of a newer build are lost", change.key);
  } else {
    key.unknown = change.after->unknown;
  }
}

}  // namespace interlock::sim
