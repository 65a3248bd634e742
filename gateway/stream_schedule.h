// When to open a stream, when to send a heartbeat on it, and when to give it up.
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
  // It has been given up: nothing is due on it any more.
  void given_up() { watched_ = false; }
  // The next one follows after a random wait, or at once when this one stood for a while and was
  // only told to go elsewhere.
  void closed(std::uint64_t now_ms, bool drained, double random);

  // Notices what is overdue; returns why the stream must be given up, if it must. A coordinator
  // that has said that its store is away may be silent.
  std::optional<std::string> overdue(std::uint64_t now_ms, bool store_away);
  bool heartbeat_due() const { return heartbeat_due_; }
  void heartbeat_sent(std::uint64_t now_ms);

  std::uint64_t open_at_ms() const { return open_at_ms_; }
  // The next moment at which overdue() has something to notice.
  std::optional<std::uint64_t> wake_at_ms(bool store_away) const;
  bool reachable() const { return reachable_; }

 private:
  std::uint64_t silent_at_ms() const { return heard_at_ms_ + heartbeat_ms_ + limits_.silence_ms; }

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
  std::optional<std::uint64_t> away_since_ms_;  // no hello since
  bool reachable_ = true;
};

}  // namespace interlock
