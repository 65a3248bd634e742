// What the gateway's two links have counted, as metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/metrics.h"
#include "gateway/attachment_shell.h"
#include "gateway/backend_counters.h"

namespace interlock {

// The links count in plain atomics; each call of update() brings the metrics up to that. One
// thread.
class LinkMetrics {
 public:
  // `backend`: none when there is no backend.
  LinkMetrics(Metrics& metrics, const CoordinatorClient& coordinator,
              const AttachCounters& attachment, const BackendCounters* backend);

  void update();

 private:
  void counter(Metrics& metrics, const char* name, const char* help, const Metrics::Labels& labels,
               const std::atomic<std::uint64_t>& value);
  void gauge(Metrics& metrics, const char* name, const char* help, std::function<double()> value);
  void show_attachment(Metrics& metrics, const AttachCounters& attachment);
  void show_backend(Metrics& metrics, const BackendCounters& backend);

  std::vector<std::function<void()>> updates_;
};

}  // namespace interlock
