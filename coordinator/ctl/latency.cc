#include "coordinator/ctl/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <numeric>

namespace interlock {
namespace {

bool consistent(const v1::Latency& latency) {
  return latency.bounds_seconds_size() > 0 &&
         latency.buckets_size() == latency.bounds_seconds_size() + 1;
}

std::uint64_t measured(const v1::Latency& latency) {
  return std::accumulate(latency.buckets().begin(), latency.buckets().end(), std::uint64_t{0});
}

}  // namespace

std::optional<double> quantile_seconds(const v1::Latency& latency, double quantile) {
  if (!consistent(latency)) return std::nullopt;
  const std::uint64_t all = measured(latency);
  if (all == 0) return std::nullopt;
  const double wanted = quantile * static_cast<double>(all);
  double below = 0;
  for (int i = 0; i < latency.bounds_seconds_size(); ++i) {
    const auto here = static_cast<double>(latency.buckets(i));
    if (here > 0 && below + here >= wanted) {
      const double from = i == 0 ? 0 : latency.bounds_seconds(i - 1);
      return from + (latency.bounds_seconds(i) - from) * (wanted - below) / here;
    }
    below += here;
  }
  return *std::prev(latency.bounds_seconds().end());
}

v1::Latency measured_between(const v1::Latency& older, const v1::Latency& newer) {
  const bool same_bounds = std::ranges::equal(older.bounds_seconds(), newer.bounds_seconds());
  if (!consistent(older) || !consistent(newer) || !same_bounds) return newer;
  v1::Latency between = newer;
  for (int i = 0; i < newer.buckets_size(); ++i) {
    if (older.buckets(i) > newer.buckets(i)) return newer;
    between.set_buckets(i, newer.buckets(i) - older.buckets(i));
  }
  between.set_count(measured(between));
  between.set_sum_seconds(std::max(0.0, newer.sum_seconds() - older.sum_seconds()));
  return between;
}

std::string format_seconds(double seconds) {
  const double ms = seconds * 1000;
  if (ms < 1) return fmt::format("{:.2f}ms", ms);
  if (ms < 10) return fmt::format("{:.1f}ms", ms);
  if (ms < 1000) return fmt::format("{:.0f}ms", ms);
  return fmt::format("{:.1f}s", seconds);
}

std::string format_latency(const v1::Latency& latency) {
  const auto half = quantile_seconds(latency, 0.5);
  const auto most = quantile_seconds(latency, 0.99);
  if (!half || !most) return "-";
  return fmt::format("p50 {}, p99 {}", format_seconds(*half), format_seconds(*most));
}

}  // namespace interlock
