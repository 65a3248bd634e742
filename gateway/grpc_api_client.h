// The HTTP API's calls to the coordinator, over gRPC.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/api_client.h"
#include "gateway/grpc_channel.h"
#include "gateway/metadata_identity.h"

namespace interlock {

struct GrpcApiSettings {
  std::vector<std::string> targets;   // as make_channel takes them, at least one
  std::uint64_t timeout_ms = 5'000;   // of a call, whoever of them answers
  // With a certificate of the gateway's own a call without the caller's token is not made: it would
  // be one in the gateway's name.
  ChannelTls tls = {};
  const MetadataIdentity* identity = nullptr;  // opens Google's front end; none: there is none
};

// A coordinator that cannot be reached is left for the next one, each once in a call and within
// its share of the time: what is asked here may be asked twice. Whoever answered is asked first the
// next time.
class GrpcApiClient final : public ApiClient {
 public:
  explicit GrpcApiClient(const GrpcApiSettings& settings);
  // Cancels what is under way and waits for its end; nothing is called afterwards.
  ~GrpcApiClient() override;
  GrpcApiClient(const GrpcApiClient&) = delete;
  GrpcApiClient& operator=(const GrpcApiClient&) = delete;

  void publish(v1::PublishRequest request, std::string token, ApiDone<v1::Receipt> done) override;
  void look(v1::GetRequest request, std::string token, ApiDone<v1::Connection> done) override;

 private:
  class Owner;
  std::unique_ptr<Owner> owner_;
};

}  // namespace interlock
