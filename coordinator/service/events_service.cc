#include "coordinator/service/events_service.h"

#include <memory>

#include "coordinator/authority/outbox.h"
#include "coordinator/service/delivery_watch.h"
#include "coordinator/service/publish_stream.h"

namespace interlock {
namespace {

// A call that is refused before anything is done.
template <class Reactor>
class RefusedCall final : public Reactor {
 public:
  explicit RefusedCall(grpc::Status status) { this->Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

// Answers of one batch; the last one finishes the call.
struct BatchAnswers {
  BatchAnswers(grpc::ServerUnaryReactor* to, Workers& on, int count)
      : reactor(to), workers(on), left(count) {}

  grpc::ServerUnaryReactor* reactor;
  Workers& workers;
  std::atomic<int> left;

  void done() {
    if (--left == 0) finish(workers, reactor, grpc::Status::OK);
  }
};

}  // namespace

grpc::ServerUnaryReactor* EventsService::Publish(grpc::CallbackServerContext* context,
                                                 const v1::PublishRequest* request,
                                                 v1::Receipt* response) {
  return answer_command<Receipt, interlock::Publish>(
      parts_, context, "interlock.v1.Events.Publish", request->key(), from_proto(*request),
      [response](const Receipt& receipt, Revision) { to_proto(receipt, response); },
      Traced{TracedCommand::kPublish, request->traceparent()});
}

grpc::ServerUnaryReactor* EventsService::PublishBatch(grpc::CallbackServerContext* context,
                                                      const v1::PublishBatchRequest* request,
                                                      v1::PublishBatchResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Events.PublishBatch");
  if (allowed.ok() && request->events_size() > kBatchEventsMax) {
    allowed = to_status(InvalidArgument{"events", "at most 256 in one batch"});
  }
  if (!allowed.ok() || request->events().empty()) {
    reactor->Finish(std::move(allowed));
    return reactor;
  }
  const std::string traceparent = traceparent_of(*context);
  for (int i = 0; i < request->events_size(); ++i) response->add_answers();
  const auto batch = std::make_shared<BatchAnswers>(reactor, parts_.workers,
                                                    request->events_size());
  for (int i = 0; i < request->events_size(); ++i) {
    ask_publish(parts_.engine, parts_.traces, traceparent, request->events(i),
                [batch, answer = response->mutable_answers(i)](v1::PublishAnswer said) {
                  *answer = std::move(said);
                  batch->done();
                });
  }
  return reactor;
}

grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>*
EventsService::PublishStream(grpc::CallbackServerContext* context) {
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Events.PublishStream");
  if (!allowed.ok()) {
    return new RefusedCall<
        grpc::ServerBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse>>(
        std::move(allowed));
  }
  const auto stream = PublishStream::start(parts_.engine, parts_.workers, parts_.traces,
                                           traceparent_of(*context));
  let_stand(parts_, context, "interlock.v1.Events.PublishStream", *stream);
  return stream.get();
}

grpc::ServerUnaryReactor* EventsService::GetDelivery(grpc::CallbackServerContext* context,
                                                     const v1::GetDeliveryRequest* request,
                                                     v1::DeliveryStatus* response) {
  Checked<Lookup> lookup = Lookup{};
  if (auto wrong = check_key(request->key())) lookup = *wrong;
  return answer_command<Found, Lookup>(
      parts_, context, "interlock.v1.Events.GetDelivery", request->key(), std::move(lookup),
      [request, response, &engine = parts_.engine](const Found& found, Revision) {
        response->set_sequence(request->sequence());
        response->set_status(to_proto(delivery_of(found.record, request->sequence(),
                                                  request->sequence_since(), engine.tick())));
      });
}

grpc::ServerWriteReactor<v1::DeliveryStatus>* EventsService::WatchDelivery(
    grpc::CallbackServerContext* context, const v1::WatchDeliveryRequest* request) {
  using Refused = RefusedCall<grpc::ServerWriteReactor<v1::DeliveryStatus>>;
  grpc::Status allowed = parts_.authorizer.authorize(*context, "interlock.v1.Events.WatchDelivery");
  if (!allowed.ok()) return new Refused(std::move(allowed));
  if (auto wrong = check_key(request->key())) return new Refused(to_status(*wrong));
  if (++watches_ > kDeliveryWatchesMax) {
    --watches_;
    return new Refused(to_status(ResourceExhausted{"delivery_watches_max", kDeliveryWatchesMax}));
  }
  const auto watch =
      DeliveryWatch::start(parts_.engine, parts_.workers, *request, [this] { --watches_; });
  let_stand(parts_, context, "interlock.v1.Events.WatchDelivery", *watch);
  return watch.get();
}

}  // namespace interlock
