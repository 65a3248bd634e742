// The backend, which fences by generation as the design asks of it: the highest one seen in any
// call counts.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "interlock/v1/backend.pb.h"
#include "tests/simulation/gateway_driver.h"
#include "tests/simulation/run.h"
#include "tests/simulation/truth.h"

namespace interlock::sim {

class Backend {
 public:
  using Answer = std::function<void(BackendSays)>;
  Backend(Run& run, const Truth& truth) : run_(run), truth_(truth) {}

  void open(const v1::OpenRequest& request, Answer answer) {
    carry([this, request] {
      if (truth_.generation(request.key(), request.generation()) == nullptr) {
        run_.wrong("{}: the backend is opened for {}, which was never granted", request.key(),
                   request.generation());
      }
      return fence(request.key(), request.generation());
    }, std::move(answer));
  }

  void receive(const v1::ReceiveRequest& request, Answer answer) {
    if (!truth_.operational(request.key(), request.generation())) {
      run_.wrong("{}: a message is processed before {} is operational", request.key(),
                 request.generation());
    }
    carry([this, request] {
      const BackendSays says = fence(request.key(), request.generation());
      if (says == BackendSays::kOk) run_.count("message taken");
      return says;
    }, std::move(answer));
  }

  // Of a machine that has ended, and of no other: not of a takeover, nor of a lost socket.
  void closed(const v1::ClosedToDeliver& closed, Answer answer) {
    const RecordPtr record = truth_.present(closed.key());
    if (record && record->generation == closed.generation() && !is_final(record->state)) {
      run_.wrong("{}: the backend is told of the end of {}, which goes on", closed.key(),
                 closed.generation());
    }
    carry([this] {
      if (down_) return BackendSays::kUnavailable;
      run_.count("end told");
      return BackendSays::kOk;
    }, std::move(answer));
  }

  void go_down() {
    down_ = true;
    run_.faults.add(Fault::kBackendDown);
    run_.line("the backend is down");
    run_.time.after(run_.dice.spread(200'000, 10'000'000), [this] { down_ = false; });
  }
  void heal() { down_ = false; }

 private:
  BackendSays fence(const std::string& key, std::uint64_t generation) {
    if (down_) return BackendSays::kUnavailable;
    std::uint64_t& highest = highest_[key];
    if (generation < highest) return BackendSays::kRefused;
    highest = generation;
    return BackendSays::kOk;
  }
  Us delay() {
    return run_.happens(Fault::kBackendSlow) ? run_.dice.spread(10'000, 3'000'000)
                                             : 100 + run_.dice.below(3'000);
  }
  // Unanswered calls end by their deadline.
  void carry(std::function<BackendSays()> arrive, Answer answer) {
    run_.time.after(delay(), [this, arrive = std::move(arrive), answer = std::move(answer)] {
      const BackendSays says = arrive();
      const bool lost = run_.happens(Fault::kBackendAnswerLost);
      run_.time.after(lost ? 2'000'000 : delay(), [answer, says, lost] {
        answer(lost ? BackendSays::kUnavailable : says);
      });
    });
  }

  Run& run_;
  const Truth& truth_;
  bool down_ = false;
  std::map<std::string, std::uint64_t> highest_;
};

}  // namespace interlock::sim
