#include "gateway/attachment_owner.h"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <chrono>

#include "common/log.h"
#include "gateway/boot_clock.h"

namespace interlock {
namespace {

// How long a coordinator that drains may take to answer what it has read.
constexpr std::uint64_t finish_timeout_ms = 500;

}  // namespace

AttachmentShell::Owner::Owner(const AttachmentSettings& settings, OpenAttachStream open)
    : attachment_(settings.gateway_id, settings.address, settings.limits, settings.has_backend),
      open_(std::move(open)),
      next_gateway_id_(settings.next_gateway_id),
      report_load_(settings.report_load),
      give_up_after_ms_(settings.limits.give_up_after_ms),
      thread_([this] { step(); }),
      timer_(thread_.loop()),
      finish_timer_(thread_.loop()) {
  post_elsewhere([](Owner&) {});
}

AttachmentShell::Owner::~Owner() {
  post_elsewhere([](Owner& self) { self.stop(); });
  thread_.join();
}

void AttachmentShell::Owner::post(Input input) {
  thread_.post([this, input = std::move(input)]() mutable { input(*this); });
}

void AttachmentShell::Owner::post_elsewhere(Input input) {
  thread_.post_elsewhere([this, input = std::move(input)]() mutable { input(*this); });
}

void AttachmentShell::Owner::step() {
  const std::uint64_t now_ms = boot_time_ms();
  attachment_.advance_time(now_ms);
  if (attachment_.identity_over()) renew_identity();
  if (const auto why = attachment_.take_cut()) cut(*why);
  open_if_due(now_ms);
  write_if_any(now_ms);
  count();  // before the notices: whoever is told finds it counted, and may act or may not
  report_hold(now_ms);
  bring_notices();
  if (attachment_.unanswered_operations() == 0) end_drains(true);
  wait();
}

void AttachmentShell::Owner::open_if_due(std::uint64_t now_ms) {
  const auto open_at_ms = attachment_.open_at_ms();
  if (stopping_ || stream_ || !open_at_ms || now_ms < *open_at_ms) return;
  const std::uint64_t number = ++stream_number_;
  ++counters_.streams_opened;
  writing_ = false;
  over_ = false;
  was_attached_ = false;
  stream_ = open_(events_of_stream(number));
  attachment_.stream_opened(number, now_ms);
  stream_->read();
}

AttachStream::Events AttachmentShell::Owner::events_of_stream(std::uint64_t number) {
  AttachStream::Events events;
  events.received = [this, number](std::optional<v1::AttachResponse> message) {
    post([number, message = std::move(message)](Owner& self) { self.received(number, message); });
  };
  events.written = [this] { post([](Owner& self) { self.written(); }); };
  events.ended = [this](std::string why) {
    post_elsewhere([why = std::move(why)](Owner& self) { self.ended(why); });
  };
  return events;
}

void AttachmentShell::Owner::received(std::uint64_t number,
                                      const std::optional<v1::AttachResponse>& message) {
  if (!message) {
    over_ = true;
    return stream_->close();
  }
  ++counters_.messages_received;
  attachment_.received(number, *message, boot_time_ms());
  stream_->read();
}

void AttachmentShell::Owner::written() {
  writing_ = false;
  ++counters_.messages_written;
  if (std::exchange(finish_wanted_, false) && !over_) stream_->finish();
}

void AttachmentShell::Owner::ended(const std::string& why) {
  log_at(was_attached_ ? LogLevel::notice : LogLevel::debug, "Stream to the coordinator ended.",
         {{"why", why}});
  ++counters_.streams_ended;
  finish_timer_.cancel();
  finish_wanted_ = false;
  stream_.reset();
  attachment_.stream_closed(stream_number_, boot_time_ms(), random_(generator_));
  if (stopping_) thread_.release();
}

void AttachmentShell::Owner::cut(const std::string& why) {
  if (!stream_ || over_) return;
  log_notice("Giving up the stream to the coordinator.", {{"why", why}});
  if (why != "drain") return stream_->cancel();
  finish_wanted_ = writing_;
  if (!writing_) stream_->finish();
  finish_timer_.expires_after(std::chrono::milliseconds(finish_timeout_ms));
  finish_timer_.async_wait([this, number = stream_number_](const boost::system::error_code& error) {
    if (error) return;
    post([number](Owner& self) {
      const bool still = self.stream_ && !self.over_ && number == self.stream_number_;
      if (still) self.stream_->cancel();
    });
  });
}

void AttachmentShell::Owner::write_if_any(std::uint64_t now_ms) {
  if (!stream_ || writing_ || over_) return;
  auto message = attachment_.next_message(now_ms);
  if (!message) return;
  if (message->has_heartbeat() && report_load_) {
    v1::GatewayLoad& load = *message->mutable_heartbeat()->mutable_load();
    load.set_holding(attachment_.holding());
    report_load_(load);
  }
  writing_ = true;
  stream_->write(std::move(*message));
}

void AttachmentShell::Owner::bring_notices() {
  for (ConnectionNotice& notice : attachment_.take_notices()) {
    const auto found = notify_.find(notice.connection);
    if (found != notify_.end()) found->second(std::move(notice));
  }
  for (v1::ClosedToDeliver& closed : attachment_.take_closed()) {
    if (tell_closed_) tell_closed_(std::move(closed));
  }
  if (send_away_ && attachment_.drain_per_s() != sent_away_per_s_) {
    sent_away_per_s_ = attachment_.drain_per_s();
    send_away_(sent_away_per_s_);
  }
}

void AttachmentShell::Owner::count() {
  if (attachment_.attached() && !std::exchange(was_attached_, true)) {
    ++counters_.attached;
    log_info("Attached to the coordinator.");
  }
  counters_.heartbeats_sent = attachment_.heartbeats_sent();
  counters_.heartbeats_confirmed = attachment_.heartbeats_confirmed();
  counters_.waiting_claims = attachment_.waiting_claims();
  counters_.unanswered_operations = attachment_.unanswered_operations();
  counters_.is_attached = attachment_.attached();
  counters_.store_away = attachment_.store_away();
  counters_.holding = attachment_.holding();
  act_until_ms_ = attachment_.act_until_ms();
  if (const std::uint64_t until_ms = attachment_.act_until_ms(); until_ms > 0) {
    counters_.confirmed_at_ms = until_ms - attachment_.lease().hold_after_ms();
  }
  if (reachable_.exchange(attachment_.reachable()) != attachment_.reachable()) {
    attachment_.reachable() ? log_notice("A coordinator answers again.")
                            : log_warning("No coordinator answers.");
  }
}

void AttachmentShell::Owner::end_drains(bool drained) {
  for (std::promise<bool>& waiting : std::exchange(drains_, {})) waiting.set_value(drained);
}

void AttachmentShell::Owner::wait() {
  auto wake_at_ms = attachment_.wake_at_ms();
  if (const auto open_at_ms = attachment_.open_at_ms()) {
    wake_at_ms = wake_at_ms ? std::min(*wake_at_ms, *open_at_ms) : *open_at_ms;
  }
  if (stopping_ || wake_at_ms == timer_at_ms_) return;
  timer_at_ms_ = wake_at_ms;
  if (!wake_at_ms) {
    timer_.cancel();
    return;
  }
  const std::uint64_t now_ms = boot_time_ms();
  const std::uint64_t wait_ms = *wake_at_ms > now_ms ? *wake_at_ms - now_ms : 0;
  timer_.expires_after(std::chrono::milliseconds(wait_ms));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    post([](Owner& self) { self.timer_at_ms_.reset(); });
  });
}

void AttachmentShell::Owner::stop() {
  stopping_ = true;
  timer_.cancel();
  end_drains(false);
  if (stream_) {
    stream_->cancel();  // its end releases the thread
  } else {
    thread_.release();
  }
}

}  // namespace interlock
