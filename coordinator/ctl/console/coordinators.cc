#include "coordinator/ctl/console/coordinators.h"

#include <utility>

namespace interlock {

absl::StatusOr<Coordinators> Coordinators::make(const ToolSettings& settings,
                                                const std::stop_token& stop) {
  Coordinators made;
  std::vector<ServiceTarget> named = {settings.coordinator};
  named.insert(named.end(), settings.others.begin(), settings.others.end());
  for (const ServiceTarget& coordinator : named) {
    ToolSettings one = settings;
    one.coordinator = coordinator;
    one.others.clear();  // each has a client of its own
    auto client = AdminClient::make(one, stop);
    if (!client.ok()) return client.status();
    made.clients_.push_back(*std::move(client));
    made.addresses_.push_back(to_string(coordinator));
  }
  return made;
}

Coordinators::Coordinators(Coordinators&& other) noexcept
    : clients_(std::move(other.clients_)),
      addresses_(std::move(other.addresses_)),
      preferred_(other.preferred_.load()) {}

void Coordinators::prefer_another_than(std::size_t number) {
  preferred_.compare_exchange_strong(number, (number + 1) % clients_.size());
}

}  // namespace interlock
