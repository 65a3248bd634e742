// The shell's two links: to the coordinator, and to the backend.
#include <boost/asio/post.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "gateway/session_shell.h"

namespace interlock {

namespace asio = boost::asio;

template <typename Handler>
auto SessionShell::from_elsewhere(Handler handler) {
  return [weak = weak_from_this(), executor = around_.executor, handler](auto what) {
    asio::post(executor, [weak, handler, what = std::move(what)]() mutable {
      if (const auto self = weak.lock()) handler(*self, std::move(what));
    });
  };
}

// ---- the coordinator ----

void SessionShell::carry_out(SendClaim& action) {
  // A delivery that finds nobody gives its credit back all the same: it belongs to the whole
  // gateway.
  auto notify = [weak = weak_from_this(), executor = around_.executor,
                 coordinator = &around_.coordinator](ConnectionNotice notice) {
    asio::post(executor, [weak, coordinator, notice = std::move(notice)]() mutable {
      const auto self = weak.lock();
      if (self != nullptr && !self->released_) {
        self->on_notice(std::move(notice));
      } else if (const auto* delivery = std::get_if<v1::Delivery>(&notice.what)) {
        coordinator->return_credit(delivery->payload_bytes());
      }
    });
  };
  named_position_ = action.request.has_position();
  trace_.begin(HandshakeStep::kClaim);
  action.request.set_traceparent(trace_.traceparent(HandshakeStep::kClaim));
  around_.coordinator.claim(connection_, std::move(action.request), std::move(notify));
}

void SessionShell::on_notice(ConnectionNotice notice) {
  std::visit(
      [this](auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, v1::ClaimAnswer>) {
          trace_.claimed(what.has_granted());
          if (what.has_granted()) count_grant(what.granted());
          feed(ClaimAnswered{std::move(what)});
        } else if constexpr (std::is_same_v<What, v1::OperateAnswer>) {
          feed(Operated{std::move(what)});
        } else if constexpr (std::is_same_v<What, v1::Superseded>) {
          feed(SupersededNotice{what.by_generation()});
        } else if constexpr (std::is_same_v<What, v1::Released>) {
          feed(ReleasedNotice{std::move(what)});
        } else if constexpr (std::is_same_v<What, v1::StateNotice>) {
          feed(StateMoved{std::move(what)});
        } else if constexpr (std::is_same_v<What, v1::Delivery>) {
          feed(Delivered{std::move(what)});
        } else {
          static_assert(std::is_same_v<What, HoldNotice>);
          work_off();
        }
      },
      notice.what);
}

void SessionShell::count_grant(const v1::Granted& granted) {
  last_event_sent_ = granted.next_seq() - 1;
  if (named_position_) around_.metrics.resumed(granted.resumed() && !granted.position_lost());
}

void SessionShell::carry_out(SendAbandon&) { around_.coordinator.abandon(connection_); }

void SessionShell::carry_out(SendOperation& action) {
  around_.coordinator.operate(connection_, action.generation, std::move(action.operation),
                              trace_.traceparent(HandshakeStep::kReady));
}

void SessionShell::carry_out(Acknowledge& action) {
  around_.coordinator.acknowledge(connection_, action.generation, action.sequence);
}

void SessionShell::carry_out(EventsSent& action) {
  if (action.sequence > last_event_sent_) {
    around_.metrics.events_sent.Increment(static_cast<double>(action.sequence - last_event_sent_));
    last_event_sent_ = action.sequence;
  }
  around_.coordinator.events_sent(connection_, action.generation, action.sequence);
}

void SessionShell::carry_out(ReturnCredit& action) {
  around_.coordinator.return_credit(action.bytes);
}

void SessionShell::carry_out(TransientsDropped& action) {
  around_.metrics.transients_dropped.Increment(static_cast<double>(action.count));
}

// ---- the backend ----

namespace {

OpenResult open_result(BackendResult result) {
  switch (result) {
    case BackendResult::kOk:
      return OpenResult::kOk;
    case BackendResult::kRefused:
      return OpenResult::kRefused;
    case BackendResult::kUnavailable:
    case BackendResult::kRejected:
      break;  // degraded: the operator sees it, and it is tried again
  }
  return OpenResult::kUnavailable;
}

SessionInput message_result(std::string id, BackendAnswer answer) {
  switch (answer.result) {
    case BackendResult::kOk:
      return MessageTaken{std::move(id)};
    case BackendResult::kRejected:
      return MessageFailed{std::move(id), "INVALID_ARGUMENT", std::move(answer.message), false};
    case BackendResult::kRefused:  // it has seen a higher generation
      return MessageFailed{std::move(id), "ABORTED", std::move(answer.message), true};
    case BackendResult::kUnavailable:
      break;
  }
  return MessageFailed{std::move(id), "UNAVAILABLE", std::move(answer.message), true};
}

std::string_view result_label(BackendResult result) {
  switch (result) {
    case BackendResult::kOk:
      return "taken";
    case BackendResult::kRejected:
      return "rejected";
    case BackendResult::kRefused:
      return "refused";
    case BackendResult::kUnavailable:
      break;
  }
  return "unavailable";
}

}  // namespace

void SessionShell::carry_out(OpenBackend& action) {
  if (around_.backend == nullptr) return feed(BackendOpened{OpenResult::kUnavailable});
  v1::OpenRequest request;
  request.set_key(session_.key());
  request.set_subject(session_.subject());
  request.set_generation(action.generation);
  request.set_resumed(action.resumed);
  trace_.begin(HandshakeStep::kOpen);
  around_.backend->open(std::move(request),
                        from_elsewhere([](SessionShell& self, const BackendAnswer& answer) {
                          self.trace_.opened(answer.result == BackendResult::kOk);
                          self.feed(BackendOpened{open_result(answer.result)});
                        }),
                        trace_.traceparent(HandshakeStep::kOpen));
}

void SessionShell::carry_out(SendToBackend& action) {
  if (around_.backend == nullptr) {
    return feed(message_result(std::move(action.id),
                               {BackendResult::kUnavailable, "There is no backend."}));
  }
  v1::ReceiveRequest request;
  request.set_key(session_.key());
  request.set_subject(session_.subject());
  request.set_generation(action.generation);
  request.set_message_id(action.id);
  request.set_data(std::move(action.data));
  const std::optional<OpenSpan> span = trace_.begin_message();
  around_.backend->receive(
      std::move(request),
      from_elsewhere([id = std::move(action.id), span](SessionShell& self, BackendAnswer answer) {
        self.around_.metrics.message(result_label(answer.result));
        const bool taken = answer.result == BackendResult::kOk;
        self.trace_.end_message(span, taken ? "" : result_label(answer.result));
        self.feed(message_result(id, std::move(answer)));
      }),
      from_elsewhere([](SessionShell& self, v1::Transient event) {
        self.feed(TransientReceived{std::move(event)});
      }),
      span ? span->traceparent() : std::string());
}

}  // namespace interlock
