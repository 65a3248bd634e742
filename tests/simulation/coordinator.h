// One coordinator: the real engine over a client of the one store, behind the real translation of
// messages. What engine_thread and attach_stream do with threads and gRPC is done here in virtual
// time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/service/attach_messages.h"
#include "coordinator/store/memory_store.h"
#include "tests/simulation/answers.h"
#include "tests/simulation/process.h"

namespace interlock::sim {

using LinkId = std::uint64_t;  // one Attach stream; never used again

class Coordinator final : public Process {
 public:
  using Heard = std::function<void(const Answer&, Revision)>;
  // The way back to gateways.
  struct Out {
    std::function<void(LinkId, const v1::AttachResponse&)> say;
    std::function<void(LinkId)> finish;
  };
  Coordinator(Run& run, std::size_t number, std::shared_ptr<MemoryWorld> world, const Truth& truth,
              const Leases& leases, Answers& answers, Out out);

  void start();
  void crash();
  void drain();  // tells its gateways to go elsewhere; the crash follows
  void set_away(Away away);
  Away away() const { return away_; }
  void lose_feed() { if (store_) store_->lose_feed("simulated"); }
  // Something has changed in the world's time: look at the clock.
  void look();

  // ---- from the network; all through reach() ----
  void receive(LinkId link, const v1::AttachRequest& request);
  void stream_ended(LinkId link);
  void ask(const std::string& key, Command command, Heard heard);

  const Engine& engine() const { return *engine_; }
  std::size_t number() const { return number_; }

 private:
  struct Link {
    AttachReader reader;
    StreamId stream = 0;
    v1::AttachResponse urgent;
    bool says = false;
    std::vector<v1::Delivery> deliveries;
  };
  struct Waits {
    LinkId link = 0;
    Addressee to;
    Heard heard;
  };
  struct Carry;

  MemoryFaults memory_faults();
  Fate fate();
  EngineLimits engine_limits() const;
  void give(Input input);
  void give_command(const std::string& key, Command command, Waits waits);
  void step();
  void say_all();
  void wait();
  void check_commit(const Batch& batch);
  void check_stamp(const Entry& entry, Tick stamp);

  const std::size_t number_;
  const std::shared_ptr<MemoryWorld> world_;
  const Truth& truth_;
  const Leases& leases_;
  Answers& answers_;
  const Out out_;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<Engine> engine_;
  Away away_ = Away::kNo;
  std::vector<Input> inbox_;
  bool step_due_ = false;
  Us wake_at_ = 0;  // 0: not scheduled
  Ticket last_id_ = 0;
  std::map<LinkId, Link> links_;
  std::map<StreamId, LinkId> link_of_;
  std::unordered_map<Ticket, Waits> waits_;
};

}  // namespace interlock::sim
