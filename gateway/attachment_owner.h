// The thread behind an AttachmentShell. Private to it.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "gateway/attachment_shell.h"
#include "gateway/turn_thread.h"

namespace interlock {

// Everything but post(), the counters, reachable_ and act_until_ms_ is used in a turn only: the
// inputs that wait, and one step.
class AttachmentShell::Owner {
 public:
  Owner(const AttachmentSettings& settings, OpenAttachStream open);
  ~Owner();

  using Input = absl::AnyInvocable<void(Owner&)>;
  void post(Input input);
  // Not in a turn of the caller's.
  void post_elsewhere(Input input);

  Attachment attachment_;
  std::unordered_map<std::uint64_t, Notify> notify_;  // by connection
  TellClosed tell_closed_;
  SendAway send_away_;
  std::vector<std::promise<bool>> drains_;
  AttachCounters counters_;
  std::atomic<bool> reachable_ = true;
  std::atomic<std::uint64_t> act_until_ms_ = 0;

 private:
  void step();
  void open_if_due(std::uint64_t now_ms);
  AttachStream::Events events_of_stream(std::uint64_t number);
  void received(std::uint64_t number, const std::optional<v1::AttachResponse>& message);
  void written();
  void ended(const std::string& why);
  void cut(const std::string& why);
  void write_if_any(std::uint64_t now_ms);
  void bring_notices();
  void renew_identity();
  void count();
  void report_hold(std::uint64_t now_ms);
  void end_drains(bool drained);
  void wait();  // sets the timer to the next moment at which something is due by itself
  void stop();

  OpenAttachStream open_;
  std::function<std::string()> next_gateway_id_;
  std::function<void(v1::GatewayLoad& load)> report_load_;
  std::uint64_t give_up_after_ms_;
  std::shared_ptr<AttachStream> stream_;
  std::uint64_t stream_number_ = 0;
  bool writing_ = false;
  bool over_ = false;           // nothing more will be received; its end follows
  bool finish_wanted_ = false;  // as soon as the write under way is done
  bool was_attached_ = false;   // this stream, as counted
  bool stopping_ = false;
  std::optional<std::uint64_t> held_since_ms_;  // a hold that was reported
  bool acted_ = false;  // under this id
  bool shortened_ = false;  // as reported
  std::uint32_t sent_away_per_s_ = 0;  // as told
  std::optional<std::uint64_t> timer_at_ms_;
  std::mt19937_64 generator_{std::random_device{}()};
  std::uniform_real_distribution<double> random_{0.0, 1.0};
  TurnThread thread_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer finish_timer_;
};

}  // namespace interlock
