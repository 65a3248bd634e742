// What the lease means for the connections of an Attachment.
#include <algorithm>
#include <utility>

#include "gateway/attachment.h"

namespace interlock {
namespace {

constexpr std::uint32_t released_close_code = 4005;

}  // namespace

void Attachment::look_at_lease(std::uint64_t now_ms) {
  lease_.pass(now_ms);
  const bool holding = !lease_.may_act(now_ms);
  if (std::exchange(holding_, holding) == holding) return;
  for (const std::uint64_t connection : connections()) tell(connection, HoldNotice{holding});
}

std::vector<std::uint64_t> Attachment::connections() const {
  std::vector<std::uint64_t> found = claims_.connections();
  for (const auto& [connection, id] : granted_) found.push_back(connection);
  std::ranges::sort(found);
  return found;
}

// Whoever owns them next is found out elsewhere: nothing that was owed is owed any more, and what
// this stream still says is about an id that is used up.
void Attachment::release_all(IdentityEnd why) {
  for (const std::uint64_t connection : connections()) {
    const auto granted = granted_.find(connection);
    if (granted == granted_.end()) continue;
    v1::Released released;
    released.set_key(granted->second.first);
    released.set_generation(granted->second.second);
    released.set_reason(v1::GATEWAY_EXPIRED);
    released.set_close_code(released_close_code);
    tell(connection, std::move(released));
  }
  for (const WaitingClaims::Waiting& waiting : claims_.take_all()) {
    tell(waiting.connection, refused_as_expired(waiting.request));
  }
  granted_.clear();
  held_ = HeldGenerations(gateway_id_);
  lease_.begin_anew();
  holding_ = true;
  reconciled_ = false;
  identity_over_ = why;
  if (phase_ == Phase::kClosed) return;
  deaf_ = true;
  cut(why == IdentityEnd::kExpired ? "lease expired" : "given up");
}

v1::ClaimAnswer Attachment::refused_as_expired(const v1::ClaimRequest& request) {
  v1::ClaimAnswer answer;
  answer.set_key(request.key());
  answer.set_claim_id(request.claim_id());
  answer.mutable_refusal()->mutable_gateway_expired();
  return answer;
}

void Attachment::take_identity(std::string gateway_id) {
  gateway_id_ = std::move(gateway_id);
  held_ = HeldGenerations(gateway_id_);
  identity_over_.reset();
}

}  // namespace interlock
