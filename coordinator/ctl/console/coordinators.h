// The coordinators that the console asks, as the operator who started it.
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "coordinator/ctl/admin_client.h"

namespace interlock {

// Any number of threads may ask at the same time.
class Coordinators {
 public:
  // One client for each that the settings name. Once `stop` is asked for, calls end early.
  static absl::StatusOr<Coordinators> make(const ToolSettings& settings,
                                           const std::stop_token& stop);
  Coordinators(Coordinators&& other) noexcept;

  // As host:port, in the order of the settings.
  const std::vector<std::string>& addresses() const { return addresses_; }
  AdminClient& client(std::size_t number) { return clients_[number]; }

  // The one that answered last; where changes go, since whoever asks for a change decides about
  // trying again.
  std::size_t preferred() const { return preferred_; }
  // From now on, if `number` is still the preferred one.
  void prefer_another_than(std::size_t number);

  // For what only looks: asks the preferred one, and each other one while the one before is not
  // available.
  Outcome read(std::invocable<AdminClient&> auto&& ask) {
    Outcome outcome;
    for (std::size_t tries = 0; tries < clients_.size(); ++tries) {
      const std::size_t number = preferred_;
      outcome = ask(clients_[number]);
      if (!outcome || outcome->code != ExitCode::kUnavailable) return outcome;
      prefer_another_than(number);
    }
    return outcome;
  }

 private:
  Coordinators() = default;

  std::vector<AdminClient> clients_;
  std::vector<std::string> addresses_;
  std::atomic<std::size_t> preferred_ = 0;
};

}  // namespace interlock
