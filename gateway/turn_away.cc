#include "gateway/turn_away.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>
#include <variant>

#include "gateway/refusal.h"
#include "gateway/spawn.h"

namespace interlock {
namespace {

struct BrowserRefusal {
  std::string subprotocol;
  std::uint16_t code = 0;
  std::string reason;
  std::uint64_t close_timeout_ms = 0;
};

// Until the browser has answered the close, or too much time has passed.
class Farewell final : public SocketObserver {
 public:
  Farewell(const LoopExecutor& executor, std::uint64_t time_ms)
      : time_(executor, std::chrono::milliseconds(time_ms)) {}

  void on_incoming(Incoming incoming) override {
    if (!std::holds_alternative<FrameReceived>(incoming)) time_.cancel();
  }
  void on_pong() override {}
  void on_send(bool, bool) override {}
  LoopTimer& time() { return time_; }

 private:
  LoopTimer time_;
};

// The coroutine owns what it is given: parameters by value live in its frame.
Task<void> close_browser(LoopExecutor executor, std::shared_ptr<ClientSocket> socket,
                         BrowserRefusal refusal) {
  Farewell farewell(executor, refusal.close_timeout_ms);
  const bool upgraded = co_await socket->upgrade(refusal.subprotocol);
  if (!upgraded) {
    socket->cut();
    co_return;
  }
  socket->close(refusal.code, refusal.reason);
  socket->observe(&farewell);
  // Nobody waits for the timer yet, so the end must not be told before this coroutine does.
  boost::asio::post(executor, [socket] { socket->start_reading(); });
  const auto [answered] = co_await farewell.time().async_wait(boost::asio::as_tuple(use_task));
  if (answered) {
    socket->leave();
  } else {
    socket->cut();
  }
}

}  // namespace

TurnAway::TurnAway(LoopExecutor executor, GatewayMetrics& metrics,
                   double browser_closes_per_second_max, std::uint64_t close_timeout_ms)
    : executor_(std::move(executor)),
      metrics_(metrics),
      browser_closes_(browser_closes_per_second_max),
      close_timeout_ms_(close_timeout_ms) {}

void TurnAway::refuse(std::shared_ptr<ClientSocket> socket, const RefuseUpgrade& refusal,
                      const AnswerForm& form, std::string_view reason) {
  metrics_.refused(refusal.http, reason);
  if (!form.browser || !browser_closes_.take(std::chrono::steady_clock::now())) {
    socket->answer(http_refusal(refusal));
    return;
  }
  BrowserRefusal said;
  said.subprotocol = form.subprotocol;
  said.code = static_cast<std::uint16_t>(refusal.code);
  said.reason = close_reason(refusal);
  said.close_timeout_ms = close_timeout_ms_;
  spawn(executor_, close_browser(executor_, std::move(socket), std::move(said)));
}

}  // namespace interlock
