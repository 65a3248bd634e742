// Who is calling, and may they.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/token.h"
#include "coordinator/service/caller.h"
#include "coordinator/service/verified_tokens.h"

namespace interlock {

// How callers may prove who they are. One way at least; several are tried in this order.
struct AuthorizerSettings {
  std::string token_file;             // of tokens that are known; empty: none
  std::optional<TokenVerifier> jwt;   // of tokens that an issuer has signed; none: none are taken
  bool certificates = false;          // without any token: the client certificate
  std::string roles_file;             // for the two above
};

// Asked at the top of every handler. The roles of a method are written beside it in the .proto
// files (the option `roles`), and nowhere else.
class Authorizer {
 public:
  // Everybody is "anonymous" and has every role.
  static Authorizer open();
  // The files are read; the status is a sentence.
  static absl::StatusOr<Authorizer> make(AuthorizerSettings settings);
  static absl::StatusOr<Authorizer> from_token_file(const std::string& path);

  // Read the file again: who is not in it any more may do nothing from the next question on. The
  // status is a sentence, and then nothing has changed. One at a time, beside questions.
  absl::Status reread_tokens();
  absl::Status reread_roles();

  // `method`: "interlock.v1.Gateway.Claim". OK; UNAUTHENTICATED, saying what is wrong without
  // anything of the token; UNAVAILABLE while the issuer's keys cannot be had; or PERMISSION_DENIED
  // naming the roles that are needed.
  grpc::Status authorize(const grpc::CallbackServerContext& context, std::string_view method) const;
  // Who it is, for the audit of what has been authorized: the token's subject or verified address,
  // the certificate's principal, or "anonymous".
  std::string caller(const grpc::CallbackServerContext& context) const;
  // As authorize(), for a token that was found already; empty: none.
  grpc::Status authorize_token(std::string_view token, std::string_view method) const;

 private:
  using Found = std::variant<std::shared_ptr<const Caller>, grpc::Status>;
  using Callers = std::map<std::string, std::shared_ptr<const Caller>>;

  // What the files say, exchanged as a whole.
  struct Known {
    Callers by_token;  // by its digest
    Callers by_certificate;
    std::shared_ptr<VerifiedTokens> jwt;  // none: no issuer's tokens are taken
  };
  struct Exchange {
    std::mutex mutex;  // of the pointer
    std::shared_ptr<const Known> known = std::make_shared<const Known>();
  };

  Authorizer() = default;
  std::shared_ptr<const Known> known() const;
  void exchange(Known known);

  Found identify(const grpc::CallbackServerContext& context) const;
  Found identify_token(std::string_view token) const;
  Found identify_certificate(const grpc::CallbackServerContext& context) const;
  static grpc::Status no_token(const Known& known);
  static grpc::Status judge(const Found& found, std::string_view method);

  bool open_ = false;
  AuthorizerSettings settings_;
  std::unique_ptr<Exchange> exchange_ = std::make_unique<Exchange>();
};

}  // namespace interlock
