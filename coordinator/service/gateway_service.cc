#include "coordinator/service/gateway_service.h"

namespace interlock {
namespace {

// A stream that is refused before anything is read of it.
class RefusedStream final : public grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse> {
 public:
  explicit RefusedStream(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

GatewayService::GatewayService(ServiceParts parts, std::string coordinator_id, AttachLimits limits)
    : parts_(parts), coordinator_id_(std::move(coordinator_id)), limits_(limits) {}

void GatewayService::drain(std::uint64_t within_ms) {
  const std::lock_guard lock(mutex_);
  for (AttachStream* stream : streams_) stream->drain(within_ms);
}

std::size_t GatewayService::streams() const {
  const std::lock_guard lock(mutex_);
  return streams_.size();
}

grpc::ServerBidiReactor<v1::AttachRequest, v1::AttachResponse>* GatewayService::Attach(
    grpc::CallbackServerContext* context) {
  const auto authorize = [this, context] {
    return parts_.authorizer.authorize(*context, "interlock.v1.Gateway.Attach");
  };
  grpc::Status allowed = authorize();
  if (!allowed.ok()) return new RefusedStream(std::move(allowed));
  const std::lock_guard lock(mutex_);
  AttachStream* stream =
      AttachStream::start(parts_.engine, parts_.workers, parts_.traces, coordinator_id_, limits_,
                          authorize,
                          [this](AttachStream* ended) {
                            const std::lock_guard lock(mutex_);
                            streams_.erase(ended);
                          })
          .get();
  streams_.insert(stream);
  return stream;
}

grpc::ServerUnaryReactor* GatewayService::Claim(grpc::CallbackServerContext* context,
                                                const v1::ClaimRequest* request,
                                                v1::Granted* response) {
  return answer_command<Granted, interlock::Claim>(
      parts_, context, "interlock.v1.Gateway.Claim", request->key(), from_proto(*request),
      [request, response](const Granted& granted, Revision) {
        to_proto(request->key(), request->claim_id(), granted, response);
      },
      Traced{TracedCommand::kClaim, request->traceparent()});
}

grpc::ServerUnaryReactor* GatewayService::Abandon(grpc::CallbackServerContext* context,
                                                  const v1::AbandonRequest* request,
                                                  v1::AbandonResponse*) {
  return answer_command<Settled, interlock::Abandon>(
      parts_, context, "interlock.v1.Gateway.Abandon", request->key(), from_proto(*request),
      [](const Settled&, Revision) {});
}

grpc::ServerUnaryReactor* GatewayService::Operate(grpc::CallbackServerContext* context,
                                                  const v1::OperateRequest* request,
                                                  v1::Done* response) {
  return answer_command<Done, interlock::Operate>(
      parts_, context, "interlock.v1.Gateway.Operate", request->key(), from_proto(*request),
      [request, response](const Done& done, Revision) {
        to_proto(request->key(), request->generation(), done, response);
      },
      Traced{TracedCommand::kOperate, request->traceparent()});
}

grpc::ServerUnaryReactor* GatewayService::Acknowledge(grpc::CallbackServerContext* context,
                                                      const v1::AcknowledgeRequest* request,
                                                      v1::AcknowledgeResponse*) {
  return answer_command<Settled, interlock::Acknowledge>(
      parts_, context, "interlock.v1.Gateway.Acknowledge", request->key(), from_proto(*request),
      [](const Settled&, Revision) {});
}

}  // namespace interlock
