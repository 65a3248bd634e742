// The numbers that the program shows to Prometheus.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace interlock {

// Upper bounds of histogram buckets, in seconds: for what should take milliseconds (a commit, a
// call), and for what should take minutes (a connection, an agent run).
inline const std::vector<double> buckets_short_seconds = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
inline const std::vector<double> buckets_long_seconds = {1,   5,   15,   30,   60,   120,
                                                         300, 600, 1200, 1800, 2700, 3600};

// Owns every metric of a program; main() makes one and hands it down. Names are `interlock_*`, with
// base units (seconds, bytes) and `_total` behind counters. Labels take few values; a connection
// key is never one.
//
// The families live as long as this object, and so does what their Add(labels) gives: look a metric
// up once and keep the reference. All of it may be used from any thread. A name that is not legal,
// or that has another type already, is a bug: it throws std::invalid_argument at start.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Families, for metrics whose labels are known later: `closes.Add({{"code", "1011"}})`. Asking
  // for the same name again gives the same family.
  prometheus::Family<prometheus::Counter>& counters(const std::string& name,
                                                    const std::string& help);
  prometheus::Family<prometheus::Gauge>& gauges(const std::string& name, const std::string& help);
  prometheus::Family<prometheus::Histogram>& histograms(const std::string& name,
                                                        const std::string& help);

  // Single metrics. The same name and labels again give the same metric.
  prometheus::Counter& counter(const std::string& name, const std::string& help,
                               const Labels& labels = {});
  prometheus::Gauge& gauge(const std::string& name, const std::string& help,
                           const Labels& labels = {});
  prometheus::Histogram& histogram(const std::string& name, const std::string& help,
                                   const std::vector<double>& buckets, const Labels& labels = {});

  // Everything in the text format, version 0.0.4.
  std::string render() const;

 private:
  prometheus::Registry registry_;
};

// Copies a histogram into a message with the fields of `v1::Latency`: its buckets each for itself.
template <class Latency>
void copy_histogram(const prometheus::Histogram& histogram, Latency* out) {
  const auto collected = histogram.Collect().histogram;
  out->set_count(collected.sample_count);
  out->set_sum_seconds(collected.sample_sum);
  std::uint64_t below = 0;
  for (const auto& bucket : collected.bucket) {
    if (std::isfinite(bucket.upper_bound)) out->add_bounds_seconds(bucket.upper_bound);
    out->add_buckets(bucket.cumulative_count - std::exchange(below, bucket.cumulative_count));
  }
}

}  // namespace interlock
