// How the services are, as tables.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "coordinator/ctl/table.h"
#include "interlock/v1/admin.pb.h"

namespace interlock {

// `id_digits`: how much of the gateway's id is shown; 0: all of it.
std::string gateway_table(const v1::ListGatewaysResponse& gateways, std::size_t id_digits,
                          bool colour);

std::string stats_table(const v1::StatsResponse& stats, bool colour);

// `away`, `there`, or why it takes nothing new.
Cell store_cell(const v1::StatsResponse& stats);

// `NOT_NOW 3, STALE 1`, the most frequent first; `none`.
std::string refusals_line(const v1::StatsResponse& stats);

// All connections, in whichever state.
std::uint64_t connections_in_all(const v1::StatsResponse& stats);

}  // namespace interlock
