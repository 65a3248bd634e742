// Whether a request may become a session, and what it asks for.
//
// Pure: the time and the random names are arguments, and what it reads are views into the request.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/token.h"
#include "gateway/http_request.h"
#include "gateway/session_types.h"

namespace interlock {

inline constexpr std::string_view websocket_path = "/ws";
inline constexpr std::string_view websocket_subprotocol = "interlock.v1";

// What is the same for every request of a gateway.
struct UpgradePolicy {
  const TokenVerifier* verifier = nullptr;  // none: every subject is "anonymous"
  std::function<bool(std::string_view subject)> is_revoked;  // none: nobody is
  bool has_backend = false;
  v1::Policy duplicates = v1::TAKE_OVER;
};

// What is different for each.
struct UpgradeMoment {
  std::int64_t now_unix_seconds = 0;
  std::string fresh_session;  // the session, when the client names none
  std::string claim_id;       // 16 random bytes
};

// How the client is to be answered, whatever the answer is.
struct AnswerForm {
  // A browser cannot see the status of a refused upgrade, so it gets 101 and a close code.
  bool browser = false;
  // What the 101 selects: interlock.v1, or else the client's first, since browsers insist on one.
  std::string subprotocol;
};

struct UpgradeAccepted {
  SessionRequest session;
  AnswerForm form;
  std::optional<std::int64_t> token_expires_at;  // unix seconds
  std::string traceparent;                       // as the client says it; empty: it does not
};

struct UpgradeRefused {
  RefuseUpgrade answer;
  AnswerForm form;  // browser: answer.code may be said behind a 101
  std::string_view reason;  // one word for the metrics
};

using UpgradeDecision = std::variant<UpgradeAccepted, UpgradeRefused>;

UpgradeDecision decide_upgrade(const HttpRequest& request, const UpgradePolicy& policy,
                               UpgradeMoment moment);

}  // namespace interlock
