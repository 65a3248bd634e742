#include "coordinator/engine/engine_thread.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "coordinator/engine/after_step.h"

namespace interlock {
namespace {

// Chunks of a load that wait for the engine, of kLoadChunkRecords each; what it has taken is beside
// them.
constexpr std::size_t kChunksWaitingMax = 4;

std::uint64_t steady_us() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        std::chrono::steady_clock::now().time_since_epoch())
                                        .count());
}

Moment present() {
  return {steady_us() / 1000, std::chrono::duration_cast<std::chrono::microseconds>(
                                  std::chrono::system_clock::now().time_since_epoch())
                                  .count()};
}

// Where an input names who waits for it.
std::uint64_t* id_of(Input& input) {
  if (auto* command = std::get_if<CommandGiven>(&input)) return &command->ticket;
  if (auto* asked = std::get_if<ObserveAsked>(&input)) return &asked->ticket;
  if (auto* asked = std::get_if<ScanAsked>(&input)) return &asked->ticket;
  if (auto* asked = std::get_if<ExplainAsked>(&input)) return &asked->ticket;
  if (auto* asked = std::get_if<GatewaysAsked>(&input)) return &asked->ticket;
  if (auto* asked = std::get_if<DrainAsked>(&input)) return &asked->ticket;
  if (auto* asked = std::get_if<OutboxAsked>(&input)) return &asked->ticket;
  return nullptr;
}

bool is_for_people(const Output& output) {
  return std::holds_alternative<Happened>(output) || std::holds_alternative<RunOver>(output) ||
         std::holds_alternative<ClosedGivenUp>(output) ||
         std::holds_alternative<Published>(output) || std::holds_alternative<FeedSeen>(output) ||
         std::holds_alternative<Committed>(output);
}

}  // namespace

EngineThread::EngineThread(std::unique_ptr<Store> store, const EngineLimits& limits,
                           std::function<double()> random, EngineObserver& observer)
    : store_(std::move(store)),
      inbox_max_(limits.waiting_commands_max),
      not_now_after_ms_(limits.retry_max_ms),
      tick_ms_(limits.tick_ms),
      observer_(observer),
      engine_(limits, {store_->limits(), store_->single_writer()}, std::move(random)) {}

EngineThread::~EngineThread() { stop(); }

void EngineThread::start() {
  thread_ = std::thread([this] { run(); });
}

void EngineThread::refuse_waiting() {
  {
    const std::lock_guard lock(mutex_);
    refusing_ = true;
  }
  posted_.notify_one();
}

// Looks are answered from memory and wait for nobody.
void EngineThread::refuse_tickets() {
  const auto tickets = std::exchange(tickets_, {});
  for (const auto& [ticket, callback] : tickets) {
    if (const auto* to = std::get_if<AnswerTo>(&callback)) {
      (*to)(Refusal{NotNow{not_now_after_ms_, "the coordinator stops"}}, 0);
    } else {
      tickets_.emplace(ticket, callback);
    }
  }
}

void EngineThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  posted_.notify_one();
  chunks_taken_.notify_all();
  if (thread_.joinable()) thread_.join();
  store_.reset();  // no callback of the store comes after this
}

// ---- from any thread ----

void EngineThread::post(Input input, Callback callback) {
  std::vector<Posted> one;
  one.push_back({std::move(input), std::move(callback)});
  post(std::move(one));
}

void EngineThread::post(std::vector<Posted> posted) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    first = inbox_.empty();
    inbox_.insert(inbox_.end(), std::make_move_iterator(posted.begin()),
                  std::make_move_iterator(posted.end()));
  }
  if (first) posted_.notify_one();
}

void EngineThread::post_chunk(std::vector<LoadedRecord> chunk) {
  {
    std::unique_lock lock(mutex_);
    chunks_taken_.wait(lock, [this] { return stopping_ || chunks_waiting_ < kChunksWaitingMax; });
    ++chunks_waiting_;
  }
  post(RecordsLoaded{std::move(chunk)});
}

std::size_t EngineThread::inbox_room() {
  const std::lock_guard lock(mutex_);
  return stopping_ ? inbox_max_ : inbox_max_ - std::min(inbox_max_, inbox_.size());
}

bool EngineThread::is_idle() {
  const std::lock_guard lock(mutex_);
  return inbox_.empty();
}

void EngineThread::ask(std::string key, Command command, AnswerTo done) {
  std::vector<Asked> one;
  one.push_back({std::move(key), std::move(command), std::move(done)});
  ask(std::move(one), 0, 0, std::nullopt);
}

void EngineThread::ask(std::vector<Asked> commands, std::uint64_t credit_bytes, StreamId stream,
                       std::optional<StreamHeartbeat> heartbeat) {
  const std::size_t room = inbox_room();
  std::vector<Posted> posted;
  posted.reserve(commands.size() + 2);
  for (Asked& asked : commands) {
    Callback callback;
    if (posted.size() < room) {
      if (asked.done) callback = std::move(asked.done);
      posted.push_back({CommandGiven{0, std::move(asked.key), std::move(asked.command)},
                        std::move(callback)});
    } else if (asked.done) {
      asked.done(Refusal{NotNow{not_now_after_ms_, "the coordinator has too much to do"}}, 0);
    }
  }
  if (credit_bytes > 0) posted.push_back({StreamCredit{stream, credit_bytes}, {}});
  if (heartbeat) posted.push_back({*std::move(heartbeat), {}});
  if (!posted.empty()) post(std::move(posted));
}

void EngineThread::observe(std::string key,
                           std::function<void(std::optional<SeenConnection>)> done) {
  post(ObserveAsked{0, std::move(key)}, std::move(done));
}

void EngineThread::scan(ScanAsked what, std::function<void(Scanned)> done) {
  post(std::move(what), std::move(done));
}

void EngineThread::explain(std::string key, std::function<void(Explained)> done) {
  post(ExplainAsked{0, std::move(key)}, std::move(done));
}

void EngineThread::gateways(std::function<void(GatewaysSeen)> done) {
  post(GatewaysAsked{}, std::move(done));
}

void EngineThread::outbox(std::string key, Sequence after, std::uint32_t limit,
                          std::function<void(OutboxSeen)> done) {
  post(OutboxAsked{0, std::move(key), after, limit}, std::move(done));
}

void EngineThread::drain(std::string gateway_id, std::uint32_t per_s, AnswerTo done) {
  post(DrainAsked{0, std::move(gateway_id), per_s}, std::move(done));
}

StreamId EngineThread::open_stream(StreamOpened what, std::function<void(Notice)> notify) {
  const StreamId stream = what.stream = ++last_id_;
  post(std::move(what), std::move(notify));
  return stream;
}

void EngineThread::close_stream(StreamId stream) { post(StreamClosed{stream}); }

WatcherId EngineThread::watch(WatchOpened what, std::function<void(Watched)> changed) {
  const WatcherId watcher = what.watcher = ++last_id_;
  post(std::move(what), std::move(changed));
  return watcher;
}

void EngineThread::unwatch(WatcherId watcher) { post(WatchClosed{watcher}); }

std::array<std::size_t, 13> EngineThread::connections_by_state() const {
  std::array<std::size_t, 13> counts{};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] = by_state_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

EngineTally EngineThread::tally() const {
  const std::lock_guard lock(tally_mutex_);
  return tally_;
}

// ---- the thread ----

void EngineThread::run() {
  for (Output& output : engine_.step({}, present())) carry_out(std::move(output));
  while (true) {
    std::vector<Posted> posted = wait();
    bool refusing = false;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      refusing = refusing_;
    }
    std::vector<Input> inputs;
    inputs.reserve(posted.size() + 1);
    look_at_room(inputs);
    for (Posted& one : posted) inputs.push_back(admit(std::move(one)));
    Outputs outputs = engine_.step(std::move(inputs), present());
    show();
    // Whoever waits is answered first; what is written down for people can wait.
    AfterStep after;
    for (Output& output : outputs) {
      if (!is_for_people(output)) carry_out(std::move(output));
    }
    if (refusing) refuse_tickets();
    after.work_off(is_idle());
    for (Output& output : outputs) {
      if (is_for_people(output)) carry_out(std::move(output));
    }
    given_.clear();
  }
}

std::vector<EngineThread::Posted> EngineThread::wait() {
  std::unique_lock lock(mutex_);
  const auto something = [this] {
    return stopping_ || !inbox_.empty() || (refusing_ && !tickets_.empty()) ||
           engine_.more_to_do();
  };
  if (const auto at = engine_.wake_at_ms()) {
    const auto when = std::chrono::steady_clock::time_point(std::chrono::milliseconds(*at));
    posted_.wait_until(lock, when, something);
  } else {
    posted_.wait(lock, something);
  }
  if (std::exchange(chunks_waiting_, 0) > 0) chunks_taken_.notify_all();
  return std::exchange(inbox_, {});
}

void EngineThread::look_at_room(std::vector<Input>& inputs) {
  std::string no_room = store_->short_of_room().value_or("");
  if (no_room == no_room_) return;
  no_room_ = no_room;
  inputs.emplace_back(RoomChanged{std::move(no_room)});
}

Input EngineThread::admit(Posted posted) {
  if (auto* opened = std::get_if<StreamOpened>(&posted.input)) {
    streams_[opened->stream] = std::get<std::function<void(Notice)>>(std::move(posted.callback));
  } else if (auto* closed = std::get_if<StreamClosed>(&posted.input)) {
    streams_.erase(closed->stream);
  } else if (auto* watch = std::get_if<WatchOpened>(&posted.input)) {
    watchers_[watch->watcher] = std::get<std::function<void(Watched)>>(std::move(posted.callback));
  } else if (auto* unwatch = std::get_if<WatchClosed>(&posted.input)) {
    watchers_.erase(unwatch->watcher);
  } else if (std::uint64_t* id = id_of(posted.input);
             id != nullptr && !std::holds_alternative<std::monostate>(posted.callback)) {
    *id = ++last_id_;
    tickets_[*id] = std::move(posted.callback);
  }
  return std::move(posted.input);
}

void EngineThread::show() {
  ready_.store(engine_.ready(), std::memory_order_relaxed);
  store_away_.store(engine_.store_away(), std::memory_order_relaxed);
  tick_.store(engine_.tick(), std::memory_order_relaxed);
  live_gateways_.store(engine_.leases().alive(), std::memory_order_relaxed);
  const auto& counts = engine_.replica().connections_by_state();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    by_state_[i].store(counts[i], std::memory_order_relaxed);
  }
  EngineTally tally = engine_.tally();
  const std::lock_guard lock(tally_mutex_);
  tally_ = std::move(tally);
}

template <class To, class Give>
void EngineThread::give(Ticket ticket, Give give) {
  const auto waiting = tickets_.find(ticket);
  if (waiting == tickets_.end()) return;
  Callback callback = std::move(waiting->second);
  tickets_.erase(waiting);
  give(std::get<To>(callback));
  given_.push_back(std::move(callback));
}

void EngineThread::carry_out(Output output) {
  struct Carry {
    EngineThread& engine;

    void operator()(StartLoad) {
      engine.store_->load({.chunk =
                               [e = &engine](std::vector<LoadedRecord> chunk) {
                                 e->post_chunk(std::move(chunk));
                               },
                           .done =
                               [e = &engine](absl::StatusOr<Position> position) {
                                 e->post(LoadEnded{std::move(position)});
                               }});
    }
    void operator()(StartWatch watch) {
      engine.store_->watch(
          watch.from,
          {.changes = [e = &engine](
                          std::vector<Change> changes,
                          Position through) { e->post(FeedChanged{std::move(changes), through}); },
           .resync = [e = &engine](absl::Status reason) { e->post(FeedLost{std::move(reason)}); }});
    }
    void operator()(StartCommit commit) {
      const std::uint64_t started = steady_us();
      engine.store_->commit(std::move(commit.batch), [e = &engine, id = commit.commit,
                                                      started](std::vector<Outcome> outcomes) {
        e->post(CommitAnswered{id, std::move(outcomes), steady_us() - started});
      });
    }
    void operator()(StartRead read) {
      engine.store_->read(std::move(read.requests),
                          [e = &engine, id = read.read](
                              absl::StatusOr<std::vector<std::vector<Attachment>>> result) {
                            e->post(ReadAnswered{id, std::move(result)});
                          });
    }
    void operator()(Answered answered) {
      engine.observer_.answered(answered);
      engine.give<AnswerTo>(answered.ticket, [&](AnswerTo& to) {
        to(std::move(answered.answer), answered.revision);
      });
    }
    void operator()(Scanned scanned) {
      engine.give<std::function<void(Scanned)>>(scanned.ticket,
                                                [&](auto& to) { to(std::move(scanned)); });
    }
    void operator()(Observed observed) {
      engine.give<std::function<void(std::optional<SeenConnection>)>>(
          observed.ticket, [&](auto& to) { to(std::move(observed.connection)); });
    }
    void operator()(Explained explained) {
      engine.give<std::function<void(Explained)>>(explained.ticket,
                                                  [&](auto& to) { to(std::move(explained)); });
    }
    void operator()(GatewaysSeen seen) {
      engine.give<std::function<void(GatewaysSeen)>>(seen.ticket,
                                                     [&](auto& to) { to(std::move(seen)); });
    }
    void operator()(OutboxSeen seen) {
      engine.give<std::function<void(OutboxSeen)>>(seen.ticket,
                                                   [&](auto& to) { to(std::move(seen)); });
    }
    void operator()(Watched watched) {
      const auto watcher = engine.watchers_.find(watched.watcher);
      if (watcher != engine.watchers_.end()) watcher->second(std::move(watched));
    }
    void operator()(Notified notified) {
      if (const auto* events = std::get_if<EventsDelivered>(&notified.notice)) {
        engine.observer_.delivered(*events);
      }
      const auto stream = engine.streams_.find(notified.stream);
      if (stream != engine.streams_.end()) stream->second(std::move(notified.notice));
    }
    void operator()(const Happened& happened) { engine.observer_.happened(happened); }
    void operator()(const RunOver& over) { engine.observer_.run_over(over); }
    void operator()(const ClosedGivenUp& given_up) { engine.observer_.closed_given_up(given_up); }
    void operator()(const Published& published) { engine.observer_.published(published); }
    void operator()(const FeedSeen& seen) {
      engine.observer_.fed(static_cast<double>(seen.lag_ms) * 1e-3);
    }
    void operator()(const Committed& committed) {
      engine.observer_.committed(committed, static_cast<double>(committed.took_us) * 1e-6);
    }
    void operator()(const Fatal& fatal) { engine.observer_.fatal(fatal.reason); }
  };
  std::visit([carry = Carry{*this}](auto& what) mutable { carry(std::move(what)); }, output);
}

}  // namespace interlock
