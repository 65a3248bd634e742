#include "gateway/grpc_identity.h"

#include <map>
#include <string>
#include <utility>

namespace interlock {
namespace {

constexpr const char* own_field = "authorization";
constexpr const char* front_end_field = "x-serverless-authorization";

class IdentityPlugin final : public grpc::MetadataCredentialsPlugin {
 public:
  IdentityPlugin(const MetadataIdentity& identity, bool passage_only)
      : identity_(identity), passage_only_(passage_only) {}

  // The token is at hand, always.
  bool IsBlocking() const override { return false; }
  const char* GetType() const override { return "interlock-identity"; }
  // gRPC logs it; the default would do, and says nothing of the token either.
  grpc::string DebugString() override { return "the ID token of this gateway"; }

  grpc::Status GetMetadata(grpc::string_ref, grpc::string_ref, const grpc::AuthContext&,
                           std::multimap<grpc::string, grpc::string>* metadata) override {
    const absl::StatusOr<std::string> token = identity_.token();
    if (!token.ok()) {
      if (passage_only_) return grpc::Status::OK;
      return {grpc::StatusCode::UNAVAILABLE, std::string(token.status().message())};
    }
    metadata->emplace(front_end_field, "Bearer " + *token);
    if (!passage_only_) metadata->emplace(own_field, "Bearer " + *token);
    return grpc::Status::OK;
  }

 private:
  const MetadataIdentity& identity_;
  const bool passage_only_;
};

// Otherwise gRPC refuses call credentials on a plain channel.
std::shared_ptr<grpc::CallCredentials> credentials_of(std::unique_ptr<IdentityPlugin> plugin) {
  return grpc::experimental::MetadataCredentialsFromPlugin(std::move(plugin), GRPC_SECURITY_NONE);
}

}  // namespace

std::shared_ptr<grpc::CallCredentials> identity_credentials(const MetadataIdentity& identity) {
  return credentials_of(std::make_unique<IdentityPlugin>(identity, false));
}

std::shared_ptr<grpc::CallCredentials> passage_credentials(const MetadataIdentity& identity) {
  return credentials_of(std::make_unique<IdentityPlugin>(identity, true));
}

}  // namespace interlock
