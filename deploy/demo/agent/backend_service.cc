#include "deploy/demo/agent/backend_service.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <utility>

#include "common/trace_context.h"
#include "deploy/demo/agent/receive_stream.h"

namespace interlock {
namespace {

grpc::Status superseded() {
  return {grpc::StatusCode::ABORTED, "The key has been seen with a higher generation."};
}

// Of verdicts that are no acceptance.
grpc::Status refusal_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::superseded:
      return superseded();
    case Verdict::malformed:
      return {grpc::StatusCode::INVALID_ARGUMENT,
              "message_id has 1 to 128 bytes, and data is one JSON value."};
    case Verdict::busy:
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "Too many agent runs at a time."};
    default:
      return {grpc::StatusCode::UNAVAILABLE, "The agent is stopping."};
  }
}

// The stream outlives its gRPC call by as much as the run holds on to it, and says nothing then.
TokenSink sink_of(const std::shared_ptr<ReceiveStream>& stream) {
  return {[stream](v1::Transient event) { stream->say(std::move(event)); },
          [stream] { stream->finish(grpc::Status::OK); }};
}

// What is no traceparent goes no further.
std::string traceparent_of(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find(
      grpc::string_ref(traceparent_name.data(), traceparent_name.size()));
  if (found == context.client_metadata().end()) return {};
  const auto trace = parse_traceparent({found->second.data(), found->second.size()});
  return trace ? to_traceparent(*trace) : std::string();
}

void answer(const std::shared_ptr<ReceiveStream>& stream, Verdict verdict) {
  const bool accepted = verdict == Verdict::started || verdict == Verdict::repeated;
  if (!accepted) return stream->finish(refusal_of(verdict));
  stream->accept();
  if (verdict == Verdict::repeated) stream->finish(grpc::Status::OK);
}

}  // namespace

grpc::ServerUnaryReactor* BackendService::Open(grpc::CallbackServerContext* context,
                                               const v1::OpenRequest* request, v1::OpenResponse*) {
  auto* reactor = context->DefaultReactor();
  boost::asio::post(io_, [this, reactor, key = request->key(), generation = request->generation()] {
    reactor->Finish(agent_.open(key, generation) ? grpc::Status::OK : superseded());
  });
  return reactor;
}

grpc::ServerWriteReactor<v1::ReceiveResponse>* BackendService::Receive(
    grpc::CallbackServerContext* context, const v1::ReceiveRequest* request) {
  auto stream = ReceiveStream::make(io_);
  auto* reactor = stream.get();
  boost::asio::post(io_, [this, stream = std::move(stream), request = *request,
                          traceparent = traceparent_of(*context)] {
    answer(stream, agent_.receive(request, sink_of(stream), traceparent));
  });
  return reactor;
}

grpc::ServerUnaryReactor* BackendService::Closed(grpc::CallbackServerContext* context,
                                                 const v1::ClosedRequest* request,
                                                 v1::ClosedResponse*) {
  auto* reactor = context->DefaultReactor();
  boost::asio::post(io_, [this, reactor, key = request->key(), generation = request->generation()] {
    agent_.closed(key, generation);
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

}  // namespace interlock
