#include "gateway/grpc_backend_client.h"

#include <utility>

#include "gateway/grpc_backend_call.h"

namespace interlock {

class GrpcBackendClient::Owner : public GrpcBackendCalls {
 public:
  using GrpcBackendCalls::GrpcBackendCalls;
  ~Owner() {
    thread.post([this] { stop(); });
    thread.join();
  }
};

GrpcBackendClient::GrpcBackendClient(const GrpcBackendSettings& settings)
    : owner_(std::make_unique<Owner>(settings)) {}

GrpcBackendClient::~GrpcBackendClient() = default;

void GrpcBackendClient::open(v1::OpenRequest request, std::function<void(BackendAnswer)> done,
                             std::string traceparent) {
  using Call = UnaryBackendCall<v1::OpenRequest, v1::OpenResponse>;
  owner_->thread.post([owner = owner_.get(), request = std::move(request), done = std::move(done),
                       traceparent = std::move(traceparent)]() mutable {
    std::make_shared<Call>(
        *owner, owner->settings.open_timeout_ms, std::move(done), std::move(request),
        [](v1::Backend::Stub& stub, auto* context, auto* asked, auto* answer, auto ended) {
          stub.async()->Open(context, asked, answer, std::move(ended));
        },
        std::move(traceparent))
        ->start();
  });
}

void GrpcBackendClient::receive(v1::ReceiveRequest request,
                                std::function<void(BackendAnswer)> accepted,
                                std::function<void(v1::Transient)> transient,
                                std::string traceparent) {
  owner_->thread.post([owner = owner_.get(), request = std::move(request),
                       accepted = std::move(accepted), transient = std::move(transient),
                       traceparent = std::move(traceparent)]() mutable {
    make_receive_call(*owner, std::move(request), std::move(accepted), std::move(transient),
                      std::move(traceparent))
        ->start();
  });
}

void GrpcBackendClient::closed(v1::ClosedRequest request, std::function<void(BackendAnswer)> done) {
  using Call = UnaryBackendCall<v1::ClosedRequest, v1::ClosedResponse>;
  owner_->thread.post(
      [owner = owner_.get(), request = std::move(request), done = std::move(done)]() mutable {
        std::make_shared<Call>(
            *owner, owner->settings.closed_timeout_ms, std::move(done), std::move(request),
            [](v1::Backend::Stub& stub, auto* context, auto* asked, auto* answer, auto ended) {
              stub.async()->Closed(context, asked, answer, std::move(ended));
            })
            ->start();
      });
}

const BackendCounters& GrpcBackendClient::counters() const { return owner_->counters; }

}  // namespace interlock
