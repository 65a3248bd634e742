// A coordinator that says what a test wants it to say.
#pragma once

#include <grpcpp/server.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "interlock/v1/admin.grpc.pb.h"

namespace interlock {

class FakeAdmin final : public v1::Admin::Service {
 public:
  // What it knows; by key. Set before it is asked.
  std::vector<v1::Connection> connections;
  std::vector<v1::HistoryEntry> entries;
  std::vector<v1::WatchResponse> watched;

  // Asked first in each call; anything but OK is the answer.
  std::function<grpc::Status(grpc::ServerContext&)> gate;
  // The same token for every page.
  bool never_ends = false;
  // How a watch ends once everything is sent; OK: when the reader leaves.
  grpc::Status watch_end;

  FakeAdmin();
  ~FakeAdmin() override;

  std::string address() const;
  void stop();

  std::vector<v1::ListRequest> list_requests() const;
  v1::GetRequest last_get() const;

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

 private:
  void count_watch(int difference);
  const v1::Connection* find(const std::string& key) const;

  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<v1::ListRequest> list_requests_;
  v1::GetRequest last_get_;
  int watches_ = 0;  // under way
  std::condition_variable changed_;
  std::unique_ptr<grpc::Server> server_;
};

// A refusal as the coordinator sends it.
grpc::Status refuse_with(grpc::StatusCode code, const v1::Refusal& refusal);

// As if a token file knew `reader` and, without any role that helps, `publisher`.
grpc::Status check_token(grpc::ServerContext& context);

}  // namespace interlock
