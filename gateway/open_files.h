// How many sockets the system lets this process have.
#pragma once

#include "absl/status/status.h"
#include "gateway/lane.h"

namespace interlock {

// Raises the soft limit of open files to the hard one, logs how many client sockets that allows,
// and lowers `limits` to it: what cannot be had is not promised.
absl::Status fit_into_open_files(ListenerLimits& limits);

}  // namespace interlock
