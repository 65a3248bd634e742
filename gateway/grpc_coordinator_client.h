// The coordinator over gRPC.
#pragma once

#include <string>
#include <vector>

#include "gateway/attachment_shell.h"
#include "gateway/grpc_channel.h"
#include "gateway/metadata_identity.h"
#include "gateway/own_token.h"

namespace interlock {

struct GrpcCoordinatorSettings {
  std::vector<std::string> targets;  // as make_channel takes them; each attempt takes the next one
  std::string token;                 // empty: none
  AttachmentSettings attachment;
  ChannelTls tls = {};
  MetadataIdentity* identity = nullptr;  // instead of a token; none: not on Google Cloud
  const OwnToken* own_token = nullptr;   // instead of `token`, for one that changes
};

// Splits `host:port,host:port`; empty parts are left out.
std::vector<std::string> split_targets(const std::string& comma_separated);

class GrpcCoordinatorClient final : public AttachmentShell {
 public:
  explicit GrpcCoordinatorClient(const GrpcCoordinatorSettings& settings);
};

}  // namespace interlock
