#include "gateway/grpc_channel.h"

#include <grpc/grpc.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <chrono>
#include <string_view>

namespace interlock {
namespace {

constexpr int keepalive_ms = 20'000;
constexpr int keepalive_timeout_ms = 5'000;
constexpr int reconnect_initial_ms = 50;
constexpr int reconnect_max_ms = 2'000;
constexpr std::string_view tls_prefix = "https://";
constexpr int message_bytes_max = 8 * 1024 * 1024;

// A call to nobody, which has ended long since; its channel is what is wanted.
struct QueueKeeper {
  QueueKeeper() {
    context.set_deadline(std::chrono::system_clock::now());
    stub.UnaryCall(&context, "/interlock/Keep", grpc::StubOptions(), &request, &response,
                   [](const grpc::Status&) {});
  }
  grpc::GenericStub stub{
      grpc::CreateChannel("unix:///interlock/nobody", grpc::InsecureChannelCredentials())};
  grpc::ClientContext context;
  grpc::Slice empty;
  grpc::ByteBuffer request{&empty, 1};  // one without any slice is none to gRPC
  grpc::ByteBuffer response;
};

// Callbacks of all channels run on the threads of one queue, which gRPC ends with the last channel
// that used it. Where that is given up in a callback, as of a call that outlived its client, one of
// those threads would have to wait for itself: gRPC 1.51 frees the queue under it and aborts
// (github.com/grpc/grpc/pull/32584). So there is always one channel more.
void keep_callback_queue() {
  static const QueueKeeper* const keeper = new QueueKeeper;
  (void)keeper;
}

}  // namespace

std::shared_ptr<grpc::Channel> make_channel(const std::string& target, const ChannelTls& tls) {
  keep_callback_queue();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, keepalive_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, keepalive_timeout_ms);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // The client's own backoff decides when to try; the channel must not sit out a minute beside it.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, reconnect_initial_ms);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, reconnect_max_ms);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, reconnect_max_ms);
  // Or two channels to one target would share a connection, and its limit of streams.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // Retries are ours, with a budget and a breaker.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetMaxReceiveMessageSize(message_bytes_max);
  arguments.SetMaxSendMessageSize(message_bytes_max);
  if (!target.starts_with(tls_prefix)) {
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }
  return grpc::CreateCustomChannel(target.substr(tls_prefix.size()), tls_credentials(tls),
                                   arguments);
}

void add_token(grpc::ClientContext& context, const std::string& token) {
  if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
}

}  // namespace interlock
