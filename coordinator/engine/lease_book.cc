#include "coordinator/engine/lease_book.h"

#include <algorithm>
#include <utility>

#include "coordinator/engine/record_codec.h"

namespace interlock {

const Lease* LeaseBook::find(std::string_view gateway) const {
  const auto found = entries_.find(gateway);
  return found == entries_.end() || !found->second.lease ? nullptr : &*found->second.lease;
}

LeaseFate LeaseBook::fate(std::string_view gateway) const {
  const Lease* lease = find(gateway);
  if (lease == nullptr) return LeaseFate::kUnknown;
  return lease->expired ? LeaseFate::kExpired : LeaseFate::kAlive;
}

void LeaseBook::observe(std::string_view gateway, std::optional<Lease> lease) {
  const std::string name(gateway);
  Entry& entry = entry_of(name);
  const auto count = [this](const std::optional<Lease>& one, std::size_t by) {
    if (!one) return;
    known_ += by;
    if (!one->expired) alive_ += by;
  };
  count(entry.lease, static_cast<std::size_t>(-1));
  entry.lease = std::move(lease);
  count(entry.lease, 1);
  entry.expire = entry.forget = false;  // what was due may not be any more
  settle(name, entry);
}

void LeaseBook::begin(const std::string& gateway, std::string address,
                      std::int64_t now_unix_ms) {
  Entry& entry = entry_of(gateway);
  entry.begin = true;
  if (!address.empty()) entry.address = std::move(address);
  entry.first_seen_unix_ms = now_unix_ms;
  settle(gateway, entry);
}

void LeaseBook::heartbeat(const std::string& gateway, WaitingHeartbeat heartbeat,
                          std::string load) {
  Entry& entry = entry_of(gateway);
  if (!load.empty()) entry.load = std::move(load);
  if (!entry.waiting.empty() && entry.waiting.back().stream == heartbeat.stream) {
    entry.waiting.back() = heartbeat;
  } else {
    entry.waiting.push_back(heartbeat);
  }
  settle(gateway, entry);
}

void LeaseBook::spoke(std::string_view gateway, Tick tick) {
  const auto found = entries_.find(gateway);
  if (found == entries_.end() || !found->second.lease || found->second.lease->expired) return;
  if (tick <= found->second.lease->renewed_tick + limits_.ttl_ticks / 3) return;
  found->second.renew = true;
  settle(found->first, found->second);
}

void LeaseBook::drain(const std::string& gateway, std::uint32_t per_s) {
  Entry& entry = entry_of(gateway);
  entry.drain_per_s = per_s;
  settle(gateway, entry);
}

std::vector<std::string> LeaseBook::gateways() const {
  std::vector<std::string> names;
  for (const auto& [gateway, entry] : entries_) {
    if (entry.lease) names.push_back(gateway);
  }
  return names;
}

Tick LeaseBook::oldest_age(Tick tick) const {
  Tick oldest = 0;
  for (const auto& [gateway, entry] : entries_) {
    if (!entry.lease || entry.lease->expired) continue;
    oldest = std::max(oldest, tick - std::min(entry.lease->renewed_tick, tick));
  }
  return oldest;
}

void LeaseBook::look_for_overdue(Tick tick) {
  for (auto& [gateway, entry] : entries_) {
    if (!entry.lease) continue;
    entry.expire = is_overdue(*entry.lease, tick, limits_);
    entry.forget = is_forgettable(*entry.lease, tick, limits_);
    if (entry.expire || entry.forget) settle(gateway, entry);
  }
}

std::vector<std::string> LeaseBook::ready(std::size_t max) const {
  std::vector<std::string> names;
  for (const std::string& gateway : ready_) {
    if (names.size() == max) break;
    names.push_back(gateway);
  }
  return names;
}

// A gateway that speaks is not to be expired.
LeaseAct LeaseBook::next_act(const Entry& entry) {
  if (entry.begin) return LeaseAct::kBegin;
  if (entry.renew || !entry.waiting.empty()) return LeaseAct::kRenew;
  if (entry.drain_per_s > 0) return LeaseAct::kDrain;
  return entry.expire ? LeaseAct::kExpire : LeaseAct::kForget;
}

LeaseBook::Plan LeaseBook::plan(const std::string& gateway, Revision expected, Tick tick,
                                bool single_writer) {
  Entry& entry = entry_of(gateway);
  entry.act = next_act(entry);
  LeaseDecision decision = decide_lease(entry.lease, entry.act, tick, limits_);
  Plan plan{.fate = decision.fate};
  entry.under_way = true;
  entry.planned = decision.fate;
  entry.deciding = std::exchange(entry.waiting, {});
  entry.draining_under_way = entry.drain_per_s > 0 && decision.fate == LeaseFate::kAlive;
  if (entry.draining_under_way) {
    if (!decision.lease) decision.lease = entry.lease;
    decision.lease->draining_per_s = entry.drain_per_s;
  }
  // Over a revision in doubt something is written, never only compared.
  const bool doubtful = entry.doubt == expected;
  if (doubtful && !decision.lease && !decision.remove) decision.lease = entry.lease;
  if (decision.lease) {
    if (!entry.lease) {
      decision.lease->address = entry.address;
      decision.lease->first_seen_unix_ms = entry.first_seen_unix_ms;
    }
    if (!entry.load.empty() && !decision.lease->expired) decision.lease->load = entry.load;
    plan.write = Write::kPut;
    plan.record = encode(*decision.lease);
  } else if (decision.remove) {
    plan.write = Write::kDelete;
  } else {
    // A tombstone only ever goes away; whoever has one writer knows what stands.
    plan.settled = single_writer || decision.fate == LeaseFate::kExpired;
  }
  settle(gateway, entry);
  return plan;
}

LeaseBook::Result LeaseBook::held(const std::string& gateway) {
  Entry& entry = entry_of(gateway);
  Result result{entry.planned, std::exchange(entry.deciding, {})};
  // Where there is no lease any more there is nothing to drain.
  const bool drained = entry.draining_under_way || entry.planned != LeaseFate::kAlive;
  result.drained = drained && std::exchange(entry.drain_per_s, 0) > 0;
  entry.draining_under_way = false;
  entry.under_way = false;
  entry.doubt.reset();
  if (entry.act == LeaseAct::kBegin) entry.begin = false;
  entry.renew = entry.expire = entry.forget = false;
  settle(gateway, entry);
  return result;
}

void LeaseBook::again(const std::string& gateway, std::optional<Revision> doubt) {
  Entry& entry = entry_of(gateway);
  entry.under_way = false;
  if (doubt) entry.doubt = doubt;
  entry.waiting.insert(entry.waiting.begin(), entry.deciding.begin(), entry.deciding.end());
  entry.deciding.clear();
  settle(gateway, entry);
}

void LeaseBook::failed(const std::string& gateway) {
  Entry& entry = entry_of(gateway);
  entry.under_way = entry.begin = entry.renew = entry.expire = entry.forget = false;
  entry.drain_per_s = 0;
  entry.deciding.clear();
  settle(gateway, entry);
}

// Nothing is kept for a gateway that has no lease and of which nothing is wanted.
void LeaseBook::settle(const std::string& gateway, Entry& entry) {
  if (!entry.under_way && entry.wanted()) {
    ready_.insert(gateway);
    return;
  }
  ready_.erase(gateway);
  if (!entry.under_way && !entry.lease) entries_.erase(gateway);
}

}  // namespace interlock
