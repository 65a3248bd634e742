#include "coordinator/service/delivery_watch.h"

#include <utility>

#include "coordinator/service/refusal.h"

namespace interlock {
namespace {

bool is_last(v1::DeliveryStatus::Status status) {
  return status != v1::DeliveryStatus::ACCEPTED && status != v1::DeliveryStatus::SENT;
}

}  // namespace

v1::DeliveryStatus::Status to_proto(DeliveryState state) {
  switch (state) {
    case DeliveryState::kUnknown: return v1::DeliveryStatus::UNKNOWN;
    case DeliveryState::kAccepted: return v1::DeliveryStatus::ACCEPTED;
    case DeliveryState::kAcknowledged: return v1::DeliveryStatus::ACKNOWLEDGED;
    case DeliveryState::kExpired: return v1::DeliveryStatus::EXPIRED;
  }
  return v1::DeliveryStatus::UNKNOWN;
}

std::shared_ptr<DeliveryWatch> DeliveryWatch::start(EngineThread& engine, Workers& workers,
                                                    const v1::WatchDeliveryRequest& request,
                                                    std::function<void()> ended) {
  std::shared_ptr<DeliveryWatch> watch(
      new DeliveryWatch(engine, workers, request, std::move(ended)));
  watch->self_ = watch;
  // The watch first, so that nothing falls between it and the look.
  watch->watcher_ = engine.watch({.key = request.key(), .deliveries = true},
                                 [self = std::weak_ptr(watch)](const Watched& watched) {
                                   if (const auto watch = self.lock()) watch->changed(watched);
                                 });
  engine.ask(request.key(), Lookup{},
             [self = std::weak_ptr(watch)](const Answer& answer, Revision) {
               if (const auto watch = self.lock()) watch->looked(answer);
             });
  watch->StartSendInitialMetadata();
  return watch;
}

void DeliveryWatch::looked(const Answer& answer) {
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return say_last(to_status(*refusal));
  const auto* found = std::get_if<Found>(&answer);
  if (found == nullptr) return say_last({grpc::StatusCode::INTERNAL, "an answer of another kind"});
  {
    const std::lock_guard lock(mutex_);
    looked_ = true;
  }
  say(to_proto(delivery_of(found->record, request_.sequence(), request_.sequence_since(),
                           engine_.tick())));
}

void DeliveryWatch::changed(const Watched& watched) {
  {
    const std::lock_guard lock(mutex_);
    if (!looked_) return;  // the look is behind this change
  }
  if (!watched.connection) return say(v1::DeliveryStatus::UNKNOWN);  // the record was forgotten
  const v1::DeliveryStatus::Status status =
      to_proto(delivery_of(watched.connection->record, request_.sequence(),
                           request_.sequence_since(), watched.tick));
  const bool sent = watched.sent >= request_.sequence();
  say(status == v1::DeliveryStatus::ACCEPTED && sent ? v1::DeliveryStatus::SENT : status);
}

// Only what is news, and never backwards: what was sent has been.
void DeliveryWatch::say(v1::DeliveryStatus::Status status) {
  const std::lock_guard lock(mutex_);
  const bool back = last_ == v1::DeliveryStatus::SENT && status == v1::DeliveryStatus::ACCEPTED;
  if (over_ || last_ == status || back) return;
  last_ = status;
  queue_.push_back(status);
  over_ = is_last(status);
  if (!writing_) workers_.post([self = shared_from_this()] { self->go_on(); });
}

void DeliveryWatch::say_last(grpc::Status status) {
  const std::lock_guard lock(mutex_);
  if (over_) return;
  over_ = true;
  final_status_ = std::move(status);
  if (!writing_) workers_.post([self = shared_from_this()] { self->go_on(); });
}

void DeliveryWatch::cut(grpc::Status why) {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
  }
  say_last(std::move(why));
}

void DeliveryWatch::go_on() {
  const std::lock_guard lock(mutex_);
  if (writing_ || finished_) return;
  if (!queue_.empty()) {
    response_.set_sequence(request_.sequence());
    response_.set_status(queue_.front());
    queue_.pop_front();
    writing_ = true;
    StartWrite(&response_);
  } else if (over_) {
    finished_ = true;
    Finish(final_status_);
  }
}

void DeliveryWatch::OnWriteDone(bool ok) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
    if (!ok) {
      queue_.clear();
      over_ = true;
    }
  }
  go_on();
}

void DeliveryWatch::OnCancel() {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
    over_ = true;
  }
  go_on();
}

void DeliveryWatch::OnDone() {
  place_.leave();
  engine_.unwatch(watcher_);
  ended_();
  const std::shared_ptr<DeliveryWatch> keep = std::move(self_);
}

}  // namespace interlock
