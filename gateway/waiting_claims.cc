#include "gateway/waiting_claims.h"

#include <cassert>
#include <utility>

namespace interlock {
namespace {

std::string name_of(const std::string& key, const std::string& claim_id) {
  std::string name = key;
  name.push_back('\0');  // in no key
  name += claim_id;
  return name;
}

}  // namespace

void WaitingClaims::add(std::uint64_t connection, v1::ClaimRequest request) {
  assert(!by_connection_.contains(connection));
  const Order order = next_order_++;
  by_name_[name_of(request.key(), request.claim_id())] = order;
  by_connection_[connection] = order;
  waiting_[order] = Waiting{connection, std::move(request), false};
}

void WaitingClaims::abandon(std::uint64_t connection) {
  const auto named = by_connection_.find(connection);
  if (named == by_connection_.end()) return;
  const auto found = waiting_.find(named->second);
  by_connection_.erase(named);
  const v1::ClaimRequest& request = found->second.request;
  const std::string name = name_of(request.key(), request.claim_id());
  if (!found->second.ever_sent) {
    by_name_.erase(name);
    waiting_.erase(found);
    return;
  }
  Abandoned abandoned;
  abandoned.request.set_key(request.key());
  abandoned.request.set_claim_id(request.claim_id());
  abandoned.request.set_gateway_id(request.gateway_id());
  waiting_.erase(found);
  by_name_[name] = next_order_;
  abandoned_[next_order_++] = std::move(abandoned);
  if (abandoned_.size() > abandoned_max_) {
    const v1::AbandonRequest& oldest = abandoned_.begin()->second.request;
    by_name_.erase(name_of(oldest.key(), oldest.claim_id()));
    abandoned_.erase(abandoned_.begin());
  }
}

std::optional<std::uint64_t> WaitingClaims::answered(const std::string& key,
                                                     const std::string& claim_id) {
  const auto named = by_name_.find(name_of(key, claim_id));
  if (named == by_name_.end()) return std::nullopt;
  const Order order = named->second;
  by_name_.erase(named);
  if (abandoned_.erase(order) > 0) return std::nullopt;
  const auto found = waiting_.find(order);
  const std::uint64_t connection = found->second.connection;
  by_connection_.erase(connection);
  waiting_.erase(found);
  return connection;
}

void WaitingClaims::heartbeat_confirmed(std::uint64_t number) {
  // They are said in their order, so those that were read are in front.
  while (!abandoned_.empty()) {
    const auto first = abandoned_.begin();
    if (first->second.heartbeat == 0 || first->second.heartbeat > number) return;
    by_name_.erase(name_of(first->second.request.key(), first->second.request.claim_id()));
    abandoned_.erase(first);
  }
}

std::vector<WaitingClaims::Waiting> WaitingClaims::take_all() {
  std::vector<Waiting> waited;
  for (auto& [order, waiting] : waiting_) waited.push_back(std::move(waiting));
  *this = WaitingClaims(abandoned_max_);
  return waited;
}

std::vector<std::uint64_t> WaitingClaims::connections() const {
  std::vector<std::uint64_t> found;
  for (const auto& [order, waiting] : waiting_) found.push_back(waiting.connection);
  return found;
}

void WaitingClaims::start_stream() {
  listed_ = 0;
  list_end_ = next_order_ - 1;
  claims_said_ = 0;
  abandons_said_ = 0;
  for (auto& [order, abandoned] : abandoned_) abandoned.heartbeat = 0;
}

bool WaitingClaims::pack_list(Packing& out) {
  for (auto next = waiting_.upper_bound(listed_);
       next != waiting_.end() && next->first <= list_end_; ++next) {
    if (out.full()) return false;
    listed_ = next->first;
    if (!next->second.ever_sent) continue;
    v1::PendingClaim& listed = *out.message.add_pending_claims();
    listed.set_key(next->second.request.key());
    listed.set_claim_id(next->second.request.claim_id());
    out.count(listed);
  }
  return true;
}

void WaitingClaims::pack_claims(Packing& out) {
  for (auto next = waiting_.upper_bound(claims_said_); next != waiting_.end(); ++next) {
    if (out.full()) return;
    claims_said_ = next->first;
    next->second.ever_sent = true;
    v1::ClaimRequest& said = *out.message.add_claims();
    said = next->second.request;
    out.count(said);
  }
}

void WaitingClaims::pack_abandons(Packing& out, std::uint64_t next_heartbeat) {
  for (auto next = abandoned_.upper_bound(abandons_said_); next != abandoned_.end(); ++next) {
    if (out.full()) return;
    abandons_said_ = next->first;
    next->second.heartbeat = next_heartbeat;
    v1::AbandonRequest& said = *out.message.add_abandons();
    said = next->second.request;
    out.count(said);
  }
}

}  // namespace interlock
