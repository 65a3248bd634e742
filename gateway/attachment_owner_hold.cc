// What the owner of an attachment says and does about holding.
#include <fmt/format.h>

#include <string>

#include "common/log.h"
#include "gateway/attachment_owner.h"

namespace interlock {
namespace {

constexpr std::uint64_t late_ms = 1'000;  // noticed later than this: the process was frozen

struct Explanation {
  std::string why;
  std::string what_to_do;
};

Explanation explain(const Attachment& attachment, std::uint64_t now_ms,
                    std::uint64_t give_up_after_ms) {
  const std::uint64_t late = now_ms - attachment.act_until_ms();
  if (late > late_ms) {
    return {fmt::format("This process stood still, and missed the moment by {} ms.", late),
            "Nothing, if the machine was frozen or asleep; otherwise give it more CPU."};
  }
  if (attachment.store_away()) {
    return {"The coordinator says that its store is away.",
            "Bring the store back; the sockets stay open until then."};
  }
  if (!attachment.reachable()) {
    return {"No coordinator answers.",
            fmt::format("Look at the coordinators and the way to them; in {} ms the sockets are "
                        "closed with 4005.",
                        give_up_after_ms)};
  }
  return {"The coordinator does not confirm heartbeats.",
          "Look at the coordinator's log and at its store."};
}

}  // namespace

void AttachmentShell::Owner::renew_identity() {
  const bool expired = attachment_.identity_over() == IdentityEnd::kExpired;
  ++(expired ? counters_.expired : counters_.given_up);
  const std::string before = attachment_.gateway_id();
  attachment_.take_identity(next_gateway_id_());
  acted_ = false;
  held_since_ms_.reset();
  log_warning("This gateway closes its sockets with 4005 and goes on under another id.",
              {{"why", expired ? "Its lease has expired." : "No coordinator has answered."},
               {"gateway_id", before},
               {"next_gateway_id", attachment_.gateway_id()}});
}

void AttachmentShell::Owner::report_hold(std::uint64_t now_ms) {
  if (std::exchange(shortened_, attachment_.lease().shortened()) != shortened_ && shortened_) {
    log_warning("--hold_after is not below the coordinator's lease TTL; a shorter time is used.",
                {{"hold_after_ms", attachment_.lease().hold_after_ms()}});
  }
  if (!attachment_.holding()) {
    acted_ = true;
    if (!held_since_ms_) return;
    log_notice("Acting again: a heartbeat was confirmed.", {{"held_ms", now_ms - *held_since_ms_}});
    return held_since_ms_.reset();
  }
  if (!acted_ || held_since_ms_) return;  // it has not begun to act yet, or this was said
  held_since_ms_ = now_ms;
  ++counters_.holds;
  const Explanation explanation = explain(attachment_, now_ms, give_up_after_ms_);
  log_warning("Holding: no heartbeat was confirmed in time, so events and messages wait.",
              {{"why", explanation.why}, {"what_to_do", explanation.what_to_do}});
}

}  // namespace interlock
