#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "coordinator/store/etcd/client.h"
#include "fmt/format.h"

namespace interlock::etcd {
namespace {

// etcd closes connections of those who ping more often than every 5 s (--grpc-keepalive-min-time).
constexpr int kKeepaliveMs = 6'000;
constexpr int kKeepaliveTimeoutMs = 2'000;
constexpr int kReconnectInitialMs = 50;
constexpr int kReconnectMaxMs = 1'000;
constexpr int kUnlimited = -1;

// A call to nobody, which has ended long since; its channel is what is wanted.
struct QueueKeeper {
  QueueKeeper() {
    context.set_deadline(std::chrono::system_clock::now());
    stub->async()->Range(&context, &request, &response, [](const grpc::Status&) {});
  }
  std::unique_ptr<etcdserverpb::KV::Stub> stub = etcdserverpb::KV::NewStub(
      grpc::CreateChannel("unix:///interlock/nobody", grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  etcdserverpb::RangeRequest request;
  etcdserverpb::RangeResponse response;
};

// Callbacks of all channels run on the threads of one queue, which gRPC ends with the last channel.
// Where that is given up in a callback, as of a call that outlives its store by a moment, one of
// those threads would have to wait for itself (github.com/grpc/grpc/pull/32584). So there is always
// one channel more.
void keep_callback_queue() {
  static const QueueKeeper* const keeper = new QueueKeeper;
  (void)keeper;
}

absl::StatusOr<std::string> content_of(const std::string& file) {
  if (file.empty()) return std::string();
  std::ifstream stream(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(stream), {}};
  if (stream && !content.empty()) return content;
  return absl::NotFoundError(fmt::format("'{}' in --store cannot be read, or is empty.", file));
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials_of(const Settings& settings) {
  if (!settings.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  const std::pair<const std::string&, std::string&> files[] = {
      {settings.ca_file, options.pem_root_certs},
      {settings.cert_file, options.pem_cert_chain},
      {settings.key_file, options.pem_private_key}};
  for (const auto& [file, content] : files) {
    absl::StatusOr<std::string> read = content_of(file);
    if (!read.ok()) return read.status();
    content = *std::move(read);
  }
  return grpc::SslCredentials(options);
}

grpc::ChannelArguments arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectInitialMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectMaxMs);
  // What gRPC would send again may have been applied.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Each store has connections of its own.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A page of records, or what one revision changed, is as large as it is.
  arguments.SetMaxReceiveMessageSize(kUnlimited);
  arguments.SetMaxSendMessageSize(kUnlimited);
  return arguments;
}

}  // namespace

absl::StatusOr<std::vector<Member>> make_members(const Settings& settings) {
  keep_callback_queue();
  const auto credentials = credentials_of(settings);
  if (!credentials.ok()) return credentials.status();
  std::vector<Member> members;
  for (const std::string& endpoint : settings.endpoints) {
    const auto channel = grpc::CreateCustomChannel(endpoint, *credentials, arguments());
    members.push_back(
        {endpoint, etcdserverpb::KV::NewStub(channel), etcdserverpb::Watch::NewStub(channel),
         etcdserverpb::Cluster::NewStub(channel), etcdserverpb::Maintenance::NewStub(channel),
         etcdserverpb::Auth::NewStub(channel)});
  }
  return members;
}

void txn(Member& member, grpc::ClientContext* context, const etcdserverpb::TxnRequest* request,
         etcdserverpb::TxnResponse* response, std::function<void(grpc::Status)> done) {
  member.kv->async()->Txn(context, request, response, std::move(done));
}

void range(Member& member, grpc::ClientContext* context, const etcdserverpb::RangeRequest* request,
           etcdserverpb::RangeResponse* response, std::function<void(grpc::Status)> done) {
  member.kv->async()->Range(context, request, response, std::move(done));
}

void compact(Member& member, grpc::ClientContext* context,
             const etcdserverpb::CompactionRequest* request,
             etcdserverpb::CompactionResponse* response, std::function<void(grpc::Status)> done) {
  member.kv->async()->Compact(context, request, response, std::move(done));
}

void status(Member& member, grpc::ClientContext* context,
            const etcdserverpb::StatusRequest* request, etcdserverpb::StatusResponse* response,
            std::function<void(grpc::Status)> done) {
  member.maintenance->async()->Status(context, request, response, std::move(done));
}

void member_list(Member& member, grpc::ClientContext* context,
                 const etcdserverpb::MemberListRequest* request,
                 etcdserverpb::MemberListResponse* response,
                 std::function<void(grpc::Status)> done) {
  member.cluster->async()->MemberList(context, request, response, std::move(done));
}

void authenticate(Member& member, grpc::ClientContext* context,
                  const etcdserverpb::AuthenticateRequest* request,
                  etcdserverpb::AuthenticateResponse* response,
                  std::function<void(grpc::Status)> done) {
  member.auth->async()->Authenticate(context, request, response, std::move(done));
}

}  // namespace interlock::etcd
