#include "coordinator/ctl/call_failure.h"

#include <fmt/format.h>

#include "coordinator/ctl/refusal.h"
#include "coordinator/ctl/text.h"

namespace interlock {
namespace {

ExitCode exit_code_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::OK:
      return ExitCode::kOk;
    case grpc::INVALID_ARGUMENT:
      return ExitCode::kUsage;
    case grpc::NOT_FOUND:
      return ExitCode::kNotFound;
    case grpc::UNAVAILABLE:
    case grpc::DEADLINE_EXCEEDED:
      return ExitCode::kUnavailable;
    case grpc::UNAUTHENTICATED:
    case grpc::PERMISSION_DENIED:
    case grpc::FAILED_PRECONDITION:
    case grpc::ABORTED:
    case grpc::ALREADY_EXISTS:
    case grpc::RESOURCE_EXHAUSTED:
    case grpc::OUT_OF_RANGE:
      return ExitCode::kRefused;
    default:
      return ExitCode::kFailed;
  }
}

// gRPC nests its reasons: what the operator can use stands behind the last colon.
std::string innermost(const std::string& message) {
  const std::size_t colon = message.rfind(": ");
  return escape_control(colon == std::string::npos ? message : message.substr(colon + 2));
}

// What the coordinator said, in brackets; nothing if it said nothing.
std::string remark(const grpc::Status& status) {
  if (status.error_message().empty()) return "";
  return fmt::format(" ({})", escape_control(status.error_message()));
}

std::string unreached(const grpc::Status& status, const std::string& address) {
  return fmt::format(
      "Cannot reach {}: is the coordinator running? --coordinator=HOST:PORT or "
      "INTERLOCK_COORDINATOR names another one ({}).",
      address, innermost(status.error_message()));
}

// Without a token what the coordinator says is the same in more words.
std::string unauthenticated(const grpc::Status& status, const ToolSettings& settings) {
  const std::string& shown =
      settings.token_file.empty() ? settings.identity_token_file : settings.token_file;
  if (shown.empty()) {
    return "The coordinator wants to know who is asking: give a token with --token_file=FILE or "
           "INTERLOCK_TOKEN_FILE.";
  }
  return fmt::format(
      "The coordinator does not accept the token in {}{}; ask its operator for "
      "another one.",
      escape_control(shown), remark(status));
}

// The coordinator names the roles that are needed.
std::string permission_denied(const grpc::Status& status, const Call& call) {
  const std::string why = status.error_message().empty() ? call.method + " is not for everybody"
                                                         : status.error_message();
  return fmt::format("Permission denied: {}; give another token with --token_file=FILE.",
                     escape_control(why));
}

std::string plain_sentence(const grpc::Status& status, const Call& call,
                           const ToolSettings& settings) {
  const std::string address = to_string(settings.coordinator);
  switch (status.error_code()) {
    case grpc::UNAUTHENTICATED:
      return unauthenticated(status, settings);
    case grpc::PERMISSION_DENIED:
      return permission_denied(status, call);
    case grpc::NOT_FOUND:
      return not_found_sentence(call.key);
    case grpc::DEADLINE_EXCEEDED:
      return fmt::format(
          "No answer from {} within {}: it may be busy or cut off; --timeout=30s "
          "waits longer.",
          address, absl::FormatDuration(settings.timeout));
    case grpc::UNAVAILABLE:
      return fmt::format("The coordinator at {} is not available now{}; try again in a moment.",
                         address, remark(status));
    case grpc::UNIMPLEMENTED:
      return fmt::format(
          "Whoever answers at {} does not know {}{}: is it an Interlock coordinator, "
          "and as new as this tool?",
          address, call.method, remark(status));
    case grpc::INVALID_ARGUMENT:
    case grpc::FAILED_PRECONDITION:
    case grpc::ABORTED:
    case grpc::ALREADY_EXISTS:
    case grpc::RESOURCE_EXHAUSTED:
    case grpc::OUT_OF_RANGE:
      return fmt::format("The coordinator refused {}{}; interlockctl help shows how it is used.",
                         call.method, remark(status));
    default:
      return fmt::format("{} failed at {} with gRPC code {}{}; the coordinator's log says more.",
                         call.method, address, static_cast<int>(status.error_code()),
                         remark(status));
  }
}

}  // namespace

Failure call_failure(const grpc::Status& status, const Call& call, const ToolSettings& settings,
                     bool reached) {
  const ExitCode code = exit_code_of(status.error_code());
  if (const auto refusal = refusal_in(status)) {
    return {.code = code, .sentence = human_sentence(*refusal, call.key)};
  }
  if (status.error_code() == grpc::UNAVAILABLE && !reached) {
    return {.code = code, .sentence = unreached(status, to_string(settings.coordinator))};
  }
  return {.code = code, .sentence = plain_sentence(status, call, settings)};
}

}  // namespace interlock
