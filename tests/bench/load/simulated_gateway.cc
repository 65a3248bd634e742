#include "tests/bench/load/simulated_gateway.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "common/identity.h"
#include "tests/bench/load/cut_sockets.h"

namespace interlock::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(60);
constexpr auto kLook = std::chrono::milliseconds(2);  // how often at what nobody announces

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch())
      .count();
}

GrpcCoordinatorSettings client_settings(const SimulatedGatewaySettings& settings) {
  GrpcCoordinatorSettings client;
  client.targets = {fmt::format("127.0.0.1:{}", settings.coordinator_port)};
  client.token = settings.token;
  client.attachment.gateway_id = make_identity();
  client.attachment.address = settings.name;
  return client;
}

}  // namespace

SimulatedGateway::SimulatedGateway(const SimulatedGatewaySettings& settings)
    : settings_(settings), client_(client_settings(settings)) {}

SimulatedGateway::~SimulatedGateway() { stop_steady(); }

template <class Condition>
bool SimulatedGateway::wait(Condition condition) {
  const auto deadline = Clock::now() + kPatience;
  std::unique_lock lock(mutex_);
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    changed_.wait_for(lock, kLook);
  }
  return true;
}

bool SimulatedGateway::wait_attached() {
  return wait([this] { return client_.counters().is_attached.load(); });
}

bool SimulatedGateway::claim(std::uint64_t count, std::uint64_t outstanding_max) {
  for (std::uint64_t i = 0; i < count; ++i) {
    {
      std::unique_lock lock(mutex_);
      const auto room = [&] {
        return asked_ - tally_.granted - tally_.refused < outstanding_max;
      };
      if (!changed_.wait_for(lock, kPatience, room)) return false;
    }
    ask(now_us(), false);
  }
  return wait([this] { return tally_.granted + tally_.refused == asked_; });
}

bool SimulatedGateway::reattach() {
  const std::uint64_t before = client_.counters().attached;
  if (cut_sockets_to(settings_.coordinator_port) == 0) return false;
  return wait([&] {
    return client_.counters().attached > before && client_.counters().is_attached.load();
  });
}

void SimulatedGateway::start_steady(double claims_per_s) {
  stop_steady();
  stopping_ = false;
  samples_.clear();
  steady_ = std::thread([this, claims_per_s] { steady(claims_per_s); });
}

std::optional<std::vector<Sample>> SimulatedGateway::stop_steady() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (steady_.joinable()) steady_.join();
  if (!wait([this] { return tally_.granted + tally_.refused == asked_; })) return std::nullopt;
  const std::lock_guard lock(mutex_);
  return std::exchange(samples_, {});
}

void SimulatedGateway::steady(double claims_per_s) {
  const auto began = Clock::now();
  for (std::uint64_t number = 0;; ++number) {
    const auto intended = began + std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(number / claims_per_s));
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_until(lock, intended, [this] { return stopping_; })) return;
    }
    const auto since = intended.time_since_epoch();
    ask(std::chrono::duration_cast<std::chrono::microseconds>(since).count(), true);
  }
}

Tally SimulatedGateway::tally() const {
  const std::lock_guard lock(mutex_);
  return tally_;
}

void SimulatedGateway::ask(std::int64_t intended_us, bool sampled) {
  std::uint64_t connection = 0;
  {
    const std::lock_guard lock(mutex_);
    connection = ++asked_;
  }
  v1::ClaimRequest request;
  request.set_subject(fmt::format("user.{}.{:08}", settings_.name, connection));
  request.set_key(request.subject() + ":one-session");
  request.set_claim_id(fmt::format("{:016x}", connection));
  request.set_through(v1::PROCESSING_READY);
  client_.claim(connection, std::move(request),
                [this, intended_us, sampled](const ConnectionNotice& notice) {
                  noticed(intended_us, sampled, notice);
                });
}

void SimulatedGateway::noticed(std::int64_t intended_us, bool sampled,
                               const ConnectionNotice& notice) {
  const std::int64_t at_us = now_us();
  const auto* answer = std::get_if<v1::ClaimAnswer>(&notice.what);
  {
    const std::lock_guard lock(mutex_);
    if (answer != nullptr) {
      ++(answer->has_granted() ? tally_.granted : tally_.refused);
      if (sampled) samples_.push_back({intended_us, at_us - intended_us});
    } else if (std::holds_alternative<v1::Superseded>(notice.what) ||
               std::holds_alternative<v1::Released>(notice.what)) {
      ++tally_.lost;
    }
  }
  changed_.notify_all();
}

}  // namespace interlock::bench
