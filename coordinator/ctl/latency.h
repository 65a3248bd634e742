// What a histogram of the API says.
#pragma once

#include <optional>
#include <string>

#include "interlock/v1/connection.pb.h"

namespace interlock {

// The time within which the share `quantile` (0 to 1) of what was measured lies, in seconds,
// interpolated within its bucket; what lies above the last bound counts as that bound. Nothing
// when nothing was measured, or the message contradicts itself.
std::optional<double> quantile_seconds(const v1::Latency& latency, double quantile);

// What was measured between the two; `newer` as it is when they do not belong together (another
// process answers, or it has started anew).
v1::Latency measured_between(const v1::Latency& older, const v1::Latency& newer);

// `0.35ms`, `4.2ms`, `120ms`, `2.5s`.
std::string format_seconds(double seconds);

// `p50 1.2ms, p99 4.8ms`; `-` when nothing was measured.
std::string format_latency(const v1::Latency& latency);

}  // namespace interlock
