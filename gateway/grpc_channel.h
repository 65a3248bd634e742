// How a gateway reaches other services by gRPC.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

namespace interlock {

// Lazily connected, without TLS. `target`: host:port. It answers a dead peer within 25 s (a ping
// every 20 s, so a server must allow that) and tries again to connect at least every 2 s.
std::shared_ptr<grpc::Channel> make_channel(const std::string& target);

// `authorization: Bearer <token>`; nothing when the token is empty.
void add_token(grpc::ClientContext& context, const std::string& token);

}  // namespace interlock
