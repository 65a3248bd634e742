// The commands under way that belong to a trace: one span each, from the question to the answer.
//
// The engine and the authority know nothing of it: what goes in is noted here, and what comes back
// ends the span.
#pragma once

#include <grpcpp/server_context.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/tracer.h"
#include "coordinator/engine/engine_thread.h"

namespace interlock {

inline constexpr std::size_t traced_commands_max = 4'096;  // under way; one more is not traced

enum class TracedCommand : std::uint8_t { kClaim, kOperate, kPublish };

// May be used from any thread. Outlives the engine's thread.
class CommandTraces {
 public:
  explicit CommandTraces(Tracer& tracer) : tracer_(tracer) {}
  CommandTraces(const CommandTraces&) = delete;
  CommandTraces& operator=(const CommandTraces&) = delete;

  // What the engine is to answer to instead of `done`; that itself when the command is not traced.
  // A gateway has decided whether its claims and operations are, publishers are sampled here.
  EngineThread::AnswerTo around(TracedCommand what, const std::string& key,
                                std::string_view traceparent, EngineThread::AnswerTo done);

  // Of a step that this actor made: the trace of a command of the key that is under way. Nothing:
  // none is, or it is somebody else's step.
  std::optional<TraceContext> of(const std::string& key, Actor actor) const;
  std::size_t under_way() const;

 private:
  class Open;
  using Map = std::unordered_multimap<std::string, const Open*>;

  Tracer& tracer_;
  mutable std::mutex mutex_;
  Map open_;  // by key
  // As large as the map: most often there is nothing to look for.
  std::atomic<std::size_t> size_ = 0;
};

// The one in the message, or else the call's own (of several none counts).
std::string traceparent_of(const grpc::CallbackServerContext& context,
                           const std::string& in_message = {});

}  // namespace interlock
