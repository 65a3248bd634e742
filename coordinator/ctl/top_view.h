// What `interlockctl top` shows of what it was told.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interlock/v1/admin.pb.h"

namespace interlock {

struct TopSample {
  std::int64_t steady_ms = 0;  // when it was asked for
  std::int64_t unix_ms = 0;
  std::string coordinator;  // its address
  v1::StatsResponse stats;
  v1::ListGatewaysResponse gateways;
};

struct TopView {
  std::optional<TopSample> before;  // the one before `now`, for what happens in a second
  TopSample now;
  std::string problem;  // why there is nothing newer; empty: there is
};

// A second; nothing when there is no earlier sample of the same process.
struct TopRates {
  std::optional<double> transitions;
  std::optional<double> takeovers;
  std::optional<double> refusals;
  v1::Latency commit;  // since the earlier sample, or since the start
};
TopRates rates_of(const TopView& view);

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// At most as many lines as there are rows, none wider than the screen.
std::vector<std::string> top_screen(const TopView& view, ScreenSize size, bool utf8, bool colour);

// One line that stands alone, with its newline: for a person's log, and for a program.
std::string top_line(const TopView& view);
std::string top_json(const TopView& view);

}  // namespace interlock
