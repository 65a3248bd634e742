// Deciding, committing, answering.
#include <algorithm>

#include "coordinator/engine/fold.h"
#include "coordinator/engine/record_codec.h"

namespace interlock {

namespace {

std::string trouble_of(const Outcome& outcome) {
  if (const auto* failed = std::get_if<Failed>(&outcome)) {
    return std::string(failed->reason.message());
  }
  if (const auto* unknown = std::get_if<Unknown>(&outcome)) {
    return std::string(unknown->reason.message());
  }
  return {};
}

}  // namespace

void Engine::pump() {
  write_due_acknowledgements();
  while (!delayed_.empty() && delayed_.begin()->first <= now_.steady_ms) {
    ready_.push_back(std::move(delayed_.begin()->second));
    delayed_.erase(delayed_.begin());
  }
  while (commits_under_way_ < limits_.commits_under_way_max) {
    Batch batch;
    std::vector<std::string> keys;
    std::size_t bytes = 0;
    pack_upkeep(batch, keys, bytes);
    const std::size_t keys_max = keys.size() + limits_.commit_keys_max;
    // With a tick of long ago nothing is stamped. One more entry of the largest size always fits.
    const bool may_stamp = !clock_.old(now_.steady_ms);
    while (may_stamp && !ready_.empty() && keys.size() < keys_max &&
           batch.size() < store_.limits.batch_entries_max &&
           bytes + store_.limits.entry_bytes_max <= store_.limits.batch_bytes_max) {
      const std::string key = std::move(ready_.front());
      ready_.pop_front();
      Work& work = work_[key];
      work.queued = false;
      if (!decide_key(key, work, batch)) continue;
      bytes += entry_bytes(batch.back());
      keys.push_back(store_key(key));
    }
    if (batch.empty()) {
      // A claim may have been put behind a lease that is to be made now.
      if (leases_wait()) continue;
      return;
    }
    const std::uint64_t commit = ++last_commit_;
    commits_[commit] = std::move(keys);
    ++commits_under_way_;
    out_.emplace_back(StartCommit{commit, std::move(batch)});
    // The store begins with this one while the next step decides what is left.
    if (may_stamp && !ready_.empty()) {
      more_ready_ = commits_under_way_ < limits_.commits_under_way_max;
      return;
    }
  }
}

// False when the answers rest on nothing that must be asked of the store: they have been given.
bool Engine::decide_key(const std::string& key, Work& work, Batch& batch) {
  if (work.waiting.empty()) {
    finish(key, work);
    return false;
  }
  Fold fold = this->fold(key, work);
  if (fold.decided.empty()) {  // all of it waits for a lease
    finish(key, work);
    return false;
  }
  work.deciding = std::move(fold.decided);
  work.answers = std::move(fold.answers);
  // With one writer, what this memory shows is what stands, unless a write is in doubt.
  if (!fold.wrote && store_.single_writer && work.doubt != fold.expected) {
    answer_all(key, work, fold.expected);
    finish(key, work);
    return false;
  }
  Entry entry = entry_of(key, fold);
  work.steps = std::move(fold.steps);
  work.events = std::move(fold.puts);
  work.expected = entry.expected;
  work.write = entry.write;
  work.record = entry.record;
  if (entry.write == Write::kPut) work.decided = std::move(fold.written);
  work.under_way = true;
  batch.push_back(std::move(entry));
  return true;
}

void Engine::take(CommitAnswered input) {
  const auto commit = commits_.find(input.commit);
  if (commit == commits_.end()) return;
  const std::vector<std::string> keys = std::move(commit->second);
  commits_.erase(commit);
  --commits_under_way_;
  if (keys.empty()) {
    settle_own(input.outcomes.front());
    return;
  }
  Committed tally{.entries = keys.size(), .took_us = input.took_us};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    settle(keys[i], std::move(input.outcomes[i]), tally);
  }
  out_.emplace_back(tally);
  set_store_away(tally.failed + tally.unknown == tally.entries);
}

void Engine::settle(const std::string& store_key, Outcome outcome, Committed& tally) {
  tally.refused += std::holds_alternative<Refused>(outcome) ? 1 : 0;
  tally.unknown += std::holds_alternative<Unknown>(outcome) ? 1 : 0;
  tally.failed += std::holds_alternative<Failed>(outcome) ? 1 : 0;
  if (tally.trouble.empty()) tally.trouble = trouble_of(outcome);
  if (auto* refused = std::get_if<Refused>(&outcome)) {
    const bool present = refused->current.has_value();
    observe(store_key, present ? refused->current->revision : refused->at.value,
            present ? std::optional(std::move(refused->current->bytes)) : std::nullopt);
  }
  if (const auto key = connection_key_of(store_key)) {
    settle_connection(std::string(*key), std::move(outcome));
  } else {
    settle_upkeep(store_key, outcome);
  }
}

void Engine::settle_connection(const std::string& key, Outcome outcome) {
  Work& work = work_[key];
  work.under_way = false;
  if (const auto* done = std::get_if<Applied>(&outcome)) {
    // What it has shown is attended to already.
    if (!applied(key, work, done->revision)) attend_present(key);
    return;
  }
  if (std::holds_alternative<Refused>(outcome)) {
    retry(key, work);
    attend_present(key);
    return;
  }
  if (std::holds_alternative<Unknown>(outcome)) {
    // It may have been applied, or still be. The same commands are decided again and committed over
    // the same revision; whichever write lands first, the other one is refused and shows it.
    work.doubt = work.expected;
    for (Waiting& waiting : work.deciding) waiting.in_doubt = true;
  } else {
    work.conflicts = std::max(work.conflicts, 2);
    answer_store_away(key, work);
  }
  retry(key, work);
  attend_present(key);
}

// Surely not applied: whoever asked is told. What nobody waits for is asked again, and so is what
// an earlier try may have done: nobody can be told that it did nothing.
void Engine::answer_store_away(const std::string& key, Work& work) {
  std::vector<Waiting> again;
  for (Waiting& waiting : work.deciding) {
    if (waiting.ticket == 0 || waiting.in_doubt) {
      again.push_back(std::move(waiting));
    } else {
      --waiting_;
      answer(key, waiting, Refusal{StoreAway{limits_.store_away_after_ms}}, 0);
    }
  }
  work.deciding = std::move(again);
}

// Whether it has shown a record that was not known yet.
bool Engine::applied(const std::string& key, Work& work, Revision revision) {
  bool news = false;
  const Generation generation = replica_.base() + revision;
  for (Answer& answer : work.answers) spell_out(answer, generation);
  if (work.write != Write::kCompareOnly) {
    for (Transition& step : work.steps) {
      if (step.generation == kThisCommit) step.generation = generation;
      out_.emplace_back(Happened{key, step, revision});
    }
    const bool ended = !work.steps.empty() && is_final(work.steps.back().to);
    std::optional<std::string> bytes;
    RecordRef record;
    if (work.write == Write::kPut) {
      bytes = std::move(work.record);
      spell_out(*work.decided, generation);
      record = std::move(work.decided);
    }
    // Events first: the notice of the change may send them at once.
    if (record && !work.events.empty()) {
      out_.emplace_back(Published{work.events.size(), outbox_events(*record)});
      for (OutboxEvent& event : work.events) {
        deliveries_.published(key, record->sequence_since, std::move(event));
      }
    }
    if (revision > fed_.value && unseen_commits_.size() < kUnseenCommitsMax &&
        (unseen_commits_.empty() || unseen_commits_.back().first < revision)) {
      unseen_commits_.emplace_back(revision, now_.steady_ms);
    }
    news = observe(StoreKey(key), revision, std::move(bytes), true, std::move(record));
    if (ended) make_room(key, false);
  }
  answer_all(key, work, revision);
  work.conflicts = 0;
  finish(key, work);
  return news;
}

void Engine::retry(const std::string& key, Work& work) {
  for (; !work.deciding.empty(); work.deciding.pop_back()) {
    if (!work.deciding.back().upkeep) {
      ++tally_.retries;
      work.waiting.push_front(std::move(work.deciding.back()));
      continue;
    }
    --waiting_;
    --sweeps_waiting_;
  }
  work.answers.clear();
  if (work.waiting.empty()) {
    finish(key, work);
    return;
  }
  ++work.conflicts;
  if (work.conflicts <= 2) {
    make_ready(key, work);
    return;
  }
  const int doublings = std::min(work.conflicts - 3, 16);
  const std::uint64_t ceiling =
      std::min(limits_.retry_max_ms, limits_.retry_initial_ms << doublings);
  const auto delay = static_cast<std::uint64_t>(random_() * static_cast<double>(ceiling));
  work.queued = true;
  delayed_.emplace(now_.steady_ms + 1 + delay, key);
}

void Engine::answer_all(const std::string& key, Work& work, Revision revision) {
  for (std::size_t i = 0; i < work.deciding.size(); ++i) {
    --waiting_;
    const auto* claim = std::get_if<Claim>(&work.deciding[i].command);
    const auto* granted = std::get_if<Granted>(&work.answers[i]);
    const std::optional<Granted> grant = granted ? std::optional(*granted) : std::nullopt;
    answer(key, work.deciding[i], std::move(work.answers[i]), revision);
    if (claim == nullptr || !grant) continue;
    if (grant->took_over) damper_.took_over(key, now_.steady_ms);
    if (grant->capped) make_room(key, true);
    follow_grant(key, *claim, *grant);
  }
  work.deciding.clear();
  work.answers.clear();
}

namespace {

bool is_not_now(const Answer& answer) {
  const auto* refusal = std::get_if<Refusal>(&answer);
  return refusal != nullptr && std::holds_alternative<NotNow>(*refusal);
}

}  // namespace

void Engine::answer(const std::string& key, const Waiting& waiting, Answer answer,
                    Revision revision) {
  if (auto* found = std::get_if<Found>(&answer)) {
    const SeenConnection now = seen(key, std::move(found->record), revision);
    *found = {now.record, now.owner_attached, now.orphaned, now.unacknowledged_ms};
  }
  if (waiting.upkeep) --sweeps_waiting_;
  if (waiting.listed != 0) {
    reconcile(waiting.listed, waiting.entry);
  } else if (waiting.ticket != 0) {
    const bool claim = std::holds_alternative<Claim>(waiting.command);
    if (claim && damper_.wait_ms(key, now_.steady_ms) > 0 && is_not_now(answer)) {
      ++tally_.takeovers_damped;
    }
    out_.emplace_back(Answered{waiting.ticket, key, std::move(answer), revision, claim});
  }
}

// Nothing is kept for a key that nobody asks about.
void Engine::finish(const std::string& key, Work& work) {
  if (!work.waiting.empty()) {
    make_ready(key, work);
  } else if (!work.under_way && !work.queued) {
    auto node = work_.extract(key);
    if (spare_work_.size() >= kSpareWorkMax) return;
    node.mapped().clear();
    spare_work_.push_back(std::move(node));
  }
}

// Not of any key: the base of a new store, or whether a store that was away is back.
void Engine::settle_own(const Outcome& outcome) {
  const bool away =
      std::holds_alternative<Failed>(outcome) || std::holds_alternative<Unknown>(outcome);
  set_store_away(away);
  if (phase_ != Phase::kSettingBase) return;
  // Somebody may have been first with the base: then theirs is the base.
  phase_ = Phase::kLoading;
  load_after(away ? limits_.store_away_after_ms : 0);
}

// An idle engine would never hear that its store is back: it asks.
void Engine::probe_store() {
  if (!commits_away_ || commits_under_way_ > 0 || now_.steady_ms < probe_at_ms_) return;
  Entry entry{.key = std::string(kBaseKey), .write = Write::kCompareOnly};
  if (const Replica::Slot* base = replica_.find(kBaseKey)) entry.expected = base->revision;
  commits_[++last_commit_] = {};
  ++commits_under_way_;
  out_.emplace_back(StartCommit{last_commit_, {std::move(entry)}});
}

void Engine::set_store_away(bool away) {
  probe_at_ms_ = now_.steady_ms + limits_.store_away_after_ms;
  commits_away_ = away;
  tell_store_away();
}

// Away is a store that promises nothing, and one that does not say what time it is.
void Engine::tell_store_away() {
  const bool away = commits_away_ || clock_.lost(now_.steady_ms);
  if (away == store_away_) return;
  store_away_ = away;
  away_since_ms_ = now_.steady_ms;
  for (const auto& [stream, what] : streams_) {
    out_.emplace_back(Notified{stream, StoreIsAway{away}});
  }
}

}  // namespace interlock
