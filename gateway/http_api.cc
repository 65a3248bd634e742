#include "gateway/http_api.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/api_answer.h"
#include "gateway/cut_timer.h"
#include "gateway/spawn.h"

namespace interlock {

namespace asio = boost::asio;

namespace {

constexpr auto use_result = asio::as_tuple(use_task);
constexpr std::uint64_t full_after_ms = 1'000;

// One request under way, as long as it lives.
class Place {
 public:
  explicit Place(std::shared_ptr<std::atomic<std::size_t>> count)
      : count_(std::move(count)), number_(count_->fetch_add(1) + 1) {}
  ~Place() { count_->fetch_sub(1); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  std::size_t number() const { return number_; }

 private:
  std::shared_ptr<std::atomic<std::size_t>> count_;
  std::size_t number_;
};

HttpProblem full() {
  HttpProblem problem;
  problem.status = 429;
  problem.reason = "RESOURCE_EXHAUSTED";
  problem.detail = "This gateway has as many requests under way as it takes. Repeat it later.";
  problem.after_ms = full_after_ms;
  return problem;
}

HttpProblem malformed_body() {
  HttpProblem problem;
  problem.status = 400;
  problem.reason = "INVALID_ARGUMENT";
  problem.detail = "The body is not framed as HTTP/1.1 says. Send a Content-Length, or chunks.";
  problem.texts.emplace_back("field", "body");
  return problem;
}

HttpProblem not_served() {
  HttpProblem problem;
  problem.status = 403;
  problem.reason = "HTTP_API_OFF";
  problem.detail =
      "This gateway does not serve the HTTP API: it was told not to, or has no token for its "
      "coordinator, which then asks nobody for one. Ask its operator.";
  return problem;
}

// Where the client's thread leaves the answer, and the loop waits for it.
template <typename Answer>
struct Expected {
  Expected(const LoopExecutor& executor, std::uint64_t timeout_ms)
      : timer(executor, std::chrono::milliseconds(timeout_ms)) {}
  LoopTimer timer;
  std::optional<ApiResult<Answer>> result;
};

template <typename Answer>
ApiDone<Answer> leave_in(const std::shared_ptr<Expected<Answer>>& place) {
  return [place](ApiResult<Answer> result) {
    asio::post(place->timer.get_executor(), [place, result = std::move(result)]() mutable {
      place->result = std::move(result);
      place->timer.cancel();
    });
  };
}

// The timer bounds the wait whatever the client does.
template <typename Answer>
Task<ApiResult<Answer>> arrival(std::shared_ptr<Expected<Answer>> place) {
  co_await place->timer.async_wait(use_result);
  if (place->result) co_return *std::move(place->result);
  co_return ApiFailure{absl::DeadlineExceededError(""), std::nullopt};
}

}  // namespace

HttpApi::HttpApi(LoopExecutor executor, const HttpApiLimits& limits, ApiClient* client,
                 GatewayMetrics& metrics, std::shared_ptr<std::atomic<std::size_t>> under_way)
    : executor_(std::move(executor)),
      limits_(limits),
      client_(client),
      metrics_(metrics),
      under_way_(std::move(under_way)) {}

void HttpApi::serve(std::shared_ptr<ClientSocket> socket) {
  if (client_ == nullptr) {
    HttpAnswer off = to_answer(not_served());
    off.with_body = socket->request().method != "HEAD";
    return answer(*socket, off);
  }
  serving_.insert(socket);
  spawn(executor_, exchange(std::move(socket)));
}

Task<void> HttpApi::exchange(std::shared_ptr<ClientSocket> socket) {
  const Place place(under_way_);
  auto head = read_api_head(socket->request());
  std::optional<HttpAnswer> said;
  if (place.number() > limits_.requests_max) {
    said = to_answer(full());
  } else if (const auto* problem = std::get_if<HttpProblem>(&head)) {
    said = to_answer(*problem);
    said->with_body = socket->request().method != "HEAD";
  } else {
    said = co_await answer_to(socket, std::move(std::get<ApiCall>(head)));
  }
  serving_.erase(socket);
  if (said) answer(*socket, *said);
}

Task<std::optional<HttpAnswer>> HttpApi::answer_to(std::shared_ptr<ClientSocket> socket,
                                                   ApiCall call) {
  if (call.kind == ApiCall::Kind::kPublish) {
    std::optional<HttpAnswer> published = co_await publish(std::move(socket), std::move(call));
    co_return published;
  }
  const bool with_body = call.with_body;
  HttpAnswer seen = co_await look(std::move(call));
  seen.with_body = with_body;
  co_return seen;
}

Task<std::optional<HttpAnswer>> HttpApi::publish(std::shared_ptr<ClientSocket> socket,
                                                 ApiCall call) {
  BodyRead body;
  unread_.insert(socket);
  {
    const CutTimer deadline(executor_, socket, limits_.body_timeout_ms);
    body = co_await socket->read_body(event_body_bytes_max);
  }
  unread_.erase(socket);
  if (body.outcome == BodyOutcome::kTooLarge) co_return to_answer(body_too_large());
  if (body.outcome == BodyOutcome::kMalformed) co_return to_answer(malformed_body());
  if (body.outcome == BodyOutcome::kGone) {
    socket->cut();
    co_return std::nullopt;
  }
  auto event = read_publish(call, body.text);
  if (const auto* problem = std::get_if<HttpProblem>(&event)) co_return to_answer(*problem);

  const auto place = std::make_shared<Expected<v1::Receipt>>(executor_, limits_.answer_timeout_ms);
  client_->publish(std::move(std::get<v1::PublishRequest>(event)), std::move(call.token),
                   leave_in(place));
  const ApiResult<v1::Receipt> result = co_await arrival(place);
  if (const auto* failure = std::get_if<ApiFailure>(&result)) {
    co_return to_answer(problem_of(*failure));
  }
  co_return receipt_answer(std::get<v1::Receipt>(result));
}

Task<HttpAnswer> HttpApi::look(ApiCall call) {
  v1::GetRequest request;
  request.set_key(std::move(call.key));
  request.set_consistency(v1::LATEST);
  const auto place =
      std::make_shared<Expected<v1::Connection>>(executor_, limits_.answer_timeout_ms);
  client_->look(std::move(request), std::move(call.token), leave_in(place));
  const ApiResult<v1::Connection> result = co_await arrival(place);
  if (const auto* failure = std::get_if<ApiFailure>(&result)) {
    co_return to_answer(problem_of(*failure));
  }
  co_return connection_answer(std::get<v1::Connection>(result));
}

void HttpApi::answer(ClientSocket& socket, const HttpAnswer& answer) {
  metrics_.api_answered(answer.status);
  socket.answer(answer);
}

void HttpApi::cut_unread() {
  const std::vector<std::shared_ptr<ClientSocket>> sockets(unread_.begin(), unread_.end());
  for (const auto& socket : sockets) socket->cut();
}

void HttpApi::cut() {
  const std::vector<std::shared_ptr<ClientSocket>> sockets(serving_.begin(), serving_.end());
  for (const auto& socket : sockets) socket->cut();
}

}  // namespace interlock
