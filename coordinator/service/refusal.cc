#include "coordinator/service/refusal.h"

#include <fmt/format.h>

#include "coordinator/authority/lifecycle.h"

namespace interlock {
namespace {

struct Row {
  grpc::StatusCode code;
  std::string_view name;
};
// In the order of the alternatives of Refusal; connection.proto shows the same codes.
constexpr std::array<Row, std::variant_size_v<Refusal>> kRows{{
    {grpc::StatusCode::ABORTED, "STALE"},
    {grpc::StatusCode::ABORTED, "STALE_GENERATION"},
    {grpc::StatusCode::ALREADY_EXISTS, "ALREADY_OWNED"},
    {grpc::StatusCode::UNAVAILABLE, "NOT_NOW"},
    {grpc::StatusCode::PERMISSION_DENIED, "PERMISSION_DENIED"},
    {grpc::StatusCode::NOT_FOUND, "NOT_FOUND"},
    {grpc::StatusCode::FAILED_PRECONDITION, "ILLEGAL_TRANSITION"},
    {grpc::StatusCode::FAILED_PRECONDITION, "GONE"},
    {grpc::StatusCode::RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"},
    {grpc::StatusCode::OUT_OF_RANGE, "OUT_OF_ORDER"},
    {grpc::StatusCode::ALREADY_EXISTS, "ALREADY_ACCEPTED"},
    {grpc::StatusCode::FAILED_PRECONDITION, "UNKNOWN_RUN"},
    {grpc::StatusCode::INVALID_ARGUMENT, "INVALID_ARGUMENT"},
    {grpc::StatusCode::UNAVAILABLE, "STORE_AWAY"},
}};

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
};

// What happened, and what to do.
struct Sentence {
  std::string operator()(const Stale& why) const {
    return fmt::format("a newer claim holds the connection (generation {})", why.current);
  }
  std::string operator()(const StaleGeneration& why) const {
    return fmt::format("the connection is at generation {}; the caller no longer owns it",
                       why.current);
  }
  std::string operator()(const AlreadyOwned& why) const {
    return fmt::format("the connection has a live owner; try again in {} ms", why.after_ms);
  }
  std::string operator()(const NotNow& why) const {
    return fmt::format("{}; try again in {} ms", why.message, why.after_ms);
  }
  std::string operator()(const PermissionDenied& why) const { return why.message; }
  std::string operator()(const NotFound&) const { return "no connection has this key"; }
  std::string operator()(const IllegalTransition& why) const {
    std::string allowed;
    for (State state : successors(why.current)) {
      if (!allowed.empty()) allowed += ", ";
      allowed += name_of(state);
    }
    return fmt::format("{} does not follow {}; allowed: {}", name_of(why.requested),
                       name_of(why.current), allowed.empty() ? "nothing" : allowed);
  }
  std::string operator()(const Gone&) const {
    return "the connection is CLOSED and its sequence has ended; only a new claim starts another";
  }
  std::string operator()(const ResourceExhausted& why) const {
    return fmt::format("{} is reached ({})", why.limit, why.value);
  }
  std::string operator()(const OutOfOrder& why) const {
    return fmt::format("the number skips: the run's last accepted one is {}", why.last_number);
  }
  std::string operator()(const AlreadyAccepted& why) const {
    return fmt::format("accepted before: the run is at number {}", why.last_number);
  }
  std::string operator()(const UnknownRun&) const {
    return "the run is not known and the number is not 1: start a new run";
  }
  std::string operator()(const InvalidArgument& why) const {
    return fmt::format("{}: {}", why.field, why.message);
  }
  std::string operator()(const StoreAway& why) const {
    return fmt::format("the store cannot promise anything now; try again in {} ms", why.after_ms);
  }
};

}  // namespace

v1::Refusal to_proto(const Refusal& refusal) {
  v1::Refusal out;
  std::visit(Fill{out}, refusal);
  return out;
}

grpc::Status to_status(const Refusal& refusal) {
  const grpc::StatusCode code = kRows[refusal.index()].code;
  v1::ErrorStatus details;
  details.set_code(code);
  details.set_message(std::visit(Sentence{}, refusal));
  details.add_details()->PackFrom(to_proto(refusal));
  return {code, details.message(), details.SerializeAsString()};
}

std::string_view name_of(const Refusal& refusal) { return kRows[refusal.index()].name; }

}  // namespace interlock
