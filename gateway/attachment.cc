#include "gateway/attachment.h"

#include <algorithm>
#include <utility>

#include "common/version.h"

namespace interlock {
namespace {

constexpr std::uint32_t protocol_version = 1;
constexpr std::uint64_t full_after_ms = 1'000;  // when to claim again after waiting_claims_max

}  // namespace

Attachment::Attachment(std::string gateway_id, std::string address, const AttachmentLimits& limits,
                       bool has_backend)
    : gateway_id_(std::move(gateway_id)),
      address_(std::move(address)),
      limits_(limits),
      has_backend_(has_backend),
      claims_(limits.waiting_claims_max),
      held_(gateway_id_),
      credit_(limits.event_credit_bytes),
      schedule_(limits),
      lease_(limits) {}

// ---- from the sessions ----

void Attachment::claim(std::uint64_t connection, v1::ClaimRequest request) {
  forget(connection);  // one claim at a time
  if (identity_over_) return tell(connection, refused_as_expired(request));
  if (claims_.waiting() >= limits_.waiting_claims_max) {
    v1::ClaimAnswer full;
    full.set_key(request.key());
    full.set_claim_id(request.claim_id());
    full.mutable_refusal()->mutable_not_now()->set_after_ms(full_after_ms);
    full.mutable_refusal()->mutable_not_now()->set_message("waiting_claims_max");
    return tell(connection, std::move(full));
  }
  request.set_gateway_id(gateway_id_);
  claims_.add(connection, std::move(request));
}

void Attachment::abandon(std::uint64_t connection) {
  claims_.abandon(connection);
  // The grant may be on its way to a session that has not seen it when it gave up.
  const auto granted = granted_.find(connection);
  if (granted != granted_.end()) held_.abandon(granted->second);
}

void Attachment::operate(std::uint64_t connection, std::uint64_t generation,
                         v1::Operation operation, std::string traceparent) {
  const auto granted = granted_.find(connection);
  if (granted == granted_.end() || granted->second.second != generation) return;
  held_.operate(granted->second, std::move(operation), std::move(traceparent));
}

void Attachment::acknowledge(std::uint64_t connection, std::uint64_t generation,
                             std::uint64_t sequence) {
  const auto granted = granted_.find(connection);
  if (granted == granted_.end() || granted->second.second != generation) return;
  held_.acknowledge(granted->second, sequence);
}

void Attachment::events_sent(std::uint64_t connection, std::uint64_t generation,
                             std::uint64_t sequence) {
  const auto granted = granted_.find(connection);
  if (granted == granted_.end() || granted->second.second != generation) return;
  held_.events_sent(granted->second, sequence);
}

void Attachment::return_credit(std::uint64_t bytes) { credit_.give_back(bytes); }

void Attachment::forget(std::uint64_t connection) {
  claims_.abandon(connection);
  const auto granted = granted_.find(connection);
  if (granted != granted_.end()) {
    held_.forget(granted->second);
    granted_.erase(granted);
  }
  std::erase_if(notices_, [this, connection](const ConnectionNotice& notice) {
    if (notice.connection != connection) return false;
    const auto* delivery = std::get_if<v1::Delivery>(&notice.what);
    if (delivery != nullptr) credit_.give_back(delivery->payload_bytes());
    return true;
  });
}

void Attachment::closed_delivered(const std::string& key, std::uint64_t generation) {
  if (phase_ != Phase::kListing && phase_ != Phase::kOpen) return;  // it will be asked again
  v1::ClosedDelivered& told = closed_delivered_.emplace_back();
  told.set_key(key);
  told.set_generation(generation);
}

void Attachment::tell(std::uint64_t connection, decltype(ConnectionNotice::what) what) {
  if (connection != 0) notices_.push_back(ConnectionNotice{connection, std::move(what)});
}

std::vector<ConnectionNotice> Attachment::take_notices() { return std::exchange(notices_, {}); }

// ---- from the shell ----

void Attachment::stream_opened(std::uint64_t stream, std::uint64_t now_ms) {
  phase_ = Phase::kGreeting;
  stream_ = stream;
  hello_sent_ = false;
  reconciled_ = false;
  draining_ = false;
  deaf_ = false;
  cut_.reset();
  closed_.clear();
  closed_delivered_.clear();
  claims_.start_stream();
  held_.start_stream();
  lease_.stream_opened();
  schedule_.opened(now_ms);
  look_at_lease(now_ms);
}

void Attachment::stream_closed(std::uint64_t stream, std::uint64_t now_ms, double random) {
  if (stream != stream_ || phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  reconciled_ = false;
  cut_.reset();
  schedule_.closed(now_ms, draining_, random);
}

void Attachment::cut(const std::string& why) {
  if (phase_ == Phase::kCut) return;
  phase_ = Phase::kCut;
  cut_ = why;
  schedule_.given_up();
}

std::optional<std::string> Attachment::take_cut() { return std::exchange(cut_, std::nullopt); }

std::optional<std::uint64_t> Attachment::open_at_ms() const {
  if (phase_ != Phase::kClosed || identity_over_) return std::nullopt;
  return schedule_.open_at_ms();
}

std::optional<std::uint64_t> Attachment::wake_at_ms() const {
  auto wake = schedule_.wake_at_ms();
  const auto include = [&wake](std::uint64_t at_ms) {
    wake = wake ? std::min(*wake, at_ms) : at_ms;
  };
  if (const auto retry = held_.retry_at_ms()) include(*retry);
  if (!holding_ || !granted_.empty()) include(lease_.wake_at_ms());
  return wake;
}

void Attachment::advance_time(std::uint64_t now_ms) {
  look_at_lease(now_ms);
  // Without a socket there is nobody who would be better off elsewhere.
  if (lease_.given_up() && !granted_.empty()) release_all(IdentityEnd::kGaveUp);
  if (const auto why = schedule_.overdue(now_ms)) cut(*why);
  const auto retry = held_.retry_at_ms();
  if (retry && now_ms >= *retry) held_.retry();
}

// ---- what is written ----

std::optional<v1::AttachRequest> Attachment::next_message(std::uint64_t now_ms) {
  Packing out{.bytes_max = limits_.message_bytes_max};
  if (phase_ == Phase::kGreeting) pack_hello(out);
  if (phase_ == Phase::kListing) pack_list(out);
  if (phase_ == Phase::kOpen) pack_work(out, now_ms);
  if (out.empty()) return std::nullopt;
  return std::move(out.message);
}

void Attachment::pack_hello(Packing& out) {
  if (std::exchange(hello_sent_, true)) return;
  v1::GatewayHello& hello = *out.message.mutable_hello();
  hello.set_protocol_version(protocol_version);
  hello.set_gateway_id(gateway_id_);
  hello.set_build(std::string(version()));
  hello.set_address(address_);
  hello.set_event_credit_bytes(credit_.start_stream());
  hello.set_has_backend(has_backend_);
  out.count(hello);
}

void Attachment::pack_list(Packing& out) {
  if (!held_.pack_list(out) || !claims_.pack_list(out)) return;
  out.message.set_held_end(true);
  out.bytes += 2;
  phase_ = Phase::kOpen;
}

// The heartbeat never waits behind the rest. Operations go before claims: they end what others wait
// for, and a storm of claims must not delay them.
void Attachment::pack_work(Packing& out, std::uint64_t now_ms) {
  if (schedule_.heartbeat_due()) {
    out.message.mutable_heartbeat()->set_number(++heartbeat_);
    out.count(out.message.heartbeat());
    schedule_.heartbeat_sent(now_ms);
    lease_.heartbeat_sent(heartbeat_, now_ms);
  }
  held_.pack_operations(out);
  claims_.pack_abandons(out, heartbeat_ + 1);
  claims_.pack_claims(out);
  held_.pack_acknowledgements(out);
  for (v1::ClosedDelivered& told : std::exchange(closed_delivered_, {})) {
    out.count(told);
    *out.message.add_closed_delivered() = std::move(told);
  }
  if (out.empty() && !credit_.pressing()) return;
  if (const std::uint64_t bytes = credit_.grant()) {
    out.message.set_event_credit_bytes(bytes);
    out.bytes += 8;
  }
}

}  // namespace interlock
