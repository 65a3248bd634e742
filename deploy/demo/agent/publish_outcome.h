// What became of one attempt to publish an event, as far as a run has to know.
#pragma once

#include <cstdint>
#include <string_view>

namespace interlock {

struct PublishOutcome {
  enum class Kind : std::uint8_t {
    accepted,          // durable, now or before
    already_accepted,  // the run is at `last_number` already
    out_of_order,      // the run is only at `last_number`
    try_again,         // not taken, or nobody knows
    connection_ended,  // GONE or NOT_FOUND: nobody waits for this run any more
    refused,           // it will never be taken
  };

  Kind kind = Kind::try_again;
  std::uint64_t last_number = 0;  // only with already_accepted and out_of_order

  friend bool operator==(const PublishOutcome&, const PublishOutcome&) = default;
};

// For metrics and logs.
constexpr std::string_view name_of(PublishOutcome::Kind kind) {
  switch (kind) {
    case PublishOutcome::Kind::accepted:
      return "accepted";
    case PublishOutcome::Kind::already_accepted:
      return "already_accepted";
    case PublishOutcome::Kind::out_of_order:
      return "out_of_order";
    case PublishOutcome::Kind::try_again:
      return "try_again";
    case PublishOutcome::Kind::connection_ended:
      return "connection_ended";
    case PublishOutcome::Kind::refused:
      return "refused";
  }
  return "refused";
}

}  // namespace interlock
