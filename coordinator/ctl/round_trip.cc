#include "coordinator/ctl/round_trip.h"

#include <fmt/format.h>

#include <utility>
#include <variant>

#include "coordinator/ctl/names.h"
#include "coordinator/ctl/round_trip_client.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr const char* event_type = "interlockctl_test";
constexpr std::size_t owner_digits = 8;

// What was seen, or what is wrong.
using Seen = std::variant<std::string, Failure>;

class RoundTrip {
 public:
  RoundTrip(const RoundTripPlan& plan, RoundTripWorld& world)
      : plan_(plan), world_(world), client_(world, plan.session, plan.patience_ms) {}

  Outcome run(const std::function<void(const RoundTripStep&)>& told) {
    using Step = Seen (RoundTrip::*)();
    constexpr Step steps[] = {&RoundTrip::ask_coordinator,
                              &RoundTrip::connect,
                              &RoundTrip::know,
                              &RoundTrip::publish_some,
                              &RoundTrip::deliver,
                              &RoundTrip::drop,
                              &RoundTrip::resume,
                              &RoundTrip::replay,
                              &RoundTrip::live,
                              &RoundTrip::close};
    for (std::size_t i = 0; i < std::size(steps); ++i) {
      const std::int64_t began_ms = world_.now_ms();
      Seen seen = (this->*steps[i])();
      RoundTripStep step{.name = round_trip_steps[i],
                         .ok = std::holds_alternative<std::string>(seen),
                         .ms = world_.now_ms() - began_ms,
                         .text = ""};
      if (step.ok) {
        step.text = std::get<std::string>(seen);
        told(step);
        continue;
      }
      Failure failure = std::get<Failure>(std::move(seen));
      failure.sentence += explanation();
      step.text = failure.sentence;
      told(step);
      if (client_.open()) client_.close();
      return failure;
    }
    return std::nullopt;
  }

 private:
  Seen ask_coordinator() {
    v1::StatsResponse stats;
    if (Outcome outcome = world_.stats(stats)) return *std::move(outcome);
    if (stats.store_away()) {
      return Failure{
          ExitCode::kUnavailable,
          fmt::format("The coordinator at {} cannot reach its store.", world_.coordinator())};
    }
    if (stats.gateways() == 0) {
      return Failure{ExitCode::kFailed,
                     fmt::format("The coordinator at {} knows of no gateway: does the gateway's "
                                 "--coordinator name one of the same store?",
                                 world_.coordinator())};
    }
    return fmt::format("{} answers, version {}, with {} gateways", world_.coordinator(),
                       stats.version(), stats.gateways());
  }

  Seen connect() {
    if (Outcome outcome = client_.connect(plan_.first_url)) return *std::move(outcome);
    return fmt::format("{} says ready for {}, {}", plan_.first_url, escape_control(client_.key()),
                       escape_control(client_.state()));
  }

  // The gateway's coordinator may not be the tool's.
  Seen know() {
    v1::Connection connection;
    if (Outcome outcome = world_.get_latest(client_.key(), connection)) {
      if (outcome->code != ExitCode::kNotFound) return *std::move(outcome);
      return Failure{ExitCode::kFailed,
                     fmt::format("The gateway has said hello for {}, which the coordinator at {} "
                                 "does not know: the gateway asks a coordinator of another store. "
                                 "Give that one with --coordinator=HOST:PORT.",
                                 escape_control(client_.key()), world_.coordinator())};
    }
    if (connection.generation() != client_.generation()) {
      return Failure{
          ExitCode::kFailed,
          fmt::format("The gateway acts for generation {} and the coordinator at {} "
                      "knows generation {}: they work over different stores, or somebody "
                      "else uses this session.",
                      client_.generation(), world_.coordinator(), connection.generation())};
    }
    return fmt::format("the coordinator shows {}, held by gateway {}",
                       human_name(connection.state()),
                       escape_control(connection.owner().substr(0, owner_digits)));
  }

  Seen publish_some() {
    if (Outcome outcome = publish(plan_.events)) return *std::move(outcome);
    const std::uint64_t sequence = receipt_.sequence();
    v1::Receipt again;
    if (Outcome outcome = world_.publish(request_, again)) return *std::move(outcome);
    if (!again.repeated() || again.sequence() != sequence) {
      return Failure{ExitCode::kFailed,
                     fmt::format("A publish that was repeated with its idempotency key became "
                                 "event {} beside {}.",
                                 again.sequence(), sequence)};
    }
    return fmt::format("{} events are accepted, up to sequence {}; one said twice is one",
                       plan_.events, sequence);
  }

  Seen deliver() {
    if (Outcome outcome = client_.wait_for(receipt_.sequence())) return *std::move(outcome);
    client_.acknowledge();
    return fmt::format("{} of {} came, in order", plan_.events, plan_.events);
  }

  Seen drop() {
    client_.cut();
    if (Outcome outcome = publish(plan_.events)) return *std::move(outcome);
    return fmt::format("the socket was cut; {} more events are accepted meanwhile", plan_.events);
  }

  Seen resume() {
    if (Outcome outcome = client_.connect(plan_.second_url)) return *std::move(outcome);
    return fmt::format("{} goes on where the client was, as generation {}", plan_.second_url,
                       client_.generation());
  }

  Seen replay() {
    if (Outcome outcome = client_.wait_for(receipt_.sequence())) return *std::move(outcome);
    return fmt::format("{} of {} came, in order, none twice", plan_.events, plan_.events);
  }

  Seen live() {
    if (Outcome outcome = publish(1)) return *std::move(outcome);
    if (Outcome outcome = client_.wait_for(receipt_.sequence())) return *std::move(outcome);
    return "an event that is published now comes at once";
  }

  Seen close() {
    client_.acknowledge();
    if (Outcome outcome = client_.close()) return *std::move(outcome);
    const std::int64_t deadline_ms = world_.now_ms() + plan_.patience_ms;
    v1::Connection connection;
    for (;;) {
      if (Outcome outcome = world_.get_latest(client_.key(), connection)) {
        return *std::move(outcome);
      }
      if (connection.state() == v1::CLOSED) break;
      if (world_.now_ms() >= deadline_ms) {
        return Failure{ExitCode::kFailed,
                       fmt::format("Both sides said 1000, and the coordinator still shows {}.",
                                   human_name(connection.state()))};
      }
      world_.pause();
    }
    if (connection.acknowledged() < client_.last()) {
      return Failure{
          ExitCode::kFailed,
          fmt::format("The client acknowledged event {} and the coordinator has noted {}.",
                      client_.last(), connection.acknowledged())};
    }
    return fmt::format("both sides said 1000; the coordinator shows CLOSED, all {} acknowledged",
                       client_.last());
  }

  // receipt_ is that of the last one.
  Outcome publish(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      request_.set_key(client_.key());
      request_.set_type(event_type);
      request_.set_payload(fmt::format("{{\"number\":{}}}", ++number_));
      request_.set_idempotency_key(fmt::format("{}-{}", client_.generation(), number_));
      if (Outcome outcome = world_.publish(request_, receipt_)) {
        outcome->sentence =
            fmt::format("Event {} was not accepted. {}", number_, outcome->sentence);
        return outcome;
      }
    }
    return std::nullopt;
  }

  // What the coordinator makes of it, behind what was noticed here.
  std::string explanation() {
    v1::ExplainResponse answer;
    if (client_.key().empty() || world_.explain(client_.key(), answer)) return "";
    if (answer.findings().empty()) return "";
    return " The coordinator says: " + escape_control(answer.findings(0).text());
  }

  const RoundTripPlan& plan_;
  RoundTripWorld& world_;
  RoundTripClient client_;
  v1::PublishRequest request_;
  v1::Receipt receipt_;
  std::uint64_t number_ = 0;  // of the events published so far
};

}  // namespace

Outcome run_round_trip(const RoundTripPlan& plan, RoundTripWorld& world,
                       const std::function<void(const RoundTripStep&)>& told) {
  return RoundTrip(plan, world).run(told);
}

}  // namespace interlock
