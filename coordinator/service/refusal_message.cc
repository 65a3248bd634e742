#include "coordinator/service/refusal_message.h"

#include <array>

#include "coordinator/authority/lifecycle.h"

namespace interlock {
namespace {

// In the order of the alternatives of Refusal.
constexpr std::array<std::string_view, std::variant_size_v<Refusal>> kNames{
    "STALE", "STALE_GENERATION", "ALREADY_OWNED", "NOT_NOW", "PERMISSION_DENIED", "NOT_FOUND",
    "ILLEGAL_TRANSITION", "GONE", "RESOURCE_EXHAUSTED", "OUT_OF_ORDER", "ALREADY_ACCEPTED",
    "UNKNOWN_RUN", "INVALID_ARGUMENT", "STORE_AWAY", "GATEWAY_EXPIRED"};

struct Fill {
  v1::Refusal& out;

  void operator()(const Stale& why) { out.mutable_stale()->set_current_generation(why.current); }
  void operator()(const StaleGeneration& why) {
    out.mutable_stale_generation()->set_current_generation(why.current);
  }
  void operator()(const AlreadyOwned& why) {
    out.mutable_already_owned()->set_current_generation(why.current);
    out.mutable_already_owned()->set_after_ms(why.after_ms);
  }
  void operator()(const NotNow& why) {
    out.mutable_not_now()->set_after_ms(why.after_ms);
    out.mutable_not_now()->set_message(why.message);
  }
  void operator()(const PermissionDenied& why) {
    out.mutable_permission_denied()->set_message(why.message);
  }
  void operator()(const NotFound&) { out.mutable_not_found(); }
  void operator()(const IllegalTransition& why) {
    v1::Refusal::IllegalTransition* illegal = out.mutable_illegal_transition();
    illegal->set_current(static_cast<v1::State>(why.current));
    illegal->set_requested(static_cast<v1::State>(why.requested));
    for (State state : successors(why.current)) {
      illegal->add_allowed(static_cast<v1::State>(state));
    }
  }
  void operator()(const Gone& why) {
    out.mutable_gone()->set_state(static_cast<v1::State>(why.state));
  }
  void operator()(const ResourceExhausted& why) {
    out.mutable_resource_exhausted()->set_limit(why.limit);
    out.mutable_resource_exhausted()->set_value(why.value);
  }
  void operator()(const OutOfOrder& why) {
    out.mutable_out_of_order()->set_last_number(why.last_number);
  }
  void operator()(const AlreadyAccepted& why) {
    out.mutable_already_accepted()->set_last_number(why.last_number);
    out.mutable_already_accepted()->set_last_sequence(why.last_sequence);
  }
  void operator()(const UnknownRun&) { out.mutable_unknown_run(); }
  void operator()(const InvalidArgument& why) {
    out.mutable_invalid_argument()->set_field(why.field);
    out.mutable_invalid_argument()->set_message(why.message);
  }
  void operator()(const StoreAway& why) { out.mutable_store_away()->set_after_ms(why.after_ms); }
  void operator()(const GatewayExpired&) { out.mutable_gateway_expired(); }
};

}  // namespace

v1::Refusal to_proto(const Refusal& refusal) {
  v1::Refusal out;
  std::visit(Fill{out}, refusal);
  return out;
}

std::string_view name_of(const Refusal& refusal) { return kNames[refusal.index()]; }

}  // namespace interlock
