#include "coordinator/engine/engine.h"

#include <algorithm>

#include "coordinator/engine/record_codec.h"

namespace interlock {
namespace {

// Inside of a write that is being decided kThisCommit names its own grant; nobody else may.
std::optional<Refusal> take_away_this_commit(Command& command) {
  Generation named = 0;
  if (const auto* operate = std::get_if<Operate>(&command)) named = operate->generation;
  if (const auto* forget = std::get_if<Forget>(&command)) named = forget->generation;
  if (const auto* steer = std::get_if<Steer>(&command)) named = steer->generation;
  if (named == kThisCommit) return InvalidArgument{"generation", "there is no such generation"};
  // An attempt from the future counts as none.
  auto* claim = std::get_if<Claim>(&command);
  if (claim != nullptr && claim->attempt && claim->attempt->generation == kThisCommit) {
    claim->attempt.reset();
  }
  return std::nullopt;
}

}  // namespace

Engine::Engine(EngineLimits limits, StoreTraits store, std::function<double()> random)
    : limits_(limits),
      store_(store),
      random_(std::move(random)),
      replica_(limits.authority.deadlines, limits.decoded_records_max),
      clock_(limits.tick_ms),
      leases_(limits.leases),
      damper_(limits.takeovers_per_minute_max),
      sweep_pace_(limits.sweeps_per_s_max, limits.sweeps_under_way_max),
      deliveries_(limits),
      closed_news_(limits) {}
Engine::~Engine() = default;

Outputs Engine::step(std::vector<Input> inputs, Moment now) {
  now_ = now;
  more_ready_ = false;
  out_.reserve(outputs_before_);  // they are large, and steps that follow one another are alike
  if (phase_ == Phase::kNew) {
    phase_ = Phase::kLoading;
    load_after(0);
  }
  if (load_at_ms_ && *load_at_ms_ <= now_.steady_ms) load_after(0);
  for (Input& input : inputs) {
    std::visit([this](auto& what) { take(std::move(what)); }, input);
  }
  if (phase_ == Phase::kServing) {
    plan_upkeep();
    pump();
    probe_store();
    tell_closed();
    deliveries_.pump(now_.steady_ms, clock_.tick(), out_);
    if (delivery_watchers_ > 0) show_deliveries();
  }
  outputs_before_ = out_.size();
  return std::exchange(out_, {});
}

std::optional<std::uint64_t> Engine::wake_at_ms() const {
  std::optional<std::uint64_t> at;
  const auto earlier = [&at](std::uint64_t when) { at = at ? std::min(*at, when) : when; };
  if (load_at_ms_) earlier(*load_at_ms_);
  if (phase_ != Phase::kServing) return at;
  if (!delayed_.empty()) earlier(delayed_.begin()->first);
  if (!acknowledgements_due_.empty()) earlier(acknowledgements_due_.front().first);
  if (commits_away_ && commits_under_way_ == 0) earlier(probe_at_ms_);
  if (leases_.any_ready() && leases_rest_until_ms_ > now_.steady_ms) {
    earlier(leases_rest_until_ms_);
  }
  if (sweep_at_ms_) earlier(*sweep_at_ms_);
  if (const auto tick_at = clock_.wake_at_ms(now_.steady_ms)) earlier(*tick_at);
  if (const auto read_at = deliveries_.wake_at_ms()) earlier(*read_at);
  if (const auto news_at = closed_news_.wake_at_ms()) earlier(*news_at);
  return at;
}

// ---- loading ----

void Engine::take(RecordsLoaded input) {
  for (LoadedRecord& loaded : input.records) {
    if (reloading_) loaded_keys_.insert(loaded.key);
    if (loaded.key == kBaseKey) take_base(loaded.record.bytes);
    loaded_early_.push_back(std::move(loaded));
  }
  if (replica_.base() == 0) return;  // generations cannot be spelled out before it is known
  for (LoadedRecord& loaded : std::exchange(loaded_early_, {})) {
    observe(loaded.key, loaded.record.revision, std::move(loaded.record.bytes));
  }
}

void Engine::take(LoadEnded input) {
  const absl::flat_hash_set<std::string> keys = std::exchange(loaded_keys_, {});
  if (!input.position.ok()) {
    if (absl::IsDataLoss(input.position.status())) {
      out_.emplace_back(Fatal{"the store could not be read: " +
                              std::string(input.position.status().message())});
      return;
    }
    // It will be back: whoever is attached is told, and it is read again.
    loaded_early_.clear();
    set_store_away(true);
    load_after(limits_.store_away_after_ms);
    return;
  }
  clock_.proved(load_asked_ms_);
  fed_ = *input.position;
  newest_ = std::max(newest_, fed_.value);
  if (reloading_) {
    for (const std::string& key : replica_.missing(keys, fed_)) {
      observe(key, fed_.value, std::nullopt);
    }
  }
  if (phase_ != Phase::kServing) set_store_away(false);
  if (replica_.base() != 0) {
    out_.emplace_back(StartWatch{fed_});
    begin_serving();
    return;
  }
  if (!loaded_early_.empty()) {
    out_.emplace_back(Fatal{"the store holds records but no base: it is not one of Interlock's, or "
                            "it is damaged"});
    return;
  }
  set_base();
}

void Engine::load_after(std::uint64_t delay_ms) {
  load_at_ms_.reset();
  if (delay_ms > 0) {
    load_at_ms_ = now_.steady_ms + delay_ms;
  } else {
    load_asked_ms_ = now_.steady_ms;
    reloading_ = !replica_.empty();
    out_.emplace_back(StartLoad{});
  }
}

// Every generation rests on it, so it must not change under a coordinator that is running.
void Engine::take_base(const std::string& bytes) {
  const absl::StatusOr<std::uint64_t> base = decode_base(bytes);
  if (!base.ok()) {
    out_.emplace_back(Fatal{std::string(base.status().message())});
  } else if (replica_.base() != 0 && replica_.base() != *base) {
    out_.emplace_back(Fatal{"the store's base has changed; start again"});
  } else {
    replica_.set_base(*base);
  }
}

void Engine::set_base() {
  phase_ = Phase::kSettingBase;
  Entry entry{.key = std::string(kBaseKey)};
  entry.record = encode_base(static_cast<std::uint64_t>(now_.unix_us));
  commits_[++last_commit_] = {};
  ++commits_under_way_;
  out_.emplace_back(StartCommit{last_commit_, {std::move(entry)}});
}

void Engine::begin_serving() {
  if (phase_ == Phase::kServing) return;
  phase_ = Phase::kServing;
  removals_since_ = newest_;
  for (auto& [key, work] : work_) make_ready(key, work);
  // Where in the order of things their lists began cannot be said any more: the gateway may have
  // attached and claimed elsewhere since, so nothing may be taken from it for not being listed. It
  // lists anew instead.
  for (auto& [id, stream] : streams_) {
    out_.emplace_back(Notified{id, AttachAgain{}});
    if (stream.list_complete && stream.unanswered.empty()) end_listing(id);
  }
}

// ---- the feed ----

void Engine::take(FeedChanged input) {
  for (Change& change : input.changes) {
    if (change.key == kBaseKey && change.bytes) take_base(*change.bytes);
    observe(change.key, change.revision, std::move(change.bytes));
  }
  fed_ = std::max(fed_, input.through);
  replica_.forget_deletions(fed_);
  std::optional<std::uint64_t> since_ms;
  for (; !unseen_commits_.empty() && unseen_commits_.front().first <= fed_.value;
       unseen_commits_.pop_front()) {
    if (!since_ms) since_ms = unseen_commits_.front().second;
  }
  if (!since_ms) return;
  tally_.feed_lag_ms = now_.steady_ms - *since_ms;
  out_.emplace_back(FeedSeen{tally_.feed_lag_ms});
}

void Engine::take(FeedLost) { load_after(0); }

// ---- commands ----

void Engine::take(CommandGiven input) {
  note_speaker(input.command);
  if (const auto* acknowledge = std::get_if<Acknowledge>(&input.command)) {
    note_acknowledgement(input.key, *acknowledge);
    if (input.ticket != 0) {
      out_.emplace_back(Answered{input.ticket, input.key, Answer{Settled{}}, 0});
    }
    return;
  }
  Waiting waiting;
  waiting.ticket = input.ticket;
  waiting.command = std::move(input.command);
  Work* const work = find_work(input.key);
  Answer at_once;
  if (std::optional<Refusal> wrong = take_away_this_commit(waiting.command)) {
    answer(input.key, waiting, *std::move(wrong), 0);
  } else if (too_much_waits(work)) {
    answer(input.key, waiting,
           Refusal{NotNow{limits_.retry_max_ms, "the coordinator has too much to do"}}, 0);
  } else if (outdated(input.key, work, waiting.command, at_once)) {
    answer(input.key, waiting, std::move(at_once), 0);
  } else if (waiting.ticket != 0 && store_stays_away()) {
    answer(input.key, waiting, Refusal{StoreAway{limits_.store_away_after_ms}}, 0);
  } else {
    enqueue(input.key, work != nullptr ? *work : add_work(input.key), std::move(waiting));
  }
}

bool Engine::too_much_waits(const Work* work) const {
  if (waiting_ >= limits_.waiting_commands_max) return true;
  return work != nullptr &&
         work->waiting.size() + work->deciding.size() >= limits_.waiting_per_key_max;
}

// What failed once may succeed at the next try; what has been away for a while is not waited for.
bool Engine::store_stays_away() const {
  return store_away_ && now_.steady_ms >= away_since_ms_ + limits_.store_away_after_ms;
}

// The one refusal that needs no check: a durable generation above the command's only rises. It is
// worth having where the check would have to wait.
bool Engine::outdated(const std::string& key, const Work* work, const Command& command,
                      Answer& answer) const {
  const auto* operate = std::get_if<Operate>(&command);
  if (operate == nullptr || work == nullptr || !work->under_way) return false;
  const RecordRef record = replica_.record(StoreKey(key));
  if (!record || record->generation <= operate->generation) return false;
  answer = Refusal{StaleGeneration{record->generation}};
  return true;
}

Engine::Work* Engine::find_work(const std::string& key) {
  const auto work = work_.find(key);
  return work == work_.end() ? nullptr : &work->second;
}

Engine::Work& Engine::add_work(const std::string& key) {
  if (spare_work_.empty()) return work_[key];
  auto node = std::move(spare_work_.back());
  spare_work_.pop_back();
  node.key() = key;
  return work_.insert(std::move(node)).position->second;
}

void Engine::enqueue(const std::string& key, Waiting waiting) {
  Work* const work = find_work(key);
  enqueue(key, work != nullptr ? *work : add_work(key), std::move(waiting));
}

void Engine::enqueue(const std::string& key, Work& work, Waiting waiting) {
  ++waiting_;
  work.waiting.push_back(std::move(waiting));
  make_ready(key, work);
}

void Engine::make_ready(const std::string& key, Work& work) {
  const bool something = !work.waiting.empty();
  if (phase_ != Phase::kServing || work.under_way || work.queued || !something) return;
  work.queued = true;
  ready_.push_back(key);
}

// Written lazily: with the next write of the record, when the outbox is a quarter full, or when the
// time is over.
void Engine::note_acknowledgement(const std::string& key, const Acknowledge& acknowledge) {
  const RecordRef record = replica_.record(StoreKey(key));
  if (!record || record->generation != acknowledge.generation ||
      record->owner != acknowledge.gateway_id || acknowledge.sequence <= record->acknowledged ||
      acknowledge.sequence > record->last_sequence) {
    return;
  }
  PendingAcknowledgement& pending = acknowledgements_[key];
  if (pending.what.generation != acknowledge.generation ||
      pending.what.sequence < acknowledge.sequence) {
    pending.what = acknowledge;
    pending.what.tick = clock_.tick();
  }
  if (pending.due_ms == 0) {
    pending.due_ms = now_.steady_ms + limits_.acknowledge_within_ms;
    acknowledgements_due_.emplace_back(pending.due_ms, key);
  }
  const AuthorityLimits& authority = limits_.authority;
  if (outbox_events(*record) * 4 < authority.outbox_events_max &&
      outbox_bytes(*record) * 4 < authority.outbox_bytes_max) {
    return;
  }
  const auto work = work_.find(key);
  if (work != work_.end() && !work->second.waiting.empty()) return;
  enqueue(key, Waiting{.command = Command{pending.what}});
}

void Engine::write_due_acknowledgements() {
  while (!acknowledgements_due_.empty() &&
         acknowledgements_due_.front().first <= now_.steady_ms) {
    const auto [due_ms, key] = std::move(acknowledgements_due_.front());
    acknowledgements_due_.pop_front();
    const auto pending = acknowledgements_.find(key);
    if (pending == acknowledgements_.end() || pending->second.due_ms != due_ms) continue;
    pending->second.due_ms = 0;
    enqueue(key, Waiting{.command = Command{pending->second.what}});
  }
}

}  // namespace interlock
