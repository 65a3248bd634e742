#include "tests/simulation/leases.h"

#include "coordinator/engine/record_codec.h"
#include "google/protobuf/unknown_field_set.h"
#include "interlock/v1/connection.pb.h"

namespace interlock::sim {
namespace {

// The fastest clock there is shows a second after half of one.
constexpr Us kTickAtLeast = 490'000;

}  // namespace

void Leases::take(const Entry& entry) {
  if (entry.key == kTickKey) return take_tick(entry);
  if (entry.key.starts_with(kGatewayPrefix)) take_lease(entry);
}

// One at a time, and never sooner than a coordinator could have seen the one before for a second:
// whatever time an outage took is not made up for.
void Leases::take_tick(const Entry& entry) {
  v1::TickRecord record;
  if (entry.write != Write::kPut || !record.ParseFromString(entry.record)) {
    return run_.wrong("the tick is written as something else");
  }
  if (tick_ != 0 && record.tick() != tick_ + 1) {
    run_.wrong("the tick goes from {} to {}", tick_, record.tick());
  }
  if (tick_ != 0 && run_.time.now() < ticked_ + kTickAtLeast) {
    run_.wrong("tick {} comes {} us after the one before", record.tick(),
               run_.time.now() - ticked_);
  }
  tick_ = record.tick();
  ticked_ = run_.time.now();
}

// An id that has expired never comes back.
void Leases::take_lease(const Entry& entry) {
  const std::string gateway = entry.key.substr(kGatewayPrefix.size());
  if (entry.write == Write::kDelete) {
    if (lives(gateway)) run_.wrong("the living lease of {} is deleted", gateway);
    known_.erase(gateway);
    return;
  }
  v1::GatewayRecord record;
  if (!record.ParseFromString(entry.record)) return run_.wrong("the lease of {} is none", gateway);
  const bool known = known_.contains(gateway);
  Lease& lease = known_[gateway];
  run_.line("lease {} renewed at tick {}{}", gateway.substr(0, 4), record.renewed_tick(),
            record.expired() ? ", expired" : "");
  if (lease.expired && !record.expired()) run_.wrong("{} was expired and lives again", gateway);
  if (known && record.renewed_tick() < lease.renewed_tick) {
    run_.wrong("the lease of {} goes back", gateway);
  }
  if (known && record.expired() && !lease.expired &&
      tick_ <= lease.renewed_tick + run_.swarm.lease_ttl_ticks) {
    run_.wrong("{} is expired at tick {}, renewed at {}", gateway, tick_, lease.renewed_tick);
  }
  if (record.expired() && !lease.expired) run_.count("lease expired");
  std::string unknown;
  record.GetReflection()->GetUnknownFields(record).SerializeToString(&unknown);
  if (!unknown.starts_with(lease.unknown)) {
    run_.wrong("fields of a newer build are lost from the lease of {}", gateway);
  }
  lease = {record.renewed_tick(), record.expired(), std::move(unknown)};
}

}  // namespace interlock::sim
