// How a gateway reaches other services by gRPC.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "common/channel_credentials.h"

namespace interlock {

// Lazily connected, on its own. `target`: host:port, or https://host:port with TLS, where the peer
// must prove that name by the system's certificate authorities (GRPC_DEFAULT_SSL_ROOTS_FILE_PATH:
// by others). It answers a dead peer within 25 s (a ping every 20 s, so a server must allow that)
// and tries again to connect at least every 2 s.
std::shared_ptr<grpc::Channel> make_channel(const std::string& target, const ChannelTls& tls = {});

// `authorization: Bearer <token>`; nothing when the token is empty.
void add_token(grpc::ClientContext& context, const std::string& token);

}  // namespace interlock
