#include "coordinator/service/authorize.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/events.pb.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {
namespace {

constexpr std::string_view kBearer = "Bearer ";

std::vector<v1::Role> roles_of(std::string_view method) {
  std::vector<v1::Role> roles;
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
      std::string(method));
  if (found == nullptr) return roles;
  for (int i = 0; i < found->options().ExtensionSize(v1::roles); ++i) {
    roles.push_back(found->options().GetExtension(v1::roles, i));
  }
  return roles;
}

// Empty: none.
std::string_view token_of(const grpc::CallbackServerContext& context) {
  const auto header = context.client_metadata().find("authorization");
  if (header == context.client_metadata().end()) return {};
  const std::string_view value(header->second.data(), header->second.size());
  return value.starts_with(kBearer) ? value.substr(kBearer.size()) : std::string_view();
}

std::int64_t now_unix_seconds() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

grpc::Status unauthenticated(std::string sentence) {
  return {grpc::StatusCode::UNAUTHENTICATED, std::move(sentence)};
}

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : " or ") + name;
  return list;
}

// What is wrong and what to do, without anything that the token says.
grpc::Status refusal_of(TokenRejection rejection, const TokenExpectations& expected) {
  switch (rejection) {
    case TokenRejection::no_keys:
      return {grpc::StatusCode::UNAVAILABLE,
              "the coordinator has no keys to verify tokens with: its --auth_jwks cannot be had; "
              "try again"};
    case TokenRejection::key_not_yet_known:
      return {grpc::StatusCode::UNAVAILABLE,
              "the token names a key that the coordinator is asking its --auth_jwks for; try "
              "again"};
    case TokenRejection::unknown_key:
      return unauthenticated("the token names a key that is not in the coordinator's --auth_jwks");
    case TokenRejection::expired:
      return unauthenticated("the token has expired; fetch a fresh one");
    case TokenRejection::not_yet_valid:
      return unauthenticated("the token is not valid yet; is a clock wrong?");
    case TokenRejection::no_expiry:
      return unauthenticated("the token has no `exp`; only tokens that expire are taken");
    case TokenRejection::wrong_issuer:
      return unauthenticated("the token is by another issuer than " + expected.issuer);
    case TokenRejection::wrong_audience:
      return unauthenticated("the token is for another audience than " +
                             list_of(expected.audiences));
    case TokenRejection::unsupported_algorithm:
      return unauthenticated("the token is signed with another algorithm than its key is for");
    case TokenRejection::bad_signature:
      return unauthenticated("the token's signature is wrong");
    case TokenRejection::no_subject:
      return unauthenticated("the token names no subject");
    case TokenRejection::malformed:
      break;
  }
  return unauthenticated("the token is not one that the coordinator knows, and no JSON Web Token");
}

grpc::Status no_roles() {
  return {grpc::StatusCode::PERMISSION_DENIED,
          "who calls has no role in the coordinator's --roles_file"};
}

}  // namespace

Authorizer Authorizer::open() {
  Authorizer authorizer;
  authorizer.open_ = true;
  return authorizer;
}

absl::StatusOr<Authorizer> Authorizer::make(AuthorizerSettings settings) {
  Authorizer authorizer;
  authorizer.settings_ = std::move(settings);
  absl::Status status;
  if (!authorizer.settings_.token_file.empty()) status.Update(authorizer.reread_tokens());
  if (authorizer.settings_.jwt || authorizer.settings_.certificates) {
    status.Update(authorizer.reread_roles());
  }
  if (!status.ok()) return status;
  return authorizer;
}

std::shared_ptr<const Authorizer::Known> Authorizer::known() const {
  const std::lock_guard lock(exchange_->mutex);
  return exchange_->known;
}

void Authorizer::exchange(Known known) {
  auto next = std::make_shared<const Known>(std::move(known));
  const std::lock_guard lock(exchange_->mutex);
  exchange_->known.swap(next);
}

absl::Status Authorizer::reread_tokens() {
  auto callers = read_token_file(settings_.token_file);
  if (!callers.ok()) return callers.status();
  Known next = *known();
  next.by_token.clear();
  for (auto& [digest, caller] : *callers) {
    next.by_token.emplace(digest, std::make_shared<const Caller>(std::move(caller)));
  }
  exchange(std::move(next));
  return absl::OkStatus();
}

absl::Status Authorizer::reread_roles() {
  auto principals = read_roles_file(settings_.roles_file);
  if (!principals.ok()) return principals.status();
  Known next = *known();
  next.by_certificate.clear();
  for (const auto& [name, roles] : principals->certificates) {
    next.by_certificate.emplace(name, std::make_shared<const Caller>(Caller{name, roles}));
  }
  // What was verified before is forgotten: it was kept with the roles of before.
  if (settings_.jwt) {
    next.jwt = std::make_shared<VerifiedTokens>(*settings_.jwt, *std::move(principals));
  }
  exchange(std::move(next));
  return absl::OkStatus();
}

absl::StatusOr<Authorizer> Authorizer::from_token_file(const std::string& path) {
  AuthorizerSettings settings;
  settings.token_file = path;
  return make(std::move(settings));
}

Authorizer::Found Authorizer::identify(const grpc::CallbackServerContext& context) const {
  const std::string_view token = token_of(context);
  if (token.empty() && settings_.certificates) return identify_certificate(context);
  return identify_token(token);
}

grpc::Status Authorizer::no_token(const Known& known) {
  if (!known.jwt && known.by_token.empty()) {
    return unauthenticated("no client certificate that names somebody: use one of the authority in "
                           "the coordinator's --tls_client_ca_file");
  }
  return unauthenticated(
      std::string("no token: send `authorization: Bearer <token>` with ") +
      (known.by_token.empty() ? "one for the coordinator's --auth_audience, by its --auth_issuer"
                              : "one of the coordinator's --token_file"));
}

Authorizer::Found Authorizer::identify_token(std::string_view token) const {
  const std::shared_ptr<const Known> known = this->known();
  if (token.empty()) return no_token(*known);
  const auto caller = known->by_token.find(token_digest(token));
  if (caller != known->by_token.end()) return caller->second;
  if (!known->jwt) return unauthenticated("the token is not in the coordinator's --token_file");
  auto verdict = known->jwt->look_at(token, now_unix_seconds());
  if (const auto* rejection = std::get_if<TokenRejection>(&verdict)) {
    return refusal_of(*rejection, known->jwt->expectations());
  }
  return std::get<std::shared_ptr<const Caller>>(std::move(verdict));
}

Authorizer::Found Authorizer::identify_certificate(
    const grpc::CallbackServerContext& context) const {
  const std::shared_ptr<const Known> known = this->known();
  const auto peer = context.auth_context();
  if (peer == nullptr || !peer->IsPeerAuthenticated()) return no_token(*known);
  const auto pems = peer->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pems.size() != 1) return no_token(*known);
  const std::string principal =
      certificate_principal(std::string(pems.front().data(), pems.front().size()));
  if (principal.empty()) return no_token(*known);
  const auto caller = known->by_certificate.find(principal);
  if (caller == known->by_certificate.end()) return no_roles();
  return caller->second;
}

grpc::Status Authorizer::authorize(const grpc::CallbackServerContext& context,
                                   std::string_view method) const {
  if (open_) return grpc::Status::OK;
  return judge(identify(context), method);
}

grpc::Status Authorizer::authorize_token(std::string_view token, std::string_view method) const {
  if (open_) return grpc::Status::OK;
  return judge(identify_token(token), method);
}

std::string Authorizer::caller(const grpc::CallbackServerContext& context) const {
  if (open_) return "anonymous";
  const Found found = identify(context);
  const auto* caller = std::get_if<std::shared_ptr<const Caller>>(&found);
  return caller == nullptr ? "anonymous" : (*caller)->subject;
}

grpc::Status Authorizer::judge(const Found& found, std::string_view method) {
  if (const auto* refusal = std::get_if<grpc::Status>(&found)) return *refusal;
  const Caller& caller = *std::get<std::shared_ptr<const Caller>>(found);
  if (caller.roles.empty()) return no_roles();
  const std::vector<v1::Role> wanted = roles_of(method);
  if (std::ranges::find_first_of(caller.roles, wanted) != caller.roles.end()) {
    return grpc::Status::OK;
  }
  std::string names;
  for (v1::Role role : wanted) names += (names.empty() ? "" : " or ") + v1::Role_Name(role);
  return {grpc::StatusCode::PERMISSION_DENIED,
          std::string(method) + " needs the role " + (names.empty() ? "of nobody" : names)};
}

}  // namespace interlock
