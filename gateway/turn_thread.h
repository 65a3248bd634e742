// Whoever posts does the work, as long as nobody else is doing it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "gateway/client_thread.h"

namespace interlock {

// What belongs to one client is used in a turn only, and one turn at a time is taken: the inputs
// that wait, and `step` behind them. Whoever posts while nobody has the turn takes it, since to
// wake another thread takes longer than most turns; what comes meanwhile is in the next one. When
// others keep posting, the client's own thread goes on with it, which also has the timers.
//
// It ends when it was released in a turn, and that turn is over with all it held.
class TurnThread {
 public:
  using Input = absl::AnyInvocable<void()>;

  explicit TurnThread(std::function<void()> step = {});
  TurnThread(const TurnThread&) = delete;
  TurnThread& operator=(const TurnThread&) = delete;

  // From any thread; the caller holds no lock that an input takes.
  void post(Input input);
  // Not in a turn of the caller's.
  void post_elsewhere(Input input);

  void release();                        // in a turn
  void join() { thread_.join(); }        // from another thread, and in no turn
  ClientLoop& loop() { return thread_.loop(); }  // whose handlers are in no turn, and post

 private:
  struct Turns {
    std::mutex mutex;
    std::vector<Input> waiting;
    bool taken = false;
    bool released = false;
  };
  void take_turn(std::unique_lock<std::mutex> given);  // of `turns_`; it is `taken`
  void take_turn_elsewhere();

  std::function<void()> step_;
  // Kept by who has the turn, since others may end this as soon as it is over.
  std::shared_ptr<Turns> turns_ = std::make_shared<Turns>();
  ClientThread thread_;
};

}  // namespace interlock
