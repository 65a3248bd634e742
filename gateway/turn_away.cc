#include "gateway/turn_away.h"

#include <chrono>
#include <utility>

#include "gateway/cut_timer.h"
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

// The coroutine owns what it is given: parameters by value live in its frame.
Task<void> close_browser(LoopExecutor executor, std::shared_ptr<ClientSocket> socket,
                         BrowserRefusal refusal) {
  const CutTimer deadline(executor, socket, refusal.close_timeout_ms);
  const bool upgraded = co_await socket->upgrade(refusal.subprotocol);
  if (!upgraded) {
    socket->cut();
    co_return;
  }
  socket->close(refusal.code, refusal.reason);
  for (bool ended = false; !ended;) {
    const Incoming incoming = co_await socket->read();
    ended = !std::holds_alternative<FrameReceived>(incoming);
  }
  socket->leave();
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
