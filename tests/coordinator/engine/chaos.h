// Gateways and publishers that do whatever they may, over coordinators and a store that fail in
// every way they can; one seed reproduces a run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/coordinator/engine/answer_check.h"
#include "tests/coordinator/engine/engine_world.h"
#include "tests/coordinator/engine/ledger.h"

namespace interlock {

class Chaos;

// One gateway: a stream to some coordinator, and what it holds there.
class ChaosGateway {
 public:
  ChaosGateway(Chaos& chaos, std::string id) : chaos_(chaos), id_(std::move(id)) {}

  const std::string& id() const { return id_; }
  StreamId stream() const { return stream_; }
  std::size_t coordinator() const { return coordinator_; }
  void claim_something();
  void do_something();  // with a connection that it holds
  void repeat();        // what was put off, or lost with an earlier stream
  void attach();        // somewhere, anew
  void cut();
  void hear(const Notice& notice);
  // What it believes must be so, and it must have all events: after everything has healed.
  void check(std::vector<std::string>& wrong) const;
  bool holds(const std::string& key, Generation generation) const;
  bool idle() const;  // nothing that it asked is unanswered

 private:
  struct Session {
    std::string key;
    Claim claim;
    Generation generation = 0;   // 0: not granted yet
    State state = State::kConnecting;
    std::uint64_t last_op = 0;
    std::deque<Operation> unanswered;
    Sequence next = 1;           // the event that it expects
    Sequence acknowledged = 0;
    bool wanted = true;          // false: it is being let go
    bool asked = false;          // on this stream, and not answered yet
  };
  void ask_claim(Session& session);
  void ask_operations(Session& session);
  void operate(Session& session, Operation operation);
  void let_go(Session& session, Operation::Kind kind, Reason reason);
  void claim_answered(const std::string& claim_id, const Answer& answer);
  void operations_answered(const std::string& claim_id, const Answer& answer);
  void take(const ListAnswered& listed);
  void take(const EventsDelivered& delivered);
  Session* find(const std::string& claim_id);
  Session* find(const std::string& key, Generation generation);
  void drop(const std::string& claim_id);

  Chaos& chaos_;
  const std::string id_;
  std::size_t coordinator_ = 0;
  StreamId stream_ = 0;  // 0: not attached
  bool listed_ = false;
  std::vector<Session> sessions_;
};

// One backend of a key: runs of numbered events, each repeated until it is answered.
class ChaosPublisher {
 public:
  ChaosPublisher(Chaos& chaos, std::string key, std::string name)
      : chaos_(chaos), key_(std::move(key)), name_(std::move(name)) {}
  void act();
  bool idle() const { return !outstanding_; }

 private:
  void ask();
  void answered(std::uint64_t number, const std::string& run, const Answer& answer);

  Chaos& chaos_;
  const std::string key_;
  const std::string name_;
  std::uint64_t run_ = 1;
  std::uint64_t number_ = 1;
  bool outstanding_ = false;
  std::uint64_t asked_ms_ = 0;
};

class Chaos {
 public:
  struct Setup {
    std::uint64_t seed = 1;
    std::size_t coordinators = 2;
    std::uint64_t for_ms = 1'200;
    std::size_t commands_per_write = 1'024;
    bool keep_trace = false;
  };
  explicit Chaos(Setup setup);

  void run();  // the whole story, and its end in peace

  bool chance(std::uint64_t in) { return world->below(in) == 0; }
  std::size_t some_coordinator();
  std::string some_key() { return keys_[world->below(keys_.size())]; }
  std::string fresh_id() { return "id" + std::to_string(++last_id_); }
  // The client of a key has said so much: nothing above it may ever be trimmed.
  void said(const std::string& key, Generation since, Sequence sequence);

  std::unique_ptr<EngineWorld> world;
  std::unique_ptr<Ledger> ledger;
  std::unique_ptr<AnswerCheck> check;
  std::map<std::string, std::uint64_t> faults;   // how often each happened
  std::map<std::string, std::uint64_t> notices;  // of each kind, how many
  std::vector<std::string> wrong;

 private:
  void one_ms();
  void disturb();
  void crash(std::size_t coordinator);
  void heal();
  void verify();
  void verify_replicas();
  void verify_acknowledgements();
  Fate fate(const Entry& entry);
  MemoryFaults memory_faults();

  const Setup setup_;
  bool calm_ = false;
  std::uint64_t last_id_ = 0;
  std::vector<std::string> keys_;
  std::vector<std::unique_ptr<ChaosGateway>> gateways_;
  std::vector<std::unique_ptr<ChaosPublisher>> publishers_;
  std::vector<std::uint64_t> down_until_ms_;
  std::vector<std::uint64_t> away_until_ms_;
  std::map<std::pair<std::string, Generation>, Sequence> said_;
};

}  // namespace interlock
