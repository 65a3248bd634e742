// What bounds the attachment of a gateway to its coordinator.
#pragma once

#include <cstdint>

namespace interlock {

struct AttachmentLimits {
  std::uint64_t event_credit_bytes = 1024 * 1024;  // events not yet taken over by the sessions
  std::uint64_t message_bytes_max = 512 * 1024;    // of one AttachRequest, about
  std::uint64_t reconnect_initial_ms = 50;         // exponential, full jitter
  std::uint64_t reconnect_max_ms = 2'000;          // also how long a good stream stands at least
  std::uint64_t heartbeat_ms = 5'000;              // until the coordinator says otherwise
  std::uint64_t hello_timeout_ms = 2'000;  // a stream without a hello by then is given up
  std::uint64_t silence_ms = 3'000;  // nothing for a heartbeat and this: given up
  std::uint64_t unreachable_after_ms = 1'000;  // without any coordinator's hello
  std::uint64_t store_away_stay_ms = 5'000;  // with a coordinator whose store is away; jittered
  std::uint64_t hold_after_ms = 10'000;  // from the sending of the last confirmed heartbeat
  std::uint64_t give_up_after_ms = 20'000;  // of holding, without a word of any coordinator
  std::uint32_t waiting_claims_max = 20'000;  // one more is answered NotNow at once
};

}  // namespace interlock
