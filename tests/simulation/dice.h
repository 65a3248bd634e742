// All randomness of a run: one seed, one row of numbers, the same on every machine.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace interlock::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15 + 0x1234567) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    return low + below(high - low + 1);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double probability) { return probability > 0 && unit() < probability; }
  // Each order of magnitude is as likely as any other.
  std::uint64_t spread(std::uint64_t low, std::uint64_t high) {
    const double from = std::log(static_cast<double>(low));
    const double to = std::log(static_cast<double>(high));
    return static_cast<std::uint64_t>(std::exp(from + unit() * (to - from)));
  }
  // Until the next of many that come independently of each other.
  std::uint64_t wait(double mean) {
    return static_cast<std::uint64_t>(-std::log(1 - unit()) * mean) + 1;
  }
  std::string hex(std::size_t digits) {
    std::string text;
    for (std::size_t i = 0; i < digits; ++i) text += "0123456789abcdef"[below(16)];
    return text;
  }
  template <class Each>
  Each& one_of(std::vector<Each>& all) {
    return all[below(all.size())];
  }

 private:
  std::uint64_t state_;
};

}  // namespace interlock::sim
