#include "coordinator/service/authorize.h"

#include <openssl/sha.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "common/small_file.h"
#include "google/protobuf/descriptor.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/events.pb.h"
#include "interlock/v1/gateway.pb.h"

namespace interlock {
namespace {

constexpr std::size_t kTokenFileBytesMax = 1024 * 1024;
constexpr std::size_t kTokenBytesMin = 16;
constexpr std::string_view kBearer = "Bearer ";

// Tokens are looked up by their digest, so that the time of a look-up tells nothing about them.
std::string digest(std::string_view token) {
  std::string bytes(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
         reinterpret_cast<unsigned char*>(bytes.data()));
  return bytes;
}

std::optional<v1::Role> role_named(std::string_view name) {
  if (name == "gateway") return v1::GATEWAY;
  if (name == "publisher") return v1::PUBLISHER;
  if (name == "reader") return v1::READER;
  if (name == "operator") return v1::OPERATOR;
  return std::nullopt;
}

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

absl::Status wrong(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(
      "the token file " + path + " " + what +
      "; it must be an array of {\"token\", \"role\": \"gateway|publisher|reader|operator\", "
      "\"subject\"}");
}

absl::StatusOr<Caller> caller_from(const boost::json::object& entry, const std::string& path) {
  Caller caller;
  const boost::json::value* subject = entry.if_contains("subject");
  if (subject != nullptr && subject->is_string()) caller.subject = subject->as_string().c_str();
  const boost::json::value* role = entry.if_contains("role");
  if (role == nullptr) return wrong(path, "has an entry without a role");
  boost::json::array names;
  if (role->is_array()) names = role->as_array();
  if (role->is_string()) names.push_back(*role);
  for (const boost::json::value& name : names) {
    const auto known = name.is_string()
                           ? role_named({name.as_string().data(), name.as_string().size()})
                           : std::nullopt;
    if (!known) return wrong(path, "names a role that does not exist");
    caller.roles.push_back(*known);
  }
  if (caller.roles.empty()) return wrong(path, "has an entry without a role");
  return caller;
}

// Empty: none.
std::string_view token_of(const grpc::CallbackServerContext& context) {
  const auto header = context.client_metadata().find("authorization");
  if (header == context.client_metadata().end()) return {};
  const std::string_view value(header->second.data(), header->second.size());
  return value.starts_with(kBearer) ? value.substr(kBearer.size()) : std::string_view();
}

}  // namespace

Authorizer Authorizer::open() {
  Authorizer authorizer;
  authorizer.open_ = true;
  return authorizer;
}

absl::StatusOr<Authorizer> Authorizer::from_token_file(const std::string& path) {
  const absl::StatusOr<std::string> text = read_small_file(path, kTokenFileBytesMax);
  if (!text.ok()) return text.status();
  boost::json::error_code error;
  const boost::json::value parsed = boost::json::parse(*text, error);
  if (error || !parsed.is_array()) return wrong(path, "is not a JSON array");
  Authorizer authorizer;
  for (const boost::json::value& entry : parsed.as_array()) {
    if (!entry.is_object()) return wrong(path, "has an entry that is not an object");
    const boost::json::value* token = entry.as_object().if_contains("token");
    if (token == nullptr || !token->is_string() || token->as_string().size() < kTokenBytesMin) {
      return wrong(path, "has an entry without a token of at least 16 bytes");
    }
    absl::StatusOr<Caller> caller = caller_from(entry.as_object(), path);
    if (!caller.ok()) return caller.status();
    const std::string key = digest({token->as_string().data(), token->as_string().size()});
    if (!authorizer.callers_.emplace(key, *std::move(caller)).second) {
      return wrong(path, "has the same token twice");
    }
  }
  if (authorizer.callers_.empty()) return wrong(path, "is empty, so nobody could call");
  return authorizer;
}

grpc::Status Authorizer::authorize(const grpc::CallbackServerContext& context,
                                   std::string_view method) const {
  return authorize_token(token_of(context), method);
}

std::string Authorizer::caller(const grpc::CallbackServerContext& context) const {
  const auto caller = open_ ? callers_.end() : callers_.find(digest(token_of(context)));
  if (caller == callers_.end()) return "anonymous";
  return caller->second.subject.empty() ? "a token without a subject" : caller->second.subject;
}

grpc::Status Authorizer::authorize_token(std::string_view token, std::string_view method) const {
  if (open_) return grpc::Status::OK;
  if (token.empty()) {
    return {grpc::StatusCode::UNAUTHENTICATED,
            "no token: send `authorization: Bearer <token>` with one of the coordinator's "
            "--token_file"};
  }
  const auto caller = callers_.find(digest(token));
  if (caller == callers_.end()) {
    return {grpc::StatusCode::UNAUTHENTICATED,
            "the token is not in the coordinator's --token_file"};
  }
  const std::vector<v1::Role> wanted = roles_of(method);
  for (v1::Role role : caller->second.roles) {
    if (std::find(wanted.begin(), wanted.end(), role) != wanted.end()) return grpc::Status::OK;
  }
  std::string names;
  for (v1::Role role : wanted) names += (names.empty() ? "" : " or ") + v1::Role_Name(role);
  return {grpc::StatusCode::PERMISSION_DENIED,
          std::string(method) + " needs the role " + (names.empty() ? "of nobody" : names)};
}

}  // namespace interlock
