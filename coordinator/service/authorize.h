// Who is calling, and may they.
#pragma once

#include <grpcpp/support/status.h>
#include <grpcpp/server_context.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "interlock/v1/options.pb.h"

namespace interlock {

struct Caller {
  std::string subject;
  std::vector<v1::Role> roles;
};

// Asked at the top of every handler. The roles of a method are written beside it in the .proto
// files (the option `roles`), and nowhere else.
class Authorizer {
 public:
  // Everybody is "anonymous" and has every role.
  static Authorizer open();
  // JSON: an array of {"token": "...", "role": "gateway|publisher|reader|operator", "subject":
  // "..."}; `role` may be an array. INVALID_ARGUMENT with a sentence when it is anything else.
  static absl::StatusOr<Authorizer> from_token_file(const std::string& path);

  // `method`: "interlock.v1.Gateway.Claim". OK, UNAUTHENTICATED, or PERMISSION_DENIED naming the
  // roles that are needed.
  grpc::Status authorize(const grpc::CallbackServerContext& context, std::string_view method) const;
  // Who it is, for the audit of what has been authorized: the token's subject, or "anonymous".
  std::string caller(const grpc::CallbackServerContext& context) const;
  // As authorize(), for a token that was found already; empty: none.
  grpc::Status authorize_token(std::string_view token, std::string_view method) const;

 private:
  Authorizer() = default;
  bool open_ = false;
  std::map<std::string, Caller> callers_;  // by the SHA-256 of their token
};

}  // namespace interlock
