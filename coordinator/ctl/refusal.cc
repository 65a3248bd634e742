#include "coordinator/ctl/refusal.h"

#include <fmt/format.h>

#include <cstdint>

#include "common/refusal_details.h"
#include "coordinator/ctl/names.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

std::string illegal_transition(const v1::Refusal::IllegalTransition& refusal) {
  std::string allowed;
  for (const int state : refusal.allowed()) {
    allowed += (allowed.empty() ? "" : ", ") + human_name(static_cast<v1::State>(state));
  }
  return fmt::format("A connection in {} cannot go to {}; from there it may go to {}.",
                     human_name(refusal.current()), human_name(refusal.requested()),
                     allowed.empty() ? "no other state" : allowed);
}

// `Try again in 2s.`, rounded up.
std::string try_again(std::uint64_t after_ms) {
  if (after_ms == 0) return "Try again in a moment.";
  const auto ms = static_cast<std::int64_t>(after_ms);
  return fmt::format("Try again in {}.",
                     format_duration_ms(ms < 1000 ? ms : (ms + 999) / 1000 * 1000));
}

// The generation that was named is not the one that counts.
std::string stale(std::uint64_t current, const std::string& key) {
  return fmt::format(
      "The connection has moved on: generation {} is the current one. Look at it with interlockctl "
      "get {}.",
      current, key.empty() ? "KEY" : escape_control(key));
}

// What can only be said about a publish.
std::string publish_sentence(const v1::Refusal& refusal) {
  if (refusal.has_out_of_order()) {
    const std::uint64_t last = refusal.out_of_order().last_number();
    return fmt::format("The number skips: the run's last accepted number is {}. Go on with {}.",
                       last, last + 1);
  }
  if (refusal.has_already_accepted()) {
    return fmt::format(
        "That number was accepted before; the run has reached number {}, sequence {}. Nothing "
        "needs "
        "to be sent again.",
        refusal.already_accepted().last_number(), refusal.already_accepted().last_sequence());
  }
  return "The run is not known: it never started, or newer ones replaced it. Begin a run with "
         "number 1.";
}

}  // namespace

std::optional<v1::Refusal> refusal_in(const grpc::Status& status) {
  return refusal_in_details(status.error_details());
}

std::string human_sentence(const v1::Refusal& refusal, const std::string& key) {
  switch (refusal.reason_case()) {
    case v1::Refusal::kStale:
      return stale(refusal.stale().current_generation(), key);
    case v1::Refusal::kStaleGeneration:
      return stale(refusal.stale_generation().current_generation(), key);
    case v1::Refusal::kAlreadyOwned:
      return fmt::format("Generation {} holds the connection and is not to be replaced. {}",
                         refusal.already_owned().current_generation(),
                         try_again(refusal.already_owned().after_ms()));
    case v1::Refusal::kNotNow:
      return fmt::format("Not now: {}. {}", escape_control(refusal.not_now().message()),
                         try_again(refusal.not_now().after_ms()));
    case v1::Refusal::kPermissionDenied:
      return fmt::format("Permission denied: {}.",
                         escape_control(refusal.permission_denied().message()));
    case v1::Refusal::kNotFound:
      return not_found_sentence(key);
    case v1::Refusal::kIllegalTransition:
      return illegal_transition(refusal.illegal_transition());
    case v1::Refusal::kGone:
      return fmt::format(
          "The connection is {} and its sequence has ended: a new claim has to start "
          "another one.",
          human_name(refusal.gone().state()));
    case v1::Refusal::kResourceExhausted:
      return fmt::format("The limit {} is reached ({}). Make room, or raise it.",
                         escape_control(refusal.resource_exhausted().limit()),
                         refusal.resource_exhausted().value());
    case v1::Refusal::kInvalidArgument:
      return fmt::format("{} is not valid: {}.", escape_control(refusal.invalid_argument().field()),
                         escape_control(refusal.invalid_argument().message()));
    case v1::Refusal::kStoreAway:
      return fmt::format("The coordinator cannot reach its store, so nothing was decided. {}",
                         try_again(refusal.store_away().after_ms()));
    case v1::Refusal::kGatewayExpired:
      return "The gateway's lease has run out. It comes back under a new id.";
    default:
      return publish_sentence(refusal);
  }
}

std::string not_found_sentence(const std::string& key) {
  if (key.empty()) return "The coordinator does not know it.";
  return fmt::format(
      "There is no record of {}: it was never claimed, or was forgotten after its "
      "end. interlockctl list shows what there is.",
      escape_control(key));
}

}  // namespace interlock
