// The engine's thread: brings inputs in from everywhere, carries outputs out, decides nothing.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "coordinator/engine/engine.h"

namespace interlock {

// What is told to whoever keeps logs and metrics. Called on the engine's thread; must not block.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  virtual void happened(const Happened&) {}
  virtual void run_over(const RunOver&) {}
  virtual void closed_given_up(const ClosedGivenUp&) {}
  virtual void committed(const Committed&, double /*seconds*/) {}
  virtual void answered(const Answered&) {}
  virtual void published(const Published&) {}
  virtual void delivered(const EventsDelivered&) {}
  virtual void fed(double /*lag_seconds*/) {}
  // The engine cannot go on: the process must end.
  virtual void fatal(const std::string& reason) = 0;
};

// Everything here may be called from any thread. Callbacks run on the engine's thread, must not
// block, and are called exactly once, except those of streams and watchers, which end with their
// close. After stop() no callback runs; commands that were still waiting are never answered.
class EngineThread {
 public:
  using AnswerTo = std::function<void(Answer, Revision)>;

  EngineThread(std::unique_ptr<Store> store, const EngineLimits& limits,
               std::function<double()> random, EngineObserver& observer);
  ~EngineThread();

  void start();
  void stop();

  // `done` may be empty: nobody waits for the answer. With waiting_commands_max inputs not yet
  // taken in, the answer is NotNow, given at once by the asking thread.
  void ask(std::string key, Command command, AnswerTo done);
  // All that one message of a stream asks, in this order: it is taken in together.
  struct Asked {
    std::string key;
    Command command;
    AnswerTo done;
  };
  void ask(std::vector<Asked> commands, std::uint64_t credit_bytes, StreamId stream,
           std::optional<StreamHeartbeat> heartbeat);
  void observe(std::string key, std::function<void(std::optional<SeenConnection>)> done);
  void scan(ScanAsked what, std::function<void(Scanned)> done);
  void explain(std::string key, std::function<void(Explained)> done);
  void gateways(std::function<void(GatewaysSeen)> done);
  // Reads from the store.
  void outbox(std::string key, Sequence after, std::uint32_t limit,
              std::function<void(OutboxSeen)> done);
  // Settled when it is durable, or the refusal.
  void drain(std::string gateway_id, std::uint32_t per_s, AnswerTo done);

  // The stream is numbered here.
  StreamId open_stream(StreamOpened what, std::function<void(Notice)> notify);
  void list(StreamListed what) { post(Input{std::move(what)}); }
  void close_stream(StreamId stream);

  // The watcher is numbered here.
  WatcherId watch(WatchOpened what, std::function<void(Watched)> changed);
  void unwatch(WatcherId watcher);

  // From now on every command that waits, or is given, is answered NotNow: before an end that a
  // store which is away would otherwise hold up. Some of them may still land, as with any end.
  void refuse_waiting();

  bool ready() const { return ready_.load(std::memory_order_relaxed); }
  bool store_away() const { return store_away_.load(std::memory_order_relaxed); }
  std::array<std::size_t, 13> connections_by_state() const;
  // A sentence while the store has little room left; empty: it has enough.
  std::string short_of_room() const { return store_->short_of_room().value_or(""); }
  std::uint64_t tick_ms() const { return tick_ms_; }
  Tick tick() const { return tick_.load(std::memory_order_relaxed); }
  EngineTally tally() const;
  std::size_t live_gateways() const { return live_gateways_.load(std::memory_order_relaxed); }

 private:
  using Callback =
      std::variant<std::monostate, AnswerTo, std::function<void(std::optional<SeenConnection>)>,
                   std::function<void(Scanned)>, std::function<void(Explained)>,
                   std::function<void(GatewaysSeen)>, std::function<void(OutboxSeen)>,
                   std::function<void(Notice)>, std::function<void(Watched)>>;
  struct Posted {
    Input input;
    Callback callback;
  };
  void post(Input input, Callback callback = {});
  void post(std::vector<Posted> posted);
  void post_chunk(std::vector<LoadedRecord> chunk);
  std::size_t inbox_room();
  bool is_idle();
  void run();
  std::vector<Posted> wait();
  Input admit(Posted posted);
  template <class To, class Give>
  void give(Ticket ticket, Give give);
  void carry_out(Output output);
  void refuse_tickets();
  void look_at_room(std::vector<Input>& inputs);
  void show();

  std::unique_ptr<Store> store_;
  const std::size_t inbox_max_;
  const std::uint64_t not_now_after_ms_;
  const std::uint64_t tick_ms_;
  EngineObserver& observer_;
  Engine engine_;
  std::atomic<std::uint64_t> last_id_{0};
  std::atomic<bool> ready_{false};
  std::atomic<bool> store_away_{false};
  std::array<std::atomic<std::size_t>, 13> by_state_{};
  std::atomic<Tick> tick_{0};
  std::atomic<std::size_t> live_gateways_{0};

  mutable std::mutex tally_mutex_;
  EngineTally tally_;

  std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<Posted> inbox_;
  std::size_t chunks_waiting_ = 0;  // of a load, in the inbox
  std::condition_variable chunks_taken_;
  bool stopping_ = false;
  bool refusing_ = false;
  std::thread thread_;

  // The rest belongs to the thread.
  std::string no_room_;
  std::unordered_map<Ticket, Callback> tickets_;
  std::vector<Callback> given_;  // in this step; what they hold, a trace say, is for its log too
  std::map<StreamId, std::function<void(Notice)>> streams_;
  std::map<WatcherId, std::function<void(Watched)>> watchers_;
};

}  // namespace interlock
