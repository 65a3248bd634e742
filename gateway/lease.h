// Until when may this gateway act for its connections?
//
// A pure value: every call brings the time, on a clock that goes on while the machine sleeps
// (boot_clock.h). It counts from the moment at which the last confirmed heartbeat was *sent*: the
// coordinator renewed the lease later than that, so this side always gives up earlier than that
// one. Whoever is about to act asks at that moment; a timer would be too late, since a process that
// was frozen runs, once thawed, whatever it was about to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "gateway/attachment_limits.h"

namespace interlock {

class Lease {
 public:
  explicit Lease(const AttachmentLimits& limits);

  // ---- what happens ----
  // With every input, before it is looked at.
  void pass(std::uint64_t now_ms);
  // What was sent on an earlier stream, and not confirmed there, counts no more.
  void stream_opened() { sent_.clear(); }
  // The coordinator's TTL (0: it does not say). A gateway that may act for longer than its lease
  // lasts would be fenced while it acts: then it counts with two thirds of the TTL.
  void ttl_named(std::uint64_t ttl_ms) { ttl_ms_ = ttl_ms; }
  // A coordinator said something, whatever it was.
  void heard(std::uint64_t now_ms);
  // `now_ms` must not be later than the moment at which it really leaves.
  void heartbeat_sent(std::uint64_t number, std::uint64_t now_ms);
  void heartbeat_confirmed(std::uint64_t number);
  // Another gateway id, whose lease was never confirmed.
  void begin_anew();

  // ---- what follows ----
  // The first moment at which it may not act; 0: it never could.
  std::uint64_t act_until_ms() const;
  bool may_act(std::uint64_t now_ms) const { return now_ms < act_until_ms(); }
  // It has held for so long, while no coordinator said anything, that its clients are better off
  // elsewhere. As of the last pass().
  bool given_up() const;
  // When there is something to notice.
  std::uint64_t wake_at_ms() const;
  std::uint64_t hold_after_ms() const;
  bool shortened() const { return hold_after_ms() < hold_after_max_ms_; }  // by the TTL

 private:
  struct Sent {
    std::uint64_t number = 0;
    std::uint64_t at_ms = 0;
  };
  // Woken this often while it holds, so that a longer gap shows that this process stood still.
  static constexpr std::uint64_t look_every_ms = 1'000;
  static constexpr std::uint64_t gap_ms = 3'000;
  static constexpr std::size_t sent_max = 64;  // unconfirmed; the oldest goes

  std::uint64_t hold_after_max_ms_;
  std::uint64_t give_up_after_ms_;
  std::uint64_t ttl_ms_ = 0;
  std::deque<Sent> sent_;  // on this stream, not confirmed, in order
  std::optional<std::uint64_t> confirmed_ms_;  // when the last confirmed one was sent
  std::uint64_t seen_ms_ = 0;  // the last pass()
  std::optional<std::uint64_t> alone_since_ms_;  // holding, and nobody has said anything since
};

}  // namespace interlock
