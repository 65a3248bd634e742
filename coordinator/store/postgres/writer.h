// The connection that commits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "coordinator/store/postgres/connection.h"
#include "coordinator/store/store.h"

namespace interlock::postgres {

using CommitDone = std::function<void(std::vector<Outcome>)>;

// One thread; several batches are under way in the pipeline, each a transaction of its own.
class Writer {
 public:
  // `connection`: open, or empty.
  Writer(const ConnectionSettings& settings, Lineage& lineage);
  // What is under way is answered Unknown.
  ~Writer();

  // Answered on the writer's thread.
  void commit(Batch batch, absl::Status checked, CommitDone done);

 private:
  struct Waiting {
    Batch batch;
    absl::Status checked;
    CommitDone done;
  };
  struct UnderWay {
    std::size_t entries = 0;
    CommitDone done;
    Clock::time_point sent_at;
    std::vector<Outcome> outcomes;  // empty until the rows have come
    absl::Status failure;           // of the statement
    bool doubted = false;           // the standby may not have it
  };

  void run();
  void connect();
  bool send(Waiting waiting);
  void send_waiting();
  void receive();
  void take(PGresult* result);
  void answer_front();
  void give_up(const std::string& why);
  std::vector<Outcome> outcomes_of(const Result& result, std::size_t entries);

  const ConnectionSettings settings_;
  Lineage& lineage_;
  Wakeup wakeup_;
  std::unique_ptr<Connection> connection_;
  absl::Status away_;  // why there is no connection
  Clock::time_point connect_at_{};
  std::deque<UnderWay> under_way_;

  std::mutex mutex_;
  std::deque<Waiting> waiting_;
  std::thread thread_;
};

}  // namespace interlock::postgres
