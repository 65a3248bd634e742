// One backend of a key: runs of numbered events, each repeated until it is answered.
#pragma once

#include <string>

#include "tests/simulation/network.h"

namespace interlock::sim {

class Publisher {
 public:
  Publisher(Run& run, Network& network, std::string key, std::string name)
      : run_(run), network_(network), key_(std::move(key)), name_(std::move(name)) {}

  void act() {
    if (!outstanding_ && run_.calm) return;
    if (!outstanding_ || run_.time.now() > asked_ + 1'000'000) ask();
  }
  bool idle() const { return !outstanding_; }
  // Whoever acts now and then only may not have asked again by the end of a time of peace.
  void settle() {
    if (!outstanding_) return;
    act();
    run_.time.after(1'100'000, [this] { settle(); });
  }

 private:
  static constexpr std::uint64_t kEvents = 4;

  void ask() {
    outstanding_ = true;
    asked_ = run_.time.now();
    const char* type = number_ == 1         ? "agent_started"
                       : number_ == kEvents ? "agent_completed"
                                            : "tool_executing";
    Publish event{.type = type, .payload = R"({"n":1})", .run = run_name(), .number = number_};
    // The same each time that it is asked.
    if (run_number_ % 3 == 1 && number_ == 2) event.ttl_ms = 1'000 + run_number_ % 7 * 2'000;
    network_.call(network_.some_coordinator(), key_, Command{event},
                  [this, now = run_number_, number = number_](const Answer& answer,
                                                                        Revision) {
                    if (now == run_number_ && number == number_) answered(answer);
                  });
  }
  std::string run_name() const { return name_ + "-" + std::to_string(run_number_); }

  void answered(const Answer& answer) {
    const auto* refusal = std::get_if<Refusal>(&answer);
    outstanding_ = false;
    if (std::holds_alternative<Receipt>(answer)) {
      run_.count("event published");
      go_on_behind(number_);
    } else if (refusal != nullptr) {
      if (const auto* order = std::get_if<OutOfOrder>(refusal)) go_on_behind(order->last_number);
      if (const auto* known = std::get_if<AlreadyAccepted>(refusal)) {
        go_on_behind(known->last_number);
      }
      if (std::holds_alternative<UnknownRun>(*refusal)) go_on_behind(kEvents);
      // Whether the event was taken nobody said: it is asked again until somebody does.
      outstanding_ = std::holds_alternative<NotNow>(*refusal) ||
                     std::holds_alternative<StoreAway>(*refusal);
    }
  }
  void go_on_behind(std::uint64_t number) {
    number_ = number + 1;
    if (number_ > kEvents) ++run_number_, number_ = 1;
  }

  Run& run_;
  Network& network_;
  const std::string key_;
  const std::string name_;
  std::uint64_t run_number_ = 1;
  std::uint64_t number_ = 1;
  bool outstanding_ = false;
  Us asked_ = 0;
};

}  // namespace interlock::sim
