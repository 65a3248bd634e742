// A coordinator that says what a test wants it to say.
#pragma once

#include <grpcpp/server.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fake_events.h"
#include "interlock/v1/admin.grpc.pb.h"

namespace interlock {

class FakeAdmin final : public v1::Admin::Service {
 public:
  // What it knows; by key. Set before it is asked.
  std::vector<v1::Connection> connections;
  std::vector<v1::HistoryEntry> entries;
  std::vector<v1::WatchResponse> watched;
  std::vector<v1::OutboxEntry> waiting;  // for everybody's client
  std::vector<v1::Finding> findings;     // of everything
  // Each look takes the next one; the last one stays.
  std::vector<v1::ListGatewaysResponse> gateway_looks;
  std::vector<v1::StatsResponse> stats_looks;
  // What a kick answers, and why a release is refused.
  std::vector<v1::KickResponse> kicks;
  grpc::Status release_end;

  // Its other service.
  FakeEvents events;

  // Asked first in each call; anything but OK is the answer.
  std::function<grpc::Status(grpc::ServerContext&)> gate;
  // The same token for every page.
  bool never_ends = false;
  // How a watch ends once everything is sent; OK: when the reader leaves.
  grpc::Status watch_end;

  // At a port of its own, or at the one that another one had.
  explicit FakeAdmin(int port = 0);
  ~FakeAdmin() override;

  std::string address() const;
  int port() const { return port_; }
  void stop();

  std::vector<v1::ListRequest> list_requests() const;
  v1::GetRequest last_get() const;
  v1::KickRequest last_kick() const;
  v1::ForceReleaseRequest last_release() const;
  v1::DrainGatewayRequest last_drain() const;
  v1::WatchRequest last_watch() const;

  // Until the caller has gone, or the server stops.
  void hold(const grpc::ServerContext& context);
  // Until so many watches are under way; false after ten seconds.
  bool wait_for_watches(int count);

  grpc::Status Get(grpc::ServerContext* context, const v1::GetRequest* request,
                   v1::Connection* answer) override;
  grpc::Status List(grpc::ServerContext* context, const v1::ListRequest* request,
                    v1::ListResponse* answer) override;
  grpc::Status History(grpc::ServerContext* context, const v1::HistoryRequest* request,
                       v1::HistoryResponse* answer) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;
  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainResponse* answer) override;
  grpc::Status Outbox(grpc::ServerContext* context, const v1::OutboxRequest* request,
                      v1::OutboxResponse* answer) override;
  grpc::Status Kick(grpc::ServerContext* context, const v1::KickRequest* request,
                    grpc::ServerWriter<v1::KickResponse>* writer) override;
  grpc::Status ForceRelease(grpc::ServerContext* context, const v1::ForceReleaseRequest* request,
                            v1::ForceReleaseResponse* answer) override;
  grpc::Status ListGateways(grpc::ServerContext* context, const v1::ListGatewaysRequest* request,
                            v1::ListGatewaysResponse* answer) override;
  grpc::Status DrainGateway(grpc::ServerContext* context, const v1::DrainGatewayRequest* request,
                            v1::DrainGatewayResponse* answer) override;
  grpc::Status Stats(grpc::ServerContext* context, const v1::StatsRequest* request,
                     v1::StatsResponse* answer) override;

 private:
  grpc::Status pass(grpc::ServerContext& context) const;
  void count_watch(int difference);
  const v1::Connection* find(const std::string& key) const;

  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<v1::ListRequest> list_requests_;
  v1::GetRequest last_get_;
  v1::KickRequest last_kick_;
  v1::ForceReleaseRequest last_release_;
  v1::DrainGatewayRequest last_drain_;
  v1::WatchRequest last_watch_;
  std::size_t gateway_look_ = 0;
  std::size_t stats_look_ = 0;
  int watches_ = 0;  // under way
  std::condition_variable changed_;
  std::unique_ptr<grpc::Server> server_;
};

// A refusal as the coordinator sends it.
grpc::Status refuse_with(grpc::StatusCode code, const v1::Refusal& refusal);

// As if a token file knew `reader` and, without any role that helps, `publisher`.
grpc::Status check_token(grpc::ServerContext& context);

}  // namespace interlock
