// One message on its way to the coordinator, while it is being filled.
#pragma once

#include <cstdint>

#include "interlock/v1/gateway.pb.h"

namespace interlock {

// The one who fills it adds a part and counts it, as long as the message is not full; so it is
// longer than its limit by one part at most.
struct Packing {
  v1::AttachRequest message;
  std::uint64_t bytes_max = 0;
  std::uint64_t bytes = 0;  // about: each part with its length and field number

  bool full() const { return bytes >= bytes_max; }
  bool empty() const { return bytes == 0; }
  void count(const google::protobuf::MessageLite& part) { bytes += part.ByteSizeLong() + 4; }
};

}  // namespace interlock
