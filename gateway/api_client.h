// The coordinator, as those see it who publish and look at connections over HTTP.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "interlock/v1/admin.pb.h"
#include "interlock/v1/connection.pb.h"
#include "interlock/v1/events.pb.h"

namespace interlock {

// The status is gRPC's, whose codes absl shares.
struct ApiFailure {
  absl::Status status;
  std::optional<v1::Refusal> refusal;  // in the status's details
};

template <typename Answer>
using ApiResult = std::variant<Answer, ApiFailure>;
template <typename Answer>
using ApiDone = std::function<void(ApiResult<Answer>)>;

// Safe to call from any thread. Each call is answered once, within a deadline, on a thread of the
// client, which must not be blocked. `token` is the caller's own, or empty; the coordinator judges
// it.
class ApiClient {
 public:
  virtual ~ApiClient() = default;
  virtual void publish(v1::PublishRequest request, std::string token,
                       ApiDone<v1::Receipt> done) = 0;
  virtual void look(v1::GetRequest request, std::string token, ApiDone<v1::Connection> done) = 0;
};

}  // namespace interlock
