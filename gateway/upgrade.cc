#include "gateway/upgrade.h"

#include <algorithm>
#include <utility>

#include "common/connection_key.h"
#include "gateway/upgrade_query.h"

namespace interlock {
namespace {

constexpr std::string_view bearer_prefix = "bearer.";
constexpr std::string_view anonymous_subject = "anonymous";
constexpr std::size_t subject_bytes_max = 1024;       // of a ClaimRequest
constexpr std::size_t websocket_key_length = 24;  // RFC 6455, 4.1: 16 bytes in base64

// The elements of a list field, from all fields of the name together (RFC 9110, 5.3).
std::vector<std::string_view> list_of(const HttpRequest& request, std::string_view name) {
  std::vector<std::string_view> elements;
  for (const HeaderField& field : request.fields) {
    if (!equal_ignoring_case(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      const std::string_view element = trim(rest.substr(0, comma));
      if (!element.empty()) elements.push_back(element);
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return elements;
}

bool list_names(const HttpRequest& request, std::string_view field, std::string_view wanted) {
  return std::ranges::any_of(list_of(request, field), [wanted](std::string_view element) {
    return equal_ignoring_case(element, wanted);
  });
}

// ---- refusals ----

UpgradeRefused refused(std::uint16_t http, std::string_view reason, std::string message) {
  UpgradeRefused refusal;
  refusal.answer.http = http;
  refusal.answer.code = CloseCode::kProtocolError;
  refusal.answer.message = std::move(message);
  refusal.reason = reason;
  return refusal;
}

UpgradeRefused refused(std::uint16_t http, CloseCode code, std::string_view reason,
                       std::string message) {
  UpgradeRefused refusal = refused(http, reason, std::move(message));
  refusal.answer.code = code;
  return refusal;
}

// What is wrong with the opening handshake itself (RFC 6455, 4.2.1).
std::optional<UpgradeRefused> handshake_fault(const HttpRequest& request) {
  if (path_of(request.target) != websocket_path) {
    return refused(404, "wrong_path",
                   "There is only /ws, a WebSocket with subprotocol interlock.v1.");
  }
  if (request.method != "GET" || request.version < 11 ||
      !list_names(request, "Connection", "upgrade") ||
      !list_names(request, "Upgrade", "websocket")) {
    return refused(426, "not_an_upgrade", "/ws takes WebSocket upgrades only.");
  }
  if (trim(field_of(request, "Sec-WebSocket-Version")) != "13") {
    return refused(426, "websocket_version",
                   "Only version 13 of the WebSocket protocol is spoken.");
  }
  const std::string_view key = trim(field_of(request, "Sec-WebSocket-Key"));
  if (key.size() != websocket_key_length || !key.ends_with("==")) {
    return refused(400, "bad_handshake", "Sec-WebSocket-Key is not 16 bytes in base64.");
  }
  if (field_of(request, "Host").empty()) {
    return refused(400, "bad_handshake", "There is no Host.");
  }
  return std::nullopt;
}

// ---- who ----

constexpr std::uint64_t keys_after_ms = 2'000;

struct Offer {
  bool interlock = false;
  std::string_view bearer;  // the token
  std::string_view first;   // that is neither
};

Offer read_offer(const HttpRequest& request) {
  Offer offer;
  for (const std::string_view protocol : list_of(request, "Sec-WebSocket-Protocol")) {
    if (protocol == websocket_subprotocol) {
      offer.interlock = true;
    } else if (protocol.starts_with(bearer_prefix)) {
      if (offer.bearer.empty()) offer.bearer = protocol.substr(bearer_prefix.size());
    } else if (offer.first.empty()) {
      offer.first = protocol;
    }
  }
  return offer;
}

std::string_view token_of(const HttpRequest& request, const Offer& offer) {
  const std::string_view token = bearer_token_of(request);
  return token.empty() ? offer.bearer : token;
}

std::variant<VerifiedToken, UpgradeRefused> verify(const UpgradePolicy& policy,
                                                   std::string_view token,
                                                   std::int64_t now_unix_seconds) {
  if (policy.verifier == nullptr) return VerifiedToken{std::string(anonymous_subject), {}};
  if (token.empty()) {
    return refused(401, CloseCode::kUnauthorized, "no_token", "A bearer token is needed.");
  }
  TokenVerdict verdict = policy.verifier->verify(token, now_unix_seconds);
  if (auto* verified = std::get_if<VerifiedToken>(&verdict)) {
    if (verified->subject.size() > subject_bytes_max) {
      return refused(401, CloseCode::kUnauthorized, "bad_token",
                     "The token's subject is too long.");
    }
    if (!policy.is_revoked || !policy.is_revoked(verified->subject)) return std::move(*verified);
    return refused(403, CloseCode::kUnauthorized, "revoked", "The token's subject is revoked.");
  }
  const auto rejection = std::get<TokenRejection>(verdict);
  if (is_for_now(rejection)) {
    // A client that was told "unauthorized" would not come back.
    UpgradeRefused refusal = refused(503, CloseCode::kNotNow, "no_keys",
                                     "The keys that tokens are verified with are being fetched.");
    refusal.answer.after_ms = keys_after_ms;
    return refusal;
  }
  if (rejection == TokenRejection::expired) {
    return refused(401, CloseCode::kTokenExpired, "token_expired", "The token has expired.");
  }
  return refused(401, CloseCode::kUnauthorized, "bad_token", "The token is not accepted.");
}

// ---- what ----

// Everything behind the handshake; its refusals can be said as a close code.
std::variant<UpgradeAccepted, UpgradeRefused> decide_session(const HttpRequest& request,
                                                             const Offer& offer,
                                                             const UpgradePolicy& policy,
                                                             UpgradeMoment moment) {
  if (!offer.interlock) {
    return refused(400, "no_subprotocol", "The subprotocol interlock.v1 must be offered.");
  }
  auto verdict = verify(policy, token_of(request, offer), moment.now_unix_seconds);
  if (auto* refusal = std::get_if<UpgradeRefused>(&verdict)) return std::move(*refusal);
  auto query = parse_upgrade_query(request.target);
  if (!query.ok()) return refused(400, "bad_query", std::string(query.status().message()));

  auto& token = std::get<VerifiedToken>(verdict);
  UpgradeAccepted accepted;
  accepted.token_expires_at = token.expires_at;
  accepted.traceparent = traceparent_of(request);
  SessionRequest& session = accepted.session;
  session.session = std::move(query->session).value_or(std::move(moment.fresh_session));
  auto key = make_connection_key(token.subject, session.session);
  if (!key.ok()) return refused(400, "bad_session", std::string(key.status().message()));
  session.key = std::move(*key);
  session.attempt = std::move(query->attempt);
  session.position = std::move(query->position);
  session.show_states = query->show_states;
  session.subject = std::move(token.subject);
  session.claim_id = std::move(moment.claim_id);
  session.has_backend = policy.has_backend;
  session.policy = policy.duplicates;
  return accepted;
}

}  // namespace

UpgradeDecision decide_upgrade(const HttpRequest& request, const UpgradePolicy& policy,
                               UpgradeMoment moment) {
  if (auto refusal = handshake_fault(request)) {
    // There is no WebSocket that could be closed, so no code either.
    refusal->answer.code = CloseCode::kNoStatus;
    return std::move(*refusal);
  }
  const Offer offer = read_offer(request);
  AnswerForm form;
  form.browser = !field_of(request, "Origin").empty() || !offer.bearer.empty();
  form.subprotocol = offer.interlock ? websocket_subprotocol : offer.first;
  UpgradeDecision decision = decide_session(request, offer, policy, std::move(moment));
  std::visit([&form](auto& outcome) { outcome.form = std::move(form); }, decision);
  return decision;
}

}  // namespace interlock
