// Asks an engine whatever gateways and backends ask, and notes each question and each answer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "coordinator/engine/engine_thread.h"
#include "tests/crash/black_box.h"

namespace interlock {

// Several keys at a time, one question at a time for each. It knows nothing of earlier lives of
// the coordinator but what the engine tells it. The engine must have stopped before it goes.
class Asker {
 public:
  // `life` makes the names of its gateways and claims its own.
  Asker(EngineThread& engine, BlackBox& box, std::uint64_t life);

  // Asks until so many answers have come.
  void work(std::uint64_t answers);

 private:
  // What the asker believes of a key.
  struct Connection {
    bool known = false;  // else it looks first
    bool exists = false;
    State state = State::kClosed;
    Generation generation = 0;
    std::string owner;
    std::uint64_t last_op = 0;
    Sequence last_sequence = 0;
    std::string run;
    std::uint64_t run_number = 0;  // of its last event; 0: it is not open
    bool asking = false;
  };
  struct Given {
    std::string key;
    Command command;
    Answer answer;
  };

  void ask(const std::string& key, Command command);
  void note_answer(const std::string& number, const Answer& answer, Revision revision);
  Command next_command(const std::string& key, Connection& connection);
  Claim claim();
  Publish publish(Connection& connection);
  Operate operate(const Connection& connection);
  void learn(const Given& given);
  std::string name(const char* kind) { return kind + life_ + "-" + std::to_string(++names_); }

  EngineThread& engine_;
  BlackBox& box_;
  const std::string life_;
  std::mt19937_64 random_;
  std::uint64_t names_ = 0;
  std::uint64_t questions_ = 0;
  std::map<std::string, Connection> connections_;
  std::mutex mutex_;
  std::condition_variable come_;
  std::deque<Given> given_;
};

}  // namespace interlock
