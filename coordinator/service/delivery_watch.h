// A publisher that watches what becomes of one event, until nothing more can.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>

#include "coordinator/authority/outbox.h"
#include "coordinator/engine/engine_thread.h"
#include "coordinator/service/standing_calls.h"
#include "coordinator/service/workers.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

v1::DeliveryStatus::Status to_proto(DeliveryState state);

class DeliveryWatch final : public grpc::ServerWriteReactor<v1::DeliveryStatus>,
                            public std::enable_shared_from_this<DeliveryWatch> {
 public:
  // `ended` is called last, from OnDone.
  static std::shared_ptr<DeliveryWatch> start(EngineThread& engine, Workers& workers,
                                              const v1::WatchDeliveryRequest& request,
                                              std::function<void()> ended);

  void stand(StandingCalls::Place place) { place_ = std::move(place); }
  // The watcher may not watch any more, and is told nothing but why. From any thread.
  void cut(grpc::Status why);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  DeliveryWatch(EngineThread& engine, Workers& workers, v1::WatchDeliveryRequest request,
                std::function<void()> ended)
      : engine_(engine),
        workers_(workers),
        request_(std::move(request)),
        ended_(std::move(ended)) {}
  void looked(const Answer& answer);
  void changed(const Watched& watched);
  void say(v1::DeliveryStatus::Status status);
  void say_last(grpc::Status status);
  void go_on();

  EngineThread& engine_;
  Workers& workers_;
  const v1::WatchDeliveryRequest request_;
  std::function<void()> ended_;
  std::shared_ptr<DeliveryWatch> self_;  // until OnDone
  StandingCalls::Place place_;           // until OnDone
  WatcherId watcher_ = 0;

  std::mutex mutex_;
  bool looked_ = false;                  // the first status is durable and current
  std::deque<v1::DeliveryStatus::Status> queue_;
  int last_ = -1;                        // the status that was said last; -1: none
  bool over_ = false;                    // nothing more is said
  grpc::Status final_status_;
  v1::DeliveryStatus response_;
  bool writing_ = false;
  bool finished_ = false;
};

}  // namespace interlock
