#include "tests/coordinator/engine/ledger.h"

#include "coordinator/engine/record_codec.h"
#include "fmt/format.h"

namespace interlock {
namespace {

std::string arrow(const Transition& step) {
  return fmt::format("{} -> {}", name_of(step.from), name_of(step.to));
}

}  // namespace

Ledger::Ledger(MemoryWorld& world, std::function<std::uint64_t()> now_ms)
    : world_(world), now_ms_(std::move(now_ms)) {
  const auto base = world_.records().find(std::string(kBaseKey));
  if (base != world_.records().end()) base_ = decode_base(base->second.now.bytes).value_or(0);
  world_.observe([this](const Entry& entry, Revision revision) { take(entry, revision); });
}

const std::vector<Ledger::Written>& Ledger::of(const std::string& key) const {
  static const std::vector<Written> nothing;
  const auto found = written_.find(key);
  return found == written_.end() ? nothing : found->second;
}

bool Ledger::absent_since(const std::string& key, std::uint64_t from_ms) const {
  const std::vector<Written>& all = of(key);
  for (std::size_t i = all.size(); i-- > 0;) {
    if (!all[i].record) return true;
    if (all[i].at_ms < from_ms) return false;
  }
  return true;
}

std::vector<std::string> Ledger::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, written] : written_) keys.push_back(key);
  return keys;
}

void Ledger::complain(const std::string& key, Revision revision, const std::string& what) {
  wrong.push_back(fmt::format("{} ms, {} at revision {}: {}", now_ms_(), key, revision, what));
}

void Ledger::take(const Entry& entry, Revision revision) {
  if (entry.key == kBaseKey) base_ = decode_base(entry.record).value_or(0);
  const auto name = connection_key_of(entry.key);
  if (!name) return;
  const std::string key(*name);
  std::vector<Written>& history = written_[key];
  const std::optional<Record> before =
      history.empty() ? std::nullopt : history.back().record;
  Written now{revision, now_ms_(), std::nullopt};
  if (entry.write == Write::kPut) {
    const auto record = decode_record(entry.record, base_ + revision);
    if (!record.ok()) return complain(key, revision, "no record");
    now.record = *record;
    check_generation(key, *record, revision);
    check_steps(key, before, *record);
    check_outbox(key, before, *record, entry);
  } else if (before && !is_final(before->state)) {
    complain(key, revision, "a record that was not final is deleted");
  }
  history.push_back(std::move(now));
}

// Generations rise, are what their commit says, and have one owner.
void Ledger::check_generation(const std::string& key, const Record& record, Revision revision) {
  Generation& highest = highest_[key];
  if (record.generation < highest) complain(key, revision, "the generation falls");
  if (record.generation > highest && record.generation != base_ + revision) {
    complain(key, revision, "the generation is not that of its commit");
  }
  highest = std::max(highest, record.generation);
  if (record.owner.empty()) return;
  const auto [owner, first] = owners_.try_emplace({key, record.generation}, record.owner);
  if (!first && owner->second != record.owner) {
    complain(key, revision, "a generation has a second owner: " + record.owner);
  }
}

// The history goes on from where it was, by legal steps only.
void Ledger::check_steps(const std::string& key, const std::optional<Record>& before,
                         const Record& record) {
  State state = record.state;
  for (auto step = record.transitions.rbegin(); step != record.transitions.rend(); ++step) {
    const bool start = step->from == State::kConnecting && step->to == State::kConnecting;
    if (step->to != state) complain(key, 0, "the history does not lead here: " + arrow(*step));
    if (!start && !may_follow(step->from, step->to)) {
      complain(key, 0, "an illegal step: " + arrow(*step));
    }
    // What stood before the start of a machine was another one, and final.
    if (start) {
      const auto earlier = step + 1;
      if (earlier != record.transitions.rend() && !is_final(earlier->to)) {
        complain(key, 0, "a machine starts before the one before it ended");
      }
      state = earlier != record.transitions.rend() ? earlier->to : State::kConnecting;
    } else {
      state = step->from;
    }
  }
  if (before && record.transitions_total < before->transitions_total &&
      record.transitions_total > record.transitions.size()) {
    complain(key, 0, "the history has lost its count");
  }
  // With another generation the key may have been forgotten and claimed anew in one write.
  if (before && before->generation == record.generation &&
      before->transitions_total == record.transitions_total && before->state != record.state) {
    complain(key, 0, "the state has changed without a step");
  }
}

// Sequences have no gap, and the store holds exactly what is not acknowledged.
void Ledger::check_outbox(const std::string& key, const std::optional<Record>& before,
                          const Record& record, const Entry& entry) {
  const Revision revision = world_.last_revision() + 1;
  const bool same = before && before->sequence_since == record.sequence_since;
  if (same && (record.last_sequence < before->last_sequence ||
               record.acknowledged < before->acknowledged)) {
    complain(key, revision, "a cursor goes back");
  }
  if (record.acknowledged > record.last_sequence) {
    complain(key, revision, "acknowledged above what is assigned");
  }
  for (const Attachment& put : entry.put) {
    const auto event = decode_event(put.number, put.bytes);
    if (!event.ok() || put.number > record.last_sequence) {
      complain(key, revision, "an event that the record does not know");
      continue;
    }
    if (same && put.number <= before->last_sequence) {
      complain(key, revision, fmt::format("sequence {} is given twice", put.number));
    }
    events_.push_back({key, record.sequence_since, *event});
  }
  const auto& held = world_.records().at(entry.key).attachments;
  const bool ended = record.state == State::kClosed;
  std::uint64_t expected = record.acknowledged + 1;
  for (const auto& [number, bytes] : held) {
    if (ended || number != expected++) {
      complain(key, revision, fmt::format("the store holds event {} beside {}..{}", number,
                                          record.acknowledged + 1, record.last_sequence));
      return;
    }
  }
  if (!ended && expected != record.last_sequence + 1) {
    complain(key, revision, "events are missing");
  }
  if (!ended && record.outbox_sizes.size() != record.last_sequence - record.acknowledged) {
    complain(key, revision, "the sizes of the outbox do not fit");
  }
}

}  // namespace interlock
