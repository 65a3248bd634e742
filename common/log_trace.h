// Makes log lines name the trace that they are about.
#pragma once

#include "common/trace_context.h"

namespace interlock {

// While it lives, every line that this thread writes has `trace_id` and `span_id`, and what Cloud
// Logging calls them when a project is configured. Scopes nest. Not across a co_await, which may go
// on elsewhere.
class LogTrace {
 public:
  // None: nothing changes. The context outlives the scope.
  explicit LogTrace(const TraceContext* context);
  ~LogTrace();
  LogTrace(const LogTrace&) = delete;
  LogTrace& operator=(const LogTrace&) = delete;

 private:
  const TraceContext* outer_;
};

}  // namespace interlock
