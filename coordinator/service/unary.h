// The frame of every unary handler: authorize, check, ask the engine, answer from a worker.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <string>
#include <utility>

#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/authorize.h"
#include "coordinator/service/command_traces.h"
#include "coordinator/service/refusal.h"
#include "coordinator/service/standing_calls.h"
#include "coordinator/service/translate.h"
#include "coordinator/service/workers.h"

namespace interlock {

// What every service needs. All of it outlives the services.
struct ServiceParts {
  EngineThread& engine;
  Workers& workers;
  const Authorizer& authorizer;
  StandingCalls& standing;
  CommandTraces* traces = nullptr;  // none: nothing is traced
};

// From here on the stream is cut when its caller may not call the method any more. Before the
// handler gives the stream to gRPC, which then is not done with it yet; and OnDone gives the place
// up, since the context goes with it.
template <class Stream>
void let_stand(const ServiceParts& parts, const grpc::CallbackServerContext* context,
               const char* method, Stream& stream) {
  stream.stand(parts.standing.add({[&authorizer = parts.authorizer, context, method] {
                                     return authorizer.authorize(*context, method);
                                   },
                                   [weak = stream.weak_from_this()](grpc::Status why) {
                                     if (const auto still = weak.lock()) still->cut(std::move(why));
                                   }}));
}

// What a command is in traces, and the traceparent in its message.
struct Traced {
  TracedCommand what;
  std::string traceparent;
};

// Finishes on a worker: encoding does not belong on the engine's thread.
inline void finish(Workers& workers, grpc::ServerUnaryReactor* reactor, grpc::Status status) {
  workers.post([reactor, status = std::move(status)] { reactor->Finish(status); });
}

// A command of one key whose answer is an `Expected`, which `fill` writes into the response.
// Any other answer is the refusal that it is.
template <class Expected, class Wanted, class Fill>
grpc::ServerUnaryReactor* answer_command(const ServiceParts& parts,
                                         grpc::CallbackServerContext* context,
                                         std::string_view method, const std::string& key,
                                         Checked<Wanted> command, Fill fill,
                                         const std::optional<Traced>& traced = {}) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts.authorizer.authorize(*context, method);
  if (!allowed.ok()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  if (const auto* refusal = std::get_if<Refusal>(&command)) {
    reactor->Finish(to_status(*refusal));
    return reactor;
  }
  EngineThread::AnswerTo done = [reactor, fill = std::move(fill), &workers = parts.workers](
                                    Answer answer, Revision revision) {
    if (auto* expected = std::get_if<Expected>(&answer)) {
      fill(*expected, revision);
      finish(workers, reactor, grpc::Status::OK);
    } else if (const auto* refusal = std::get_if<Refusal>(&answer)) {
      finish(workers, reactor, to_status(*refusal));
    } else {
      finish(workers, reactor, {grpc::StatusCode::INTERNAL, "an answer of another kind"});
    }
  };
  if (parts.traces != nullptr && traced) {
    done = parts.traces->around(traced->what, key, traceparent_of(*context, traced->traceparent),
                                std::move(done));
  }
  parts.engine.ask(key, std::get<Wanted>(std::move(command)), std::move(done));
  return reactor;
}

}  // namespace interlock
