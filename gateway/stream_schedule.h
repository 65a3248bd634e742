// When to open a stream, when to send a heartbeat on it, and when to give it up.
//
// A coordinator whose store is away is left after a few seconds for the next one: perhaps only that
// one is cut off. Where there is but one it is attached to again, which shows that it is there.
//
// A pure value: every call brings the time, on one clock that never goes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/backoff.h"
#include "gateway/attachment_limits.h"

namespace interlock {

class StreamSchedule {
 public:
  explicit StreamSchedule(const AttachmentLimits& limits);

  void opened(std::uint64_t now_ms);
  // The coordinator's hello; `heartbeat_ms` is its wish, 0 for none.
  void greeted(std::uint64_t now_ms, std::uint64_t heartbeat_ms);
  void heard(std::uint64_t now_ms) { heard_at_ms_ = now_ms; }
  void store_away(bool away, std::uint64_t now_ms);  // as it says on this stream
  // It has been given up: nothing is due on it any more.
  void given_up() { watched_ = false; }
  // The next one follows after a random wait, or at once when this one stood for a while and was
  // only told to go elsewhere.
  void closed(std::uint64_t now_ms, bool drained, double random);

  // Notices what is overdue; returns why the stream must be given up, if it must.
  std::optional<std::string> overdue(std::uint64_t now_ms);
  bool heartbeat_due() const { return heartbeat_due_; }
  void heartbeat_sent(std::uint64_t now_ms);

  std::uint64_t open_at_ms() const { return open_at_ms_; }
  // The next moment at which overdue() has something to notice.
  std::optional<std::uint64_t> wake_at_ms() const;
  bool reachable() const { return reachable_; }

 private:
  // A coordinator whose store is away may be silent: it is left anyway.
  std::uint64_t leave_at_ms() const;
  std::uint64_t unreachable_at_ms() const;

  AttachmentLimits limits_;
  Backoff backoff_;
  bool watched_ = false;        // a stream stands and has not been given up
  bool greeted_ = false;        // its hello has come
  bool heartbeat_due_ = false;
  std::uint64_t open_at_ms_ = 0;
  std::uint64_t opened_at_ms_ = 0;
  std::uint64_t greeted_at_ms_ = 0;
  std::uint64_t heard_at_ms_ = 0;
  std::uint64_t heartbeat_ms_;
  std::uint64_t heartbeat_at_ms_ = 0;          // the next one
  std::optional<std::uint64_t> store_away_since_ms_;  // on this stream
  std::uint64_t stay_ms_;  // from then on
  std::optional<std::uint64_t> away_since_ms_;  // no hello since
  bool looking_elsewhere_ = false;  // the last one was left because its store is away
  bool reachable_ = true;
};

}  // namespace interlock
