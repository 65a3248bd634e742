#include "fake_admin.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/support/free_port.h"

namespace interlock {
namespace {

constexpr std::size_t page_size_max = 200;
constexpr int bind_tries = 10;

}  // namespace

FakeAdmin::FakeAdmin(int port) {
  // Somebody else may take a free port before it is bound.
  for (int tries = 0; server_ == nullptr && tries < bind_tries; ++tries) {
    port_ = port != 0 ? port : free_port();
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    builder.RegisterService(&events);
    server_ = builder.BuildAndStart();
  }
  if (server_ == nullptr) {
    std::fprintf(stderr, "The fake coordinator found no port.\n");
    std::abort();
  }
}

FakeAdmin::~FakeAdmin() { stop(); }

std::string FakeAdmin::address() const { return "127.0.0.1:" + std::to_string(port_); }

void FakeAdmin::stop() { server_->Shutdown(std::chrono::system_clock::now()); }

std::vector<v1::ListRequest> FakeAdmin::list_requests() const {
  const std::lock_guard lock(mutex_);
  return list_requests_;
}

v1::GetRequest FakeAdmin::last_get() const {
  const std::lock_guard lock(mutex_);
  return last_get_;
}

v1::WatchRequest FakeAdmin::last_watch() const {
  const std::lock_guard lock(mutex_);
  return last_watch_;
}

grpc::Status FakeAdmin::pass(grpc::ServerContext& context) const {
  return gate ? gate(context) : grpc::Status::OK;
}

// The synchronous API tells nobody that a caller has gone; it has to be asked.
void FakeAdmin::hold(const grpc::ServerContext& context) {
  std::unique_lock lock(mutex_);
  while (!context.IsCancelled()) changed_.wait_for(lock, std::chrono::milliseconds(5));
}

bool FakeAdmin::wait_for_watches(int count) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return watches_ == count; });
}

void FakeAdmin::count_watch(int difference) {
  const std::lock_guard lock(mutex_);
  watches_ += difference;
  changed_.notify_all();
}

grpc::Status FakeAdmin::Get(grpc::ServerContext* context, const v1::GetRequest* request,
                            v1::Connection* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  last_get_ = *request;
  const v1::Connection* connection = find(request->key());
  if (connection == nullptr) {
    v1::Refusal refusal;
    refusal.mutable_not_found();
    return refuse_with(grpc::NOT_FOUND, refusal);
  }
  *answer = *connection;
  answer->set_consistency(request->consistency());
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::List(grpc::ServerContext* context, const v1::ListRequest* request,
                             v1::ListResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  list_requests_.push_back(*request);
  const std::size_t size = request->page_size() == 0 ? page_size_max : request->page_size();
  std::size_t at = request->page_token().empty() ? 0 : std::stoul(request->page_token());
  for (; at < connections.size() && static_cast<std::size_t>(answer->connections_size()) < size;
       ++at) {
    const v1::State state = connections[at].state();
    if (request->live_only() && (state == v1::CLOSED || state == v1::FAILED)) continue;
    *answer->add_connections() = connections[at];
  }
  if (at < connections.size()) answer->set_next_page_token(std::to_string(at));
  if (never_ends) answer->set_next_page_token("1");
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::History(grpc::ServerContext* context, const v1::HistoryRequest* request,
                                v1::HistoryResponse* answer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  const std::lock_guard lock(mutex_);
  if (find(request->key()) == nullptr) return {grpc::NOT_FOUND, "no record"};
  for (const v1::HistoryEntry& entry : entries) *answer->add_entries() = entry;
  return grpc::Status::OK;
}

grpc::Status FakeAdmin::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                              grpc::ServerWriter<v1::WatchResponse>* writer) {
  if (const grpc::Status passed = pass(*context); !passed.ok()) return passed;
  {
    const std::lock_guard lock(mutex_);
    last_watch_ = *request;
  }
  writer->SendInitialMetadata();
  count_watch(1);
  for (const v1::WatchResponse& answer : watched) {
    if (request->key().empty() || answer.changed().key() == request->key()) writer->Write(answer);
  }
  if (watch_end.ok()) hold(*context);
  count_watch(-1);
  return watch_end;
}

const v1::Connection* FakeAdmin::find(const std::string& key) const {
  const auto found =
      std::find_if(connections.begin(), connections.end(),
                   [&](const v1::Connection& connection) { return connection.key() == key; });
  return found == connections.end() ? nullptr : &*found;
}

grpc::Status refuse_with(grpc::StatusCode code, const v1::Refusal& refusal) {
  v1::ErrorStatus error;
  error.set_code(code);
  error.set_message("refused");
  error.add_details()->PackFrom(refusal);
  return {code, "refused", error.SerializeAsString()};
}

grpc::Status check_token(grpc::ServerContext& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("authorization");
  const std::string given =
      found == metadata.end() ? "" : std::string(found->second.data(), found->second.size());
  if (given == "Bearer reader") return grpc::Status::OK;
  if (given == "Bearer publisher")
    return {grpc::PERMISSION_DENIED, "it needs the role READER or OPERATOR"};
  return {grpc::UNAUTHENTICATED, given.empty() ? "no token" : "unknown token"};
}

}  // namespace interlock
