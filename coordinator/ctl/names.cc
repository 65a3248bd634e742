#include "coordinator/ctl/names.h"

#include <fmt/format.h>

#include "coordinator/authority/lifecycle.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

constexpr const char* absent = "-";

std::string unknown(int number) { return fmt::format("unknown ({})", number); }

}  // namespace

std::string human_name(v1::State state) {
  if (state == v1::STATE_UNSPECIFIED) return absent;
  return v1::State_IsValid(state) ? v1::State_Name(state) : unknown(state);
}

std::string human_name(v1::Actor actor) {
  if (actor == v1::ACTOR_UNSPECIFIED) return absent;
  return v1::Actor_IsValid(actor) ? words_of(v1::Actor_Name(actor)) : unknown(actor);
}

std::string human_name(v1::Reason reason) {
  if (reason == v1::REASON_UNSPECIFIED) return absent;
  return v1::Reason_IsValid(reason) ? words_of(v1::Reason_Name(reason)) : unknown(reason);
}

std::string human_step(v1::State from, v1::State to) {
  const bool start =
      to == v1::CONNECTING && (from == v1::CONNECTING || from == v1::STATE_UNSPECIFIED);
  return fmt::format("{} -> {}", start ? "new" : human_name(from), human_name(to));
}

std::string human_count(const v1::HistoryEntry& entry) {
  return entry.count() > 1 ? fmt::format("x{}", entry.count()) : "";
}

Style style_of(v1::State state) {
  if (!v1::State_IsValid(state) || state == v1::STATE_UNSPECIFIED) return Style::kPlain;
  switch (static_cast<State>(state)) {
    case State::kFailed:
      return Style::kBad;
    case State::kDegraded:
      return Style::kTrouble;
    case State::kClosed:
      return Style::kFaint;
    default:
      break;
  }
  return is_operational(static_cast<State>(state)) ? Style::kGood : Style::kWaiting;
}

}  // namespace interlock
