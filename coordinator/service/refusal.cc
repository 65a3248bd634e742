#include "coordinator/service/refusal.h"

#include <fmt/format.h>

#include <array>

#include "coordinator/authority/lifecycle.h"

namespace interlock {
namespace {

// In the order of the alternatives of Refusal; connection.proto shows the same codes.
constexpr std::array<grpc::StatusCode, std::variant_size_v<Refusal>> kCodes{
    grpc::StatusCode::ABORTED, grpc::StatusCode::ABORTED, grpc::StatusCode::ALREADY_EXISTS,
    grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::PERMISSION_DENIED,
    grpc::StatusCode::NOT_FOUND, grpc::StatusCode::FAILED_PRECONDITION,
    grpc::StatusCode::FAILED_PRECONDITION, grpc::StatusCode::RESOURCE_EXHAUSTED,
    grpc::StatusCode::OUT_OF_RANGE, grpc::StatusCode::ALREADY_EXISTS,
    grpc::StatusCode::FAILED_PRECONDITION, grpc::StatusCode::INVALID_ARGUMENT,
    grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::FAILED_PRECONDITION};

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
  std::string operator()(const GatewayExpired&) const {
    return "the gateway's lease has run out; it must attach under a new id";
  }
};

}  // namespace

grpc::Status to_status(const Refusal& refusal) {
  const grpc::StatusCode code = kCodes[refusal.index()];
  v1::ErrorStatus details;
  details.set_code(code);
  details.set_message(std::visit(Sentence{}, refusal));
  details.add_details()->PackFrom(to_proto(refusal));
  return {code, details.message(), details.SerializeAsString()};
}

}  // namespace interlock
