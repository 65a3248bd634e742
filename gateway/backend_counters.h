// What a backend's client has counted.
#pragma once

#include <atomic>
#include <cstdint>

#include "gateway/breaker.h"

namespace interlock {

// What main shows to Prometheus. May be read from any thread.
struct BackendCounters {
  std::atomic<std::uint64_t> calls = 0;
  std::atomic<std::uint64_t> calls_under_way = 0;  // now; with those whose transient events flow
  std::atomic<std::uint64_t> attempts = 0;         // each call has at least one
  std::atomic<std::uint64_t> retries = 0;          // attempts behind the first one of a call
  std::atomic<std::uint64_t> ok = 0;
  std::atomic<std::uint64_t> unavailable = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<std::uint64_t> rejected = 0;
  std::atomic<std::uint64_t> breaker_opened = 0;
  std::atomic<Breaker::State> breaker = Breaker::State::kClosed;  // as of the last attempt
};

}  // namespace interlock
